"""Writing what a pass came to: the row of work, the status with its conditions, the event, the end of a deleted row.

Invariants: nothing is written under a fence that is no longer ours; status is written as what was seen, even where the
wish changed meanwhile (the row is then due again at once); a pass that failed is tried again at the time its claim
wrote. A pass that found everything as it was writes one row of work and nothing else.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from cloudhall.kernel import bin as bin_
from cloudhall.kernel import credentials, events, labels, quotas, work
from cloudhall.kernel.caller import service
from cloudhall.kernel.commands import Command, Planner
from cloudhall.kernel.commit import commit
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.kinds import PURGE, Kind, value_at
from cloudhall.kernel.operations import Operation
from cloudhall.kernel.outcomes import Blocked, Condition, Outcome, Ready, Wait, set_condition
from cloudhall.kernel.passes import Pass
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.work import Claim
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

log = logging.getLogger(__name__)
EFFECTS_MAX = 20  # of one generation without Ready: such a kind would never settle


class Scribe:
    """Writes what passes came to, in one transaction whatever has gathered while the one before was synced."""

    def __init__(self, kernel: "Kernel", done: Callable[[Claim], None], lost: Callable[[Claim], None]) -> None:
        """`done` is told of each that is written, `lost` of each that is not."""
        self.kernel, self._done, self._lost = kernel, done, lost
        self._lock = threading.Lock()
        self._waiting: list[Pass] = []
        self._busy = False

    def add(self, p: Pass) -> None:
        """Write soon; nobody waits for it."""
        with self._lock:
            self._waiting.append(p)
            if self._busy:
                return
            self._busy = True
        self._next()

    def _next(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, []
            self._busy = bool(batch)
        if batch:
            written = self.kernel.store.write(partial(_write_all, self.kernel, batch))
            written.add_done_callback(partial(self._written, batch))

    def _written(self, batch: list[Pass], future: "Future[Any]") -> None:
        """Where one of them fails, each has its own transaction, so that it takes no other along."""
        error = future.exception()
        if error is not None and len(batch) > 1:
            for p in batch:
                alone = self.kernel.store.write(partial(_write_all, self.kernel, [p]))
                alone.add_done_callback(partial(self._written, [p]))
        elif error is not None:
            log.error("what a pass of %s %s saw was not written: %s", batch[0].claim.kind, batch[0].claim.id, error)
            self._lost(batch[0].claim)
        else:
            for p in batch:
                self._done(p.claim)
        self._next()


def _write_all(kernel: "Kernel", batch: Sequence[Pass], tx: Tx) -> None:
    for p in batch:
        write(kernel, tx, p)


def write(kernel: "Kernel", tx: Tx, p: Pass) -> None:
    """Write one pass."""
    if p.seen is None:
        work.remove(tx, p.claim)
    elif p.failed:
        deadline_us = _deadline_us(p.seen, kernel.world.now_us())
        if work.retry_later(tx, p.claim, _reason(p.outcome), deadline_us):
            _write_status(kernel, tx, p.seen, p.outcome, stalled=p.claim.tries >= work.TRIES_MAX)
    elif p.gone:
        _remove(kernel, tx, p.seen, p.claim)
    else:
        _finish(kernel, tx, p.seen, p)


def _finish(kernel: "Kernel", tx: Tx, seen: Kind[Any, Any], p: Pass) -> None:
    claim, outcome = p.claim, p.outcome
    now = kernel.world.now_us()
    left_us = bin_.age(tx, seen.id, now) if _is_waiting(seen) else None
    total = 0 if isinstance(outcome, Ready) or type(seen) is Operation else claim.effects + p.effects
    progress = not isinstance(outcome, Blocked)
    due_us = _due(kernel, seen, outcome)
    if left_us is not None:
        look_us = left_us if 0 < left_us < bin_.STEP_US else bin_.STEP_US  # what may not be destroyed is asked again
        due_us = min(now + look_us, due_us or work.NEVER_US)
    since_woken = work.finish(tx, claim, due_us, progress=progress, effects=total)
    if since_woken is None:
        return
    if never_settles := since_woken > EFFECTS_MAX:
        outcome = Blocked(
            "NeverSettles", T("反复改动而不就绪，已暂停", "keeps changing things without settling; parked")
        )
        work.park(tx, claim, outcome.reason)
    if p.changed or not (isinstance(outcome, Ready) and _says_ready(seen)):
        _write_status(kernel, tx, seen, outcome, stalled=never_settles)
    if seen.kept is not None and isinstance(outcome, Ready):
        bin_.withdrawn(tx, seen.id, now)
    if left_us is not None and left_us <= 0:
        _purge_overdue(kernel, tx, seen)


def _is_waiting(r: Kind[Any, Any]) -> bool:
    """Whether a resource lies in the bin, by itself, until somebody decides or its time is over."""
    return r.kept is not None and r.kept.owner == r.id and r.deleting_us is None


def _purge_overdue(kernel: "Kernel", tx: Tx, r: Kind[Any, Any]) -> None:
    """Destroy, by the very command that people would give. What may not be destroyed stays, and is tried again."""
    meta = type(r).meta
    command = Command(kind=type(r), verb=PURGE, target=r.id)
    try:
        plan = Planner(kernel, tx, service(meta.key, request=f"bin:{r.id}")).plan(command)
    except CloudhallError as error:
        log.warning("%s %s stays in the recycle bin: %s", meta.key, r.id, error)
    else:
        commit(kernel, tx, plan)


def _says_ready(seen: Kind[Any, Any]) -> bool:
    """Whether writing `Ready` once more would change nothing."""
    observed: int = seen.status.observed_generation
    if seen.kept is not None and type(seen).meta.withdrawal is None:
        return True  # nobody asks it for anything
    return seen.ready and observed == seen.generation and seen.condition("Stalled") is None


def _reason(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Ready) else outcome.reason


def _due(kernel: "Kernel", seen: Kind[Any, Any], outcome: Outcome) -> int | None:
    now: int = kernel.world.now_us()
    if isinstance(outcome, Wait):
        return min(now + int(outcome.retry_s * SECOND_US), _deadline_us(seen, now))
    if isinstance(outcome, Ready) and outcome.next_s is not None:
        return now + int(outcome.next_s * SECOND_US)
    return None


def _deadline_us(r: Kind[Any, Any], now: int) -> int:
    """When to look again at the latest, so that a deadline that is missed is said then; never where it is past."""
    deadline_us = begun_us(r, now) + int(type(r).meta.within_s * SECOND_US) + 1
    return deadline_us if now < deadline_us else work.NEVER_US


def begun_us(r: Kind[Any, Any], now: int) -> int:
    """Since when the present wish waits to be done. Each new wish has the whole time that the kind declares."""
    said = r.condition("Ready")
    if said is None:
        since_us = r.created_us
    elif said.observed_generation != r.generation or said.status:
        since_us = now
    else:
        since_us = said.since_us
    return max(since_us, r.deleting_us or 0)


def _write_status(kernel: "Kernel", tx: Tx, seen: Kind[Any, Any], outcome: Outcome, *, stalled: bool) -> None:
    """Write what was seen; a spec that changed meanwhile is left alone."""
    table = kernel.tables[type(seen)]
    current = table.get(tx, seen.id) or bin_.row(kernel.tables, tx, table.meta.key, seen.id)
    if current is None:
        return
    was_ready, before = current.ready, (current.status, list(current.status.conditions))
    now = kernel.world.now_us()
    current.status = seen.status
    current.status.observed_generation = seen.generation
    _conclude(current, seen.generation, outcome, now, stalled=stalled)
    if (current.status, current.status.conditions) == before:
        return
    current.updated_us = now
    current.revision = events.append(tx, _status_event(current, events.OBSERVE, now))
    table.update(tx, current)
    if current.ready != was_ready:
        wake_relatives(kernel, tx, current, now)


def _conclude(r: Kind[Any, Any], generation: int, outcome: Outcome, now: int, *, stalled: bool) -> None:
    """Say the kernel's own two conditions."""
    before = r.condition("Ready")
    ready = Condition(type="Ready", status=isinstance(outcome, Ready), observed_generation=generation, since_us=now)
    if not isinstance(outcome, Ready):
        ready.reason, ready.text, ready.blocked = outcome.reason, outcome.text, isinstance(outcome, Blocked)
        ready.on, ready.mend = outcome.on, outcome.mend
        ready.since_us = r.created_us if before is None else now
    set_condition(r.status.conditions, ready)
    if before is not None and before.observed_generation != generation and not ready.status:
        ready.since_us = now
    begun = max(ready.since_us, r.deleting_us or 0)
    late = not ready.status and now - begun > type(r).meta.within_s * SECOND_US
    if late or stalled:
        set_condition(
            r.status.conditions,
            Condition(
                type="Stalled",
                status=True,
                reason=ready.reason,
                text=ready.text,
                observed_generation=generation,
                since_us=now,
            ),
        )
    else:
        r.status.conditions[:] = [c for c in r.status.conditions if c.type != "Stalled"]


