"""The engine: one writer over the state of one fleet. Places, frees, resizes and moves, one by one or as a stream.

A decision is a function of the state and the request alone: no clock, no chance, no float; ties go to the lowest host.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import ledger, scan
from cloudhall.domains.compute.placement.columns import Ints, Small
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.state import NO_GROUP, Allocation, State


class Decision(NamedTuple):
    """Where a machine runs: its allocation's number and its host."""

    id: int
    host: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing fits; nothing was changed. `explain` says why."""

    request: Request
    group: int = NO_GROUP


class Stream(NamedTuple):
    """Many events in order: arrivals (`class_` from `Engine.class_of`) and departures (`class_` -1).

    `machine` numbers machines from 0; `group` is that of an arrival, or -1. All three are int32 of equal length.
    """

    class_: Small
    machine: Small
    group: Small


class Engine:
    """Decides over one fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.state = State(fleet, by_row=False)

    def class_of(self, request: Request) -> int:
        """Number of a request for `Stream`. `Invalid` where it names an unknown label."""
        return self.state.class_of(request)

    def declare_group(self, rules: Sequence[Rule] = ()) -> int:
        """Begin a group that is bound by `rules`; answers its number."""
        group = len(self.state.rules)
        self.state.reserve_groups(group)
        self.state.rules[group] = tuple(rules)
        return group

    def place(self, request: Request, group: int = NO_GROUP, *, held: bool = False) -> Decision | Refusal:
        """Place one machine. `held` keeps the room for later: `claim` turns it into a machine."""
        class_ = self.state.class_of(request)
        key = scan.best(self.state, class_, group)
        if key == at.NONE:
            return Refusal(request, group)
        return self._put(class_, group, key & (at.HOSTS_MAX - 1), held=held)

    def place_all(self, wanted: Iterable[tuple[Request, int]]) -> list[Decision] | Refusal:
        """Place all of `wanted`, each (request, group), one after the other, or none of them."""
        placed: list[Decision] = []
        for request, group in wanted:
            answer = self.place(request, group)
            if isinstance(answer, Refusal):
                for decision in reversed(placed):
                    self.free(decision.id)
                return answer
            placed.append(answer)
        return placed

    def place_on(self, request: Request, host: int, group: int = NO_GROUP) -> Decision | Refusal:
        """Place on this host or not at all: conditional commit of a decision made elsewhere."""
        raise NotImplementedError

    def free(self, id: int) -> int:
        """End an allocation; answers the host that has the room back. `NotFound` where it is not, or no longer."""
        state = self.state
        row = state.row(id)
        host = int(state.allocs[row, at.HOST])
        ledger.lift(state.hosts, state.allocs, state.groups, state.classes, row)
        ledger.close_row(state.allocs, state.totals, row)
        state.touch(host)
        return host

    def run(self, stream: Stream, ids: Ints, first: int = 0, *, stop_at_refusal: bool = False) -> int:
        """Run events from `first` on; answers the number of the first one not run.

        `ids[machine]` is its allocation while it runs, else -1; a departure of one that was refused is skipped. With
        `stop_at_refusal` the refused arrival is the one not run: mend (move others), then go on at the same number, or
        leave it out and go on at the next.
        """
        for event in range(first, len(stream.class_)):
            class_, machine = int(stream.class_[event]), int(stream.machine[event])
            if class_ < 0:
                if ids[machine] >= 0:
                    self.free(int(ids[machine]))
                    ids[machine] = -1
                continue
            answer = self.place(self.state.requests[class_], int(stream.group[event]))
            if isinstance(answer, Decision):
                ids[machine] = answer.id
            elif stop_at_refusal:
                return event
        return len(stream.class_)

    def allocation(self, id: int) -> Allocation:
        """Look one up. `NotFound` where it is not, or no longer."""
        return self.state.allocation(id)

    def guests(self, host: int) -> list[int]:
        """Numbers of the allocations on a host, eldest first."""
        return self.state.guests(host)

    def state_hash(self) -> str:
        """32 hexadecimal digits: equal when what is free and what is allocated is equal."""
        return self.state.hash()

    def _put(self, class_: int, group: int, host: int, *, held: bool = False) -> Decision:
        state = self.state
        state.reserve_rows(1)
        state.reserve_groups(group)
        row = ledger.open_row(state.allocs, state.totals, group)
        detail = ledger.choose_detail(state.hosts[host], state.classes[class_]) | (at.HELD if held else 0)
        ledger.settle(state.hosts, state.allocs, state.groups, state.classes, row, host, class_, detail)
        state.touch(host)
        return Decision(state.id(row), host)
