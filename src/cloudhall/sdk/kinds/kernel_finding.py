"""Finding · 核对发现. Written by `make docs` from the declaration of kernel.finding."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Makes, Reads
from cloudhall.sdk.resource import How, Resource


class FindingSpec(TypedDict):
    """What people decided."""

    what: Literal["stray", "lost", "excess", "contradiction"]
    """What · 问题"""
    account: str
    """Account · 账目"""
    thing: str
    """Thing · 对象"""
    target: str
    """Resource · 资源"""
    accepted: bool
    """Accepted · 已接受"""


class FindingStatus(TypedDict):
    """What the program found out."""

    since_us: int
    """Since · 发现于"""
    ended_us: int
    """Ended · 消除于"""
    detail: str
    """Detail · 详情"""


class Finding(Resource):
    """Finding · 核对发现."""

    project: str
    spec: FindingSpec
    status: FindingStatus


class FindingWhere(TypedDict, total=False):
    """What a list of findings is filtered by."""

    what: (
        Literal["stray", "lost", "excess", "contradiction"]
        | Sequence[Literal["stray", "lost", "excess", "contradiction"]]
    )
    target: str | Sequence[str]


class FindingInput(TypedDict):
    """What a new one is made from."""

    what: Literal["stray", "lost", "excess", "contradiction"]
    """What · 问题"""
    account: str
    """Account · 账目"""
    thing: str
    """Thing · 对象"""
    target: NotRequired[str]
    """Resource · 资源"""


class Findings(Reads[Finding, FindingWhere], Makes[Finding, FindingInput]):
    """Finding · 核对发现.

    What an engine holds is not what the resources say (a leak, a loss or rights too many), or a reading was told
    in two ways. People mend it; the program repairs nothing by itself.
    引擎所持与资源所载不符（泄漏、丢失或多余的权限），或同一读数有两种说法。由人处理，程序不会自行修复。
    """

    kind: ClassVar[str] = "kernel.finding"
    plural: ClassVar[str] = "findings"
    scope: ClassVar[str] = "project"

    def accept(self, target: str, **how: Unpack[How]) -> Finding:
        """Accept · 接受."""
        return cast("Finding", self._act(target, "accept", {}, how))

    def retry(self, target: str, **how: Unpack[How]) -> Finding:
        """Retry now · 立即重试."""
        return cast("Finding", self._act(target, "retry", {}, how))