def _remove(kernel: "Kernel", tx: Tx, r: Kind[Any, Any], claim: Claim) -> None:
    """Let a deleted row go, once: room back, secret gone, relatives woken."""
    if not work.remove(tx, claim):
        work.finish(tx, claim, None, progress=True, effects=0)
        return
    meta, now = type(r).meta, kernel.world.now_us()
    if r.kept is None:  # else it was given back when it went to the bin
        for quota in meta.quotas:
            quotas.charge(tx, r.place, quota, -int(value_at(r, quota.path)))
        labels.forget(tx, r)
    credentials.forget(tx, r.id)
    bin_.take(tx, r.id)
    events.append(tx, _status_event(r, "remove", now))
    kernel.tables[type(r)].remove(tx, r.id, now)
    wake_relatives(kernel, tx, r, now)


def wake_relatives(kernel: "Kernel", tx: Tx, r: Kind[Any, Any], now: int) -> None:
    """Wake owners (whom this resource refers to) and children (who refer to it)."""
    meta = type(r).meta
    for name, info in fields_of(meta.spec).items():
        target = getattr(r.spec, name) if info.f.ref else None
        if target and (kernel.registry.kind(info.f.ref).meta.controller or _deleting(kernel, tx, info.f.ref, target)):
            work.due_now(tx, info.f.ref, target, now)
    work.wake_children(kernel, tx, meta.key, r.id, now)


def _deleting(kernel: "Kernel", tx: Tx, kind: str, id_: str) -> bool:
    row = kernel.tables[kind].get(tx, id_)
    return row is not None and row.deleting_us is not None


def _status_event(r: Kind[Any, Any], verb: str, now: int) -> events.Event:
    meta = type(r).meta
    return events.Event(
        at_us=now,
        kind=meta.key,
        id=r.id,
        place=r.place,
        name=r.name,
        verb=verb,
        actor=f"service:{meta.key}",
        request="",
        generation=r.generation,
    )
