"""The loop: claim due rows, run one pass of each controller outside any transaction, finish under the fence.

Invariants: `Ready` is believed only of a pass that changed nothing; status is written as what was seen, even where the
wish changed meanwhile (the row is then due again at once); a pass that failed is tried again at the time its claim
wrote; a full sweep at start and once a day proves that the log missed nothing.
Cost: a settled resource costs nothing until woken; a claim takes up to 64 rows in one transaction.
"""

import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cloudhall.kernel import credentials, events, labels, quotas, work
from cloudhall.kernel.context import Context
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.kinds import Kind, value_at
from cloudhall.kernel.operations import Operation
from cloudhall.kernel.outcomes import Blocked, Condition, Outcome, Ready, Wait, set_condition
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.work import Claim
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

log = logging.getLogger(__name__)
CLAIM_MAX = 64
WORKERS = 4
LONG_WORKERS = 2  # for pieces of operations: whatever else is due never waits for one
TURN_S = 1.0  # at most between two looks at the queue: a lease may have run out
EFFECTS_MAX = 20  # of one generation without Ready: such a kind would never settle
SETTLING = Wait("Settling", T("正在核对", "checking what was done"), 0)


class Reconciler:
    """Runs passes in a few threads. `run_due()` runs what is due now, for tests and simulations."""

    def __init__(self, kernel: "Kernel", owner: str = "main") -> None:
        """`kernel` gives store, tables, registry and drivers."""
        self.kernel, self.owner = kernel, owner
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Release the leases of the process before, and go."""
        self.kernel.store.write(work.release_all).result()
        self.kernel.store.on_commit.append(self._wake.set)
        self._thread = threading.Thread(target=self._loop, name="reconcile", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the passes in hand."""
        self._stopping.set()
        self._wake.set()
        if self._thread:
            self._thread.join()

    def sweep(self) -> None:
        """Make every resource with a controller due: what the log has missed is found, what was parked is tried."""
        now = self.kernel.world.now_us()
        for kind in self.kernel.registry:
            if kind.meta.controller:
                sql = (
                    f"INSERT INTO work (kind, id, due_us) SELECT '{kind.meta.key}', id, {now} FROM {kind.meta.table} "
                    f"WHERE deleted IS NULL ON CONFLICT (kind, id) DO UPDATE SET due_us = {work.SOONER}, "
                    "tries = CASE WHEN work.parked IS NULL THEN work.tries ELSE 0 END, parked = NULL"
                )
                self.kernel.store.write(functools.partial(_run, sql)).result()

    def run_due(self, rounds: int = 1_000) -> int:
        """Run passes one after the other until nothing is due; answers how many ran."""
        ran = 0
        for _ in range(rounds):
            claims = self._claim()
            if not claims:
                return ran
            for claim in claims:
                self.run_pass(claim)
            ran += len(claims)
        return ran

    def run_pass(self, claim: Claim) -> None:
        """One pass over one resource, from look to finish."""
        resource = self.kernel.tables[claim.kind].get(self.kernel.store.read(), claim.id)
        if resource is None:
            self.kernel.store.write(lambda tx: work.remove(tx, claim)).result()
            return
        context = Context(self.kernel, resource, claim.fence)
        try:
            outcome = self._outcome(resource, context)
        except Exception as error:  # noqa: BLE001  a controller's fault must not stop the loop
            self._failed(claim, resource, error)
            return
        if resource.deleting_us is not None and isinstance(outcome, Ready) and not context.effects:
            self.kernel.store.write(lambda tx: _remove(self.kernel, tx, resource, claim)).result()
            return
        believed: Outcome = SETTLING if isinstance(outcome, Ready) and context.effects else outcome
        self.kernel.store.write(
            lambda tx: _finish(self.kernel, tx, resource, claim, believed, context.effects)
        ).result()

    def _outcome(self, r: Kind[Any, Any], context: Context) -> Outcome:
        meta = type(r).meta
        if r.deleting_us is None:
            assert meta.controller is not None
            return meta.controller(r, context)
        waiting = [c.name for kind, _path in self.kernel.registry.children(meta.key) for c in context.children(kind)]
        if waiting:
            names = ", ".join(waiting[:10])
            return Wait("Children", T(f"等待先删除：{names}", f"waiting for these to go first: {names}"), 5)
        return meta.finalizer(r, context) if meta.finalizer else Ready()

    def _failed(self, claim: Claim, resource: Kind[Any, Any], error: Exception) -> None:
        log.warning(
            "pass of %s %s failed (try %d): %s",
            claim.kind,
            claim.id,
            claim.tries,
            error,
            exc_info=not isinstance(error, CloudhallError),
        )
        text = error.text if isinstance(error, CloudhallError) else T(f"内部错误：{error}", f"internal error: {error}")
        reason = error.code if isinstance(error, CloudhallError) else type(error).__name__

        def write(tx: Tx) -> None:
            if work.retry_later(tx, claim, reason):
                _write_status(self.kernel, tx, resource, Wait(reason, text), stalled=claim.tries >= work.TRIES_MAX)

        self.kernel.store.write(write).result()

    def _claim(self) -> list[Claim]:
        now = self.kernel.world.now_us()
        claims: list[Claim] = self.kernel.store.write(
            lambda tx: work.claim(tx, self.owner, now, CLAIM_MAX, self.kernel.world)
        ).result()
        return claims

    def _loop(self) -> None:
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="pass") as pool:
            pieces = ThreadPoolExecutor(LONG_WORKERS, thread_name_prefix="piece")
            while not self._stopping.is_set():
                self._wake.clear()
                self._wake.wait(self._safely(self._turn, pool, pieces) or 0.0)
            pieces.shutdown(cancel_futures=True)

    def _turn(self, pool: ThreadPoolExecutor, pieces: ThreadPoolExecutor) -> float:
        """Run what is due; answers how long nothing will be, unless woken."""
        due_us = work.next_due_us(self.kernel.store.read(), self.kernel.world.now_us())
        due_s = TURN_S if due_us is None else (due_us - self.kernel.world.now_us()) / SECOND_US
        if due_s > 0:
            return min(due_s, TURN_S)
        claims = self._claim()
        for claim in claims:
            if claim.kind == Operation.meta.key:
                pieces.submit(self._safely, self.run_pass, claim)
        list(pool.map(self.run_pass, [c for c in claims if c.kind != Operation.meta.key]))
        return 0.0

    def _safely(self, run: Callable[..., float | None], *arguments: Any) -> float | None:
        """Run something that must not end its thread; where it fails, answers when to try again."""
        try:
            return run(*arguments)
        except CloudhallError as error:
            log.warning("reconciling: %s; next turn in %s s", error, TURN_S)
        except Exception:
            log.exception("reconciling failed; next turn in %s s", TURN_S)
        return TURN_S


