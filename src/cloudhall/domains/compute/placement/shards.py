"""Several schedulers on one cell: each decides on a view of its own and commits on condition.

A view is an engine of its own, as old as its last `renew`. Two schedulers that both took the best host of stale views
would collide most of the time, for the best host is the same one; so each prefers its own shard, a range of whole racks
that no other prefers. In the view that is one more preferred label. A commit goes through when the host still has the
room (`Engine.place_on`); else it is a conflict: counted, and to be decided again.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import ledger
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.engine import Decision, Engine, Refusal
from cloudhall.domains.compute.placement.labels import Labels
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.topology import Level, Topology

OWN = "shard=own"


class Scheduler:
    """One of `count` schedulers; `commits` and `conflicts` count what became of its decisions."""

    def __init__(self, cell: Engine, number: int, count: int) -> None:
        self.cell = cell
        self.commits = self.conflicts = 0
        labels = Labels([*cell.fleet.labels, OWN], cell.fleet.labels.exclusive)
        self._own: Ints = np.zeros(len(cell.fleet), np.int64)
        self._own[slice(*shard(cell.fleet.topology, number, count))] = labels.bits([OWN])
        self._view = Engine(replace(cell.fleet, labels=labels), compiled=cell.compiled)
        self._seen = 0
        self._copy(slice(None))

    def renew(self) -> None:
        """Take a new view. O(hosts that changed in the cell or in the view since the last one)."""
        cell, view = self.cell.state.books, self._view.state.books
        changes = int(cell.totals[at.T_TOUCHED]) - self._seen
        own = int(view.totals[at.T_LIVE])
        if changes + own > ledger.RING // 2:
            self._copy(slice(None))
            return
        ring = cell.touched[np.arange(self._seen, self._seen + changes) % ledger.RING]
        rows = view.allocs[:, at.HOST]
        self._copy(np.unique(np.concatenate((ring, rows[rows >= 0]))))

    def decide(self, requests: Sequence[Request]) -> list[int]:
        """Choose a host for each by the view alone, -1 where there is none; the view counts them as placed."""
        answers = (self._view.place(replace(r, preferred=(*r.preferred, OWN))) for r in requests)
        return [answer.host if isinstance(answer, Decision) else -1 for answer in answers]

    def commit(self, requests: Sequence[Request], hosts: Sequence[int]) -> list[Request]:
        """Commit on condition; answers the requests that collided, to be decided again after `renew`."""
        collided = []
        for request, host in zip(requests, hosts, strict=True):
            if host < 0:
                continue
            if isinstance(self.cell.place_on(request, host), Refusal):
                self.conflicts += 1
                collided.append(request)
            else:
                self.commits += 1
        return collided

    def _copy(self, hosts: Ints | slice) -> None:
        """Copy what hosts have left; who is on them stays the cell's business, so their lists are empty here."""
        cell, state = self.cell.state.books, self._view.state
        state.books = state.books._replace(allocs=ledger.empty_rows(len(state.books.allocs)))
        view = state.books
        view.totals[[at.T_FREE, at.T_LIVE]] = 0
        view.hosts[hosts] = cell.hosts[hosts]
        view.hosts[hosts, at.HEAD] = -1
        view.hosts[hosts, at.LABELS] |= self._own[hosts]
        self._seen = int(cell.totals[at.T_TOUCHED])
        if isinstance(hosts, slice):
            ledger.touch_all(view)
            return
        for host in hosts.tolist():
            ledger.touch(view, host)


def shard(topology: Topology, number: int, count: int) -> tuple[int, int]:
    """Range of hosts of one scheduler: whole racks, as many for each as can be."""
    start = topology.start[Level.RACK]
    racks = len(start) - 1
    return int(start[racks * number // count]), int(start[racks * (number + 1) // count])
