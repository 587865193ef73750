"""Operations: ordered long work that people watch, with named steps, progress, log and cancel.

A controller starts one by command, under a name that follows from its own id and what it wants, so that a repeated
pass starts it once. Each pass of the operation runs one bounded piece of one step; what is done is written with the
pass, so a restart goes on where it was. A step is safe to repeat: the last piece may run twice.

An operation may have children: it ends after them, and whoever cancels it cancels them.
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.kinds import (
    Index,
    Kind,
    Look,
    NoArgs,
    Outcome,
    Ready,
    Spec,
    Status,
    T,
    Wait,
    action,
    controller,
    edit,
    field,
)
from cloudhall.kernel.roles import DEVELOPER, ORG_ADMIN, SYSTEM_ADMIN, USERS
from cloudhall.kernel.wire import rfc3339

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

LOG_LINES_MAX = 100
CHILDREN_S = 60  # between two looks at children; one that ends wakes its parent
Ended = Literal["", "done", "cancelled"]
ENDS = {"done": T("完成", "Done"), "cancelled": T("已取消", "Cancelled")}


class Progress(msgspec.Struct, frozen=True):
    """What one piece of a step did. `total` is None where nobody can know it honestly.

    The next piece comes after `retry_s`, or when what it waits for (`on`, an id) has changed.
    """

    done: int
    total: int | None = None
    finished: bool = False
    log: str = ""
    retry_s: float = 0
    on: str = ""


class Step(msgspec.Struct, frozen=True):
    """A named step; `run(operation, context, done_so_far)` does one bounded piece."""

    name: str
    title: T
    run: Callable[["Operation", "Context", int], Progress]


class StepState(msgspec.Struct):
    """How far a step has come."""

    name: str
    title: Annotated[T, field("步骤", "Step")]
    done: Annotated[int, field("已完成", "Done")] = 0
    total: Annotated[int | None, field("共", "Of")] = None
    started_us: Annotated[int, field("开始", "Started")] = 0
    ended_us: Annotated[int, field("结束", "Ended")] = 0


class OperationSpec(Spec, frozen=True, kw_only=True):
    """What is to be done to which resource, and whether somebody has cancelled it."""

    what: Annotated[str, field("工作", "Work", immutable=True, example="storage.bucket.empty")]
    target: Annotated[str, field("对象", "Target", immutable=True, example="bk-2kfbgwvb0tj3pmym7")]
    parent: Annotated[str, field("上级操作", "Parent", ref="kernel.operation", immutable=True)] = ""
    cancelled: Annotated[bool, field("已取消", "Cancelled", by=("cancel",))] = False


class OperationStatus(Status, kw_only=True):
    """Steps, log and end."""

    steps: Annotated[list[StepState], field("步骤", "Steps")] = []  # noqa: RUF012  msgspec gives each instance its own
    log: Annotated[list[str], field("日志", "Log")] = []  # noqa: RUF012  as above
    ended: Annotated[Ended, field("结果", "End", choices=ENDS)] = ""


class Operation(
    Kind[OperationSpec, OperationStatus],
    title=T("操作", "Operation"),
    prefix="op",
    doc=T(
        "需要一段时间的工作：有步骤、进度和日志，重启后继续，可以取消。",
        "Work that takes a while: steps, progress and log; it goes on after a restart and can be cancelled.",
    ),
    clauses=("SYS-003",),
    allow={"read": (*USERS, SYSTEM_ADMIN), "create": ()},
    indexes=(Index("spec.target"), Index("status.ended")),
    columns=("name", "spec.what", "spec.target", "status.ended"),
    icon="task",
    on_place_delete="keep",
    within_s=24 * 3_600,
    demo=({"name": "empty-stats", "spec": {"what": "storage.bucket.empty", "target": "bk-2kfbgwvb0tj3pmym7"}},),
):
    """One row a piece of long work. Finished ones cost nothing."""


POLICIES = """
@id("controllers-see")
@zh("控制器可以读取任何资源")
@en("Controllers may read any resource")
permit (principal is ServiceAccount, action in Action::"read", resource) when { principal.id like "service:*" };

