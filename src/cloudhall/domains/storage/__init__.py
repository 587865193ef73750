"""Storage answers: where is it kept."""

from pathlib import Path

from cloudhall.domains.storage import emptying as emptying  # makes its operation known
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.domains.storage.conservation import ACCOUNTS
from cloudhall.domains.storage.meters import METERS
from cloudhall.domains.storage.pages import PAGES, TOOLS
from cloudhall.kernel.registry import Domain
from cloudhall.kernel.text import T

DOMAIN = Domain(
    name="storage",
    title=T("存储", "Storage"),
    question=T("数据存在哪里？", "Where is it kept?"),
    kinds=(Bucket, AccessKey),
    depends_on=("identity",),
    clauses=("SYS-001",),
    meters=METERS,
    policies=(Path(__file__).parent / "policies.cedar").read_text(encoding="utf-8"),
    pages=PAGES,
    tools=TOOLS,
    accounts=ACCOUNTS,
)
