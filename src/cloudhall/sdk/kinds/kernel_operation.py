"""Operation · 操作. Written by `make docs` from the declaration of kernel.operation."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Makes, Reads
from cloudhall.sdk.resource import How, Resource, Texts


class OperationSpec(TypedDict):
    """What people decided."""

    what: str
    """Work · 工作"""
    target: str
    """Target · 对象"""
    parent: str
    """Parent · 上级操作"""
    cancelled: bool
    """Cancelled · 已取消"""


class OperationStepState(TypedDict):
    """How far a step has come."""

    name: str
    """name"""
    title: Texts
    """Step · 步骤"""
    done: int
    """Done · 已完成"""
    total: int | None
    """Of · 共"""
    started_us: int
    """Started · 开始"""
    ended_us: int
    """Ended · 结束"""


class OperationStatus(TypedDict):
    """What the program found out."""

    steps: list[OperationStepState]
    """Steps · 步骤"""
    log: list[str]
    """Log · 日志"""
    ended: Literal["", "done", "cancelled"]
    """End · 结果"""


class Operation(Resource):
    """Operation · 操作."""

    project: str
    spec: OperationSpec
    status: OperationStatus


class OperationWhere(TypedDict, total=False):
    """What a list of operations is filtered by."""

    target: str | Sequence[str]
    ended: Literal["", "done", "cancelled"] | Sequence[Literal["", "done", "cancelled"]]
    parent: str | Sequence[str]


class OperationInput(TypedDict):
    """What a new one is made from."""

    what: str
    """Work · 工作"""
    target: str
    """Target · 对象"""
    parent: NotRequired[str]
    """Parent · 上级操作"""


class Operations(Reads[Operation, OperationWhere], Makes[Operation, OperationInput]):
    """Operation · 操作.

    Work that takes a while: steps, progress and log; it goes on after a restart and can be cancelled.
    需要一段时间的工作：有步骤、进度和日志，重启后继续，可以取消。
    """

    kind: ClassVar[str] = "kernel.operation"
    plural: ClassVar[str] = "operations"
    scope: ClassVar[str] = "project"

    def cancel(self, target: str, **how: Unpack[How]) -> Operation:
        """Cancel · 取消."""
        return cast("Operation", self._act(target, "cancel", {}, how))

    def retry(self, target: str, **how: Unpack[How]) -> Operation:
        """Retry now · 立即重试."""
        return cast("Operation", self._act(target, "retry", {}, how))
