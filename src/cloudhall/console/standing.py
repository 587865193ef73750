"""Why a resource is not as wished, on its page: what it waits for, what was tried, when next, what frees it."""

from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.console import formats
from cloudhall.console.names import Named
from cloudhall.kernel.explaining import Explained, explain
from cloudhall.kernel.kinds import RETRY, Kind
from cloudhall.kernel.outcomes import PEOPLE, PORT
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

PROGRAM = T("程序自己", "the program itself")
ANOTHER = T("另一个你无权查看的资源", "another resource, not yours to see")
NEXT = T("有变化或有人处理之后", "when something changes or somebody acts")
RUNNING = T("正在进行", "running now")


class Tried(NamedTuple):
    """One call of an engine."""

    at: formats.Moment
    call: str
    outcome: str


class Standing(NamedTuple):
    """One resource that waits, and the one that it waits for below it."""

    resource: Named
    text: T
    reason: str
    since: formats.Moment
    on: Named
    deadline: formats.Moment | None
    tried: tuple[Tried, ...]
    failed: int
    next: formats.Moment | None
    next_text: T
    frees: tuple[T, ...]
    because: "Standing | None"


def of(visit: "Visit", r: Kind[Any, Any]) -> Standing | None:
    """How a resource stands; nothing where all is as wished."""
    return _shown(visit, explain(visit.kernel, visit.tx, r))


def _shown(visit: "Visit", e: Explained) -> Standing | None:
    if e.text is None:
        return None

    def at(at_us: int) -> formats.Moment:
        return formats.moment(at_us, visit.language, visit.now_us)

    seen = e.because is not None and visit.kernel.authority.may(visit.tx, visit.caller, "read", e.because.resource)
    return Standing(
        resource=visit.names.resource(e.resource),
        text=e.text,
        reason=e.reason,
        since=at(e.since_us),
        on=_on(visit, e, seen=seen),
        deadline=at(e.deadline_us) if e.deadline_us else None,
        tried=tuple(Tried(at(t.at_us), t.call, t.outcome) for t in e.tried),
        failed=max(0, e.tries - e.running),
        next=at(e.next_us) if e.next_us is not None and not e.running else None,
        next_text=RUNNING if e.running else NEXT,
        frees=e.frees,
        because=_shown(visit, e.because) if e.because and seen else None,
    )


def _on(visit: "Visit", e: Explained, *, seen: bool) -> Named:
    if e.because:
        return visit.names.resource(e.because.resource) if seen else Named(ANOTHER.in_(visit.language))
    if e.on.startswith(PORT):
        port = e.on.removeprefix(PORT)
        return Named(T(f"引擎 {port}", f"the engine {port}").in_(visit.language))
    if e.on == PEOPLE:
        return Named(_people(type(e.resource).meta.actions).in_(visit.language))
    return Named(PROGRAM.in_(visit.language))


def _people(actions: Any) -> T:
    titles = [ROLES[role] for role in (actions[RETRY].allow if RETRY in actions else ())]
    return T(
        "有人处理" + ("：" + "、".join(t.zh for t in titles) if titles else ""),
        "somebody to act" + (": " + ", ".join(t.en for t in titles) if titles else ""),
    )