def _finish(kernel: "Kernel", tx: Tx, seen: Kind[Any, Any], claim: Claim, outcome: Outcome, effects: int) -> None:
    total = 0 if isinstance(outcome, Ready) or type(seen) is Operation else claim.effects + effects
    progress = not isinstance(outcome, Blocked)
    since_woken = work.finish(tx, claim, _due(kernel, outcome), progress=progress, effects=total)
    if since_woken is None:
        return
    if never_settles := since_woken > EFFECTS_MAX:
        outcome = Blocked(
            "NeverSettles", T("反复改动而不就绪，已暂停", "keeps changing things without settling; parked")
        )
        work.park(tx, claim, outcome.reason)
    _write_status(kernel, tx, seen, outcome, stalled=never_settles)


def _due(kernel: "Kernel", outcome: Outcome) -> int | None:
    now: int = kernel.world.now_us()
    if isinstance(outcome, Wait):
        return now + int(outcome.retry_s * SECOND_US)
    if isinstance(outcome, Ready) and outcome.next_s is not None:
        return now + int(outcome.next_s * SECOND_US)
    return None


def _write_status(kernel: "Kernel", tx: Tx, seen: Kind[Any, Any], outcome: Outcome, *, stalled: bool) -> None:
    """Write what was seen; a spec that changed meanwhile is left alone."""
    table = kernel.tables[type(seen)]
    current = table.get(tx, seen.id)
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
    """Say the kernel's own two conditions. Each new wish has the whole time that the kind declares."""
    before = r.condition("Ready")
    ready = Condition(type="Ready", status=isinstance(outcome, Ready), observed_generation=generation, since_us=now)
    if not isinstance(outcome, Ready):
        ready.reason, ready.text, ready.blocked = outcome.reason, outcome.text, isinstance(outcome, Blocked)
    set_condition(r.status.conditions, ready)
    if before is not None and before.observed_generation != generation and not ready.status:
        ready.since_us = now
    begun_us = max(ready.since_us, r.deleting_us or 0)
    late = not ready.status and now - begun_us > type(r).meta.within_s * SECOND_US
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
    for quota in meta.quotas:
        quotas.charge(tx, r.place, quota, -int(value_at(r, quota.path)))
    credentials.forget(tx, r.id)
    labels.forget(tx, r)
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


def _run(sql: str, tx: Tx) -> None:
    tx.execute(sql)
