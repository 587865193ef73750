"""Documents answer: what belongs to it on paper? Files attached to resources of any kind."""

from cloudhall.kernel.registry import Domain
from cloudhall.kernel.text import T

DOMAIN = Domain(
    name="documents",
    title=T("附件", "Documents"),
    question=T("有哪些文件为凭？", "Which papers belong to it?"),
    kinds=(),
)
