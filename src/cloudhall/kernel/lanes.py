"""Lanes: each kind's passes run in threads of its own, so that one slow engine holds no other kind up.

A kind declares how many of its passes run at once and how many begin a second (`@controller(Kind, at_once=, per_s=)`).
A lane claims ahead what it would finish within a second, so that a fast kind claims hundreds of rows in one
transaction and a slow one no more than it can begin. Threads are started when there is work for them, and there are
never more than `at_once`.
"""

import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from cloudhall.kernel.kinds import Meta
from cloudhall.kernel.work import LEASE_US, Claim
from cloudhall.kernel.world import SECOND_US

AHEAD_MAX = 2_048
WINDOW_US = SECOND_US // 4  # over which the rate is measured
HUNG_US = 300 * SECOND_US  # a pass without an end: its row is tried again elsewhere, with the reason


class Held(NamedTuple):
    """A row in hand, since when, and until when nobody else takes it."""

    claim: Claim
    since_us: int
    until_us: int


class Lane:
    """The passes of one kind in this process. One thread asks for room, any number end passes."""

    def __init__(self, meta: Meta, run: Callable[[Claim], None]) -> None:
        """`run` runs a pass and never raises."""
        self.kind, self.at_once, self.per_s = meta.key, meta.at_once, meta.per_s
        self._run = run
        self._queue: queue.SimpleQueue[Claim | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._held: dict[str, Held] = {}
        self._stuck: set[Claim] = set()
        self._ahead, self._done, self._counted_us = self.at_once, 0, 0
        self._tokens, self._filled_us = 1.0, 0
        self._stopping = False

    def room(self, now_us: int) -> int:
        """How many rows to claim now."""
        if (passed_us := now_us - self._counted_us) >= WINDOW_US:
            self._ahead = min(max(self._done * SECOND_US // passed_us, self.at_once), AHEAD_MAX)
            self._done, self._counted_us = 0, now_us
        if len(self._stuck) >= self.at_once:
            return 0
        room = self._ahead - len(self._held)
        return max(0, room if self.per_s is None else min(room, self._begun(now_us, self.per_s)))

    def take(self, claim: Claim, now_us: int) -> None:
        """Run a pass as soon as one of the threads is free."""
        self._held[claim.id] = Held(claim, now_us, now_us + LEASE_US)
        self._tokens -= 1
        self._queue.put(claim)
        if len(self._threads) < min(self.at_once, len(self._held) + len(self._stuck)):
            thread = threading.Thread(target=self._work, name=f"pass {self.kind}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def done(self, claim: Claim) -> None:
        """Let go of a row: what its pass came to is written, or will never be."""
        held = self._held.get(claim.id)
        if held is not None and held.claim == claim:
            del self._held[claim.id]
        self._done += 1

    def ending(self, now_us: int) -> list[Claim]:
        """Rows whose lease is half over; it counts as renewed."""
        found = [h for h in list(self._held.values()) if h.until_us - now_us < LEASE_US // 2]
        for held in found:
            self._held[held.claim.id] = held._replace(until_us=now_us + LEASE_US)
        return [held.claim for held in found]

    def hung(self, now_us: int) -> list[Claim]:
        """Rows whose passes have not ended in all this time; they are held no more, their threads are lost."""
        found = [h.claim for h in list(self._held.values()) if now_us - h.since_us > HUNG_US]
        for claim in found:
            del self._held[claim.id]
            self._stuck.add(claim)
        return found

    def stop(self, within_s: float) -> bool:
        """Begin no other pass; answers whether those that run have ended in time."""
        self._stopping = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(within_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (claim := self._queue.get()) is not None and not self._stopping:
            if claim not in self._stuck:
                self._run(claim)
            self._stuck.discard(claim)

    def _begun(self, now_us: int, per_s: float) -> int:
        """Passes that may begin by now; at most a second's worth is saved up."""
        gained = (now_us - self._filled_us) / SECOND_US * per_s if self._filled_us else 0.0
        self._tokens, self._filled_us = min(self._tokens + gained, max(per_s, 1.0)), now_us
        return int(self._tokens)