@id("controllers-start-operations")
@zh("控制器可以启动操作")
@en("Controllers may start operations")
permit (principal is ServiceAccount, action == Action::"kernel.operation:create", resource)
when { principal.id like "service:*" };

@id("operations-cancel-their-children")
@zh("操作可以取消其下级操作")
@en("Operations may cancel their children")
permit (principal is ServiceAccount, action == Action::"kernel.operation:cancel", resource)
when { principal.id == "service:kernel.operation" };
"""
WORK: dict[str, tuple[Step, ...]] = {}


def register(what: str, steps: tuple[Step, ...]) -> str:
    """Make a kind of work known; answers its name."""
    WORK[what] = steps
    return what


@action(
    Operation,
    T("取消", "Cancel"),
    allow=(DEVELOPER, ORG_ADMIN, SYSTEM_ADMIN),
    when=lambda o: not o.status.ended and not o.spec.cancelled,
    why_not=T("已经结束或正在取消", "It has ended, or is being cancelled"),
)
def cancel(o: Operation, _args: NoArgs, _look: Look) -> OperationSpec:
    """Stop before the next piece; what is done stays done."""
    return edit(o.spec, cancelled=True)


@controller(Operation, retry=(DEVELOPER, ORG_ADMIN))
def reconcile(o: Operation, ctx: "Context") -> Outcome:
    """Run one piece of the first step that has not ended."""
    if o.status.ended:
        return Ready()
    if o.spec.cancelled:
        return _cancelled(o, ctx)
    steps = WORK[o.spec.what]
    o.status.steps = o.status.steps or [StepState(s.name, s.title) for s in steps]
    state = next((s for s in o.status.steps if not s.ended_us), None)
    if state is None:
        return _waits_for_children(ctx) or _end(o, ctx, "done")
    state.started_us = state.started_us or ctx.now_us
    progress = next(s for s in steps if s.name == state.name).run(o, ctx, state.done)
    state.done, state.total = progress.done, progress.total
    state.ended_us = ctx.now_us if progress.finished else 0
    if progress.log:
        o.status.log = [*o.status.log, progress.log][-LOG_LINES_MAX:]
    if progress.finished:
        return Wait("Working", state.title, 0)
    return Wait("Working", state.title, progress.retry_s, on=progress.on)


def spawn(o: Operation, ctx: "Context", name: str, what: str, target: str) -> str:
    """Start a child, once for each name; answers its id."""
    spec = OperationSpec(what=what, target=target, parent=o.id)
    return ctx.create(Operation, name=f"{o.id[3:]}-{name}", spec=spec)


def gather(_o: Operation, ctx: "Context", _done: int) -> Progress:
    """Wait for all children: a whole step, counted in operations."""
    children = ctx.children(Operation)
    going = [c for c in children if not c.status.ended]
    on = going[0].id if going else ""
    return Progress(len(children) - len(going), len(children), finished=not going, retry_s=CHILDREN_S, on=on)


def _cancelled(o: Operation, ctx: "Context") -> Outcome:
    """Pass a cancel on, and end after the last child."""
    for child in ctx.children(Operation):
        if not (child.status.ended or child.spec.cancelled):
            with contextlib.suppress(Conflict):  # it has ended by itself meanwhile
                ctx.act(Operation, child.id, "cancel")
    return _waits_for_children(ctx) or _end(o, ctx, "cancelled")


def _waits_for_children(ctx: "Context") -> Wait | None:
    going = next((c for c in ctx.children(Operation) if not c.status.ended), None)
    if going is None:
        return None
    return Wait("Children", T("等待下级操作结束", "waiting for its children to end"), CHILDREN_S, on=going.id)


def _end(o: Operation, ctx: "Context", how: Ended) -> Outcome:
    o.status.ended = how
    o.status.log = [*o.status.log, f"{how} at {rfc3339(ctx.now_us)}"][-LOG_LINES_MAX:]
    return Ready()


def progress_of(o: Operation) -> tuple[int, int]:
    """Steps ended, and steps in all."""
    states: list[Any] = o.status.steps
    return sum(1 for s in states if s.ended_us), len(states)
