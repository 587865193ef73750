"""The loop: claim due rows, run one pass of each controller outside any transaction, write under the fence.

Invariants: a wake is never lost; a row whose worker died, or whose pass has no end, is taken over when its lease is
over; a full sweep at start and once a day proves that the log missed nothing.
Cost: a settled resource costs nothing until woken; a turn claims for all kinds in one transaction.
"""

import functools
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from cloudhall.kernel import bin as bin_
from cloudhall.kernel import passes, verdicts, work
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.lanes import HUNG_US, Lane
from cloudhall.kernel.passes import Pass
from cloudhall.kernel.store import Tx
from cloudhall.kernel.verdicts import Scribe
from cloudhall.kernel.work import Claim
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

log = logging.getLogger(__name__)
CLAIM_MAX = 64  # of a kind, where passes run one after the other
TURN_S = 1.0  # at most between two looks at the queue: a lease may have run out
STOP_S = 5.0


class Reconciler:
    """Runs passes in the lanes of their kinds. `run_due()` runs what is due now, for tests and simulations."""

    def __init__(self, kernel: "Kernel", owner: str = "main") -> None:
        """`kernel` gives store, tables, registry and drivers; `owner` is this worker's own among all processes."""
        self.kernel, self.owner = kernel, owner
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        metas = [kind.meta for kind in kernel.registry]
        self._lanes = {meta.key: Lane(meta, self._pass) for meta in metas}
        self._scribe = Scribe(kernel, self._done, self._forget)
        self._lost: deque[Claim] = deque()  # held by us in the database, by nobody here

    def start(self) -> None:
        """Take back what a worker of this name held, and go."""
        self.kernel.store.write(lambda tx: work.release(tx, self.owner)).result()
        self.kernel.store.on_commit.append(self._wake.set)
        self._thread = threading.Thread(target=self._loop, name="reconcile", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the passes in hand; one that does not end in time is left behind, and its row taken up later."""
        self._stopping.set()
        self._wake.set()
        if self._thread:
            self._thread.join()
        for lane in self._lanes.values():
            if not lane.stop(STOP_S):
                log.warning("a pass of %s did not end; its row is taken up again later", lane.kind)

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
        self.kernel.store.write(lambda tx: bin_.sweep(tx, self.kernel.world.now_us())).result()

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
        """One pass over one resource, from look to what is on disk."""
        self._write(passes.run(self.kernel, claim))

    def _write(self, p: Pass) -> None:
        self.kernel.store.write(lambda tx: verdicts.write(self.kernel, tx, p)).result()

    def _claim(self) -> list[Claim]:
        return self._claimed(dict.fromkeys(self._lanes, CLAIM_MAX))

    def _claimed(self, room: dict[str, int]) -> list[Claim]:
        now = self.kernel.world.now_us()
        claims: list[Claim] = self.kernel.store.write(
            lambda tx: work.claim(tx, self.owner, now, room, self.kernel.world)
        ).result()
        return claims

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            self._wake.wait(self._safe_turn())

    def _safe_turn(self) -> float:
        """One turn; where it fails, answers when to try again."""
        try:
            return self._turn()
        except CloudhallError as error:
            log.warning("reconciling: %s; next turn in %s s", error, TURN_S)
        except Exception:
            log.exception("reconciling failed; next turn in %s s", TURN_S)
        return TURN_S

    def _turn(self) -> float:
        """Keep what is in hand, take what is due and has room; answers how long nothing will be, unless woken."""
        now = self.kernel.world.now_us()
        self._keep(now)
        due = work.next_due(self.kernel.store.read(), now)
        waiting = [kind for kind, due_us in due.items() if due_us <= now and kind in self._lanes]
        room = {kind: self._lanes[kind].room(now) for kind in waiting}
        claims = self._claimed(room) if any(room.values()) else []
        for claim in claims:
            self._lanes[claim.kind].take(claim, now)
        later = [due_us for due_us in due.values() if due_us > now]
        return TURN_S if not later else min((min(later) - now) / SECOND_US, TURN_S)

    def _keep(self, now: int) -> None:
        """Renew leases of passes that take long, and give up those that were lost or have no end."""
        if lost := list(self._lost):
            self.kernel.store.write(lambda tx: work.give_back(tx, lost)).result()
            for _ in lost:
                self._lost.popleft()
        for lane in self._lanes.values():
            for claim in lane.hung(now):
                self._write(passes.hung(self.kernel, claim, HUNG_US // SECOND_US))
        ending = [claim for lane in self._lanes.values() for claim in lane.ending(now)]
        if ending:
            self.kernel.store.write(lambda tx: work.renew(tx, ending, now)).result()

    def _pass(self, claim: Claim) -> None:
        try:
            self._scribe.add(passes.run(self.kernel, claim))
        except CloudhallError as error:
            log.warning("a pass of %s %s was lost: %s; it is due again later", claim.kind, claim.id, error)
            self._forget(claim)
        except Exception:
            log.exception("a pass of %s %s was lost; it is due again later", claim.kind, claim.id)
            self._forget(claim)

    def _forget(self, claim: Claim) -> None:
        """Let go of a row whose pass came to nothing that is written; its lease is ended as soon as can be."""
        self._lost.append(claim)
        self._done(claim)

    def _done(self, claim: Claim) -> None:
        self._lanes[claim.kind].done(claim)
        self._wake.set()


def _run(sql: str, tx: Tx) -> None:
    tx.execute(sql)
