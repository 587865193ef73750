"""Why a resource is not as wished: what it waits for, since when, what was tried, when next, what would free it.

Put together when asked, from the conditions, the row of work and the log; nothing is written for it. Where one resource
waits for another, the other is explained as well, down to the first that waits for no third.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from cloudhall.kernel import work
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.outcomes import PEOPLE, PORT, Condition
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.verdicts import begun_us
from cloudhall.kernel.wire import deciding, state_of
from cloudhall.kernel.work import Standing
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

DEPTH_MAX = 5
TRIED_SHOWN = 5
LEAVES_READ = 50


class Tried(msgspec.Struct, frozen=True):
    """One call of an engine: `objects.ensure_bucket`, and `ok` or the name of what went wrong."""

    at_us: int
    call: str
    outcome: str


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """How one resource stands. `on` is the id of a resource, `port:<name>`, `people`, or nothing: the program itself.

    `next_us` is None where nothing is tried before somebody acts or something changes; `deadline_us` where none runs.
    """

    resource: Kind[Any, Any]
    state: str
    reason: str = ""
    text: T | None = None
    since_us: int = 0
    on: str = ""
    deadline_us: int | None = None
    running: bool = False
    tries: int = 0
    parked: str = ""
    next_us: int | None = None
    tried: tuple[Tried, ...] = ()
    frees: tuple[T, ...] = ()
    because: "Explained | None" = None


def explain(kernel: "Kernel", tx: Tx, r: Kind[Any, Any], depth: int = DEPTH_MAX) -> Explained:
    """Explain a resource; the caller has decided that it may be seen, and decides the same of `because`."""
    said, now = deciding(r), kernel.world.now_us()
    standing = work.standing(tx, type(r).meta.key, r.id, now)
    if r.settled or said is None:
        return Explained(resource=r, state=state_of(r), next_us=standing.due_us, running=standing.running)
    waits = said if said.type != "Stalled" else r.condition("Ready") or said
    other = _resource(kernel, tx, waits.on) if depth else None
    return Explained(
        resource=r,
        state=state_of(r),
        reason=waits.reason,
        text=waits.text,
        since_us=waits.reason_since_us or waits.since_us,
        on=waits.on,
        deadline_us=begun_us(r, now) + int(type(r).meta.within_s * SECOND_US) if not r.ready else None,
        running=standing.running,
        tries=standing.tries,
        parked=standing.parked,
        next_us=standing.due_us,
        tried=_tried(kernel, tx, r),
        frees=tuple(_frees(r, waits, standing, other)),
        because=explain(kernel, tx, other, depth - 1) if other else None,
    )


def _resource(kernel: "Kernel", tx: Tx, id_: str) -> Kind[Any, Any] | None:
    kind = kernel.registry.by_prefix.get(id_[:2]) if is_id(id_) else None
    return kernel.tables[kind].get(tx, id_) if kind else None


def _tried(kernel: "Kernel", tx: Tx, r: Kind[Any, Any]) -> tuple[Tried, ...]:
    """Newest first: what this resource's passes last asked of engines, as the log has it."""
    leaves = kernel.audit.search(tx, resource=r.id, limit=LEAVES_READ)
    calls = [f.leaf for f in leaves if f.leaf.phase == "outcome"]
    return tuple(Tried(c.at_us, c.action.removeprefix(PORT), c.reason) for c in calls[:TRIED_SHOWN])


def _frees(r: Kind[Any, Any], waits: Condition, standing: Standing, other: Kind[Any, Any] | None) -> list[T]:
    """What would let it go on, most to the point first."""
    found = [waits.mend] if waits.mend else []
    name = other.name if other else ""
    if other and r.deleting_us is not None:
        found.append(T(f"{name} 删除后自动继续", f"It goes on by itself once {name} is gone"))
    elif other:
        found.append(T(f"{name} 就绪后自动继续", f"It goes on by itself once {name} is ready"))
    elif waits.on.startswith(PORT):
        port = waits.on.removeprefix(PORT)
        found.append(T(f"引擎（{port}）恢复应答后自动继续", f"It goes on by itself once the engine ({port}) answers"))
    elif waits.on != PEOPLE and not standing.parked:
        found.append(T("程序会自行继续", "The program goes on by itself"))
    if standing.parked or standing.tries > 1 or waits.on == PEOPLE:
        found.append(T("处理后可立即重试", "Once it is mended, it can be tried again at once"))
    return found
