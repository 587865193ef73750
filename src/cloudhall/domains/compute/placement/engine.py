"""The engine: one writer over the state of one fleet. Places, frees, resizes and moves, one by one or as a stream.

A decision is a function of the state and the request alone: no clock, no chance, no float; ties go to the lowest host.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import index, ledger, scan, stream, warming
from cloudhall.domains.compute.placement.columns import Ints, Small
from cloudhall.domains.compute.placement.fingerprint import fingerprint
from cloudhall.domains.compute.placement.fit import key_one
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule, judge
from cloudhall.domains.compute.placement.index import Index
from cloudhall.domains.compute.placement.jit import HAVE_NUMBA
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.state import NO_GROUP, Allocation, State
from cloudhall.domains.compute.placement.stream import DEPARTS, MOVES, Stream
from cloudhall.domains.compute.placement.topology import Level
from cloudhall.domains.compute.placement.trial import Notes
from cloudhall.kernel.errors import Conflict, NotFound, Unavailable
from cloudhall.kernel.text import T

__all__ = ["Decision", "Engine", "Refusal", "Stream"]


class Decision(NamedTuple):
    """Where a machine runs: its allocation's number and its host."""

    id: int
    host: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing fits; nothing was changed. `explain` says why."""

    request: Request
    group: int = NO_GROUP


class Engine:
    """Decides over one fleet; `compiled` says by which way."""

    def __init__(self, fleet: Fleet, *, compiled: bool | None = None) -> None:
        """`compiled`: True wants numba (`Unavailable` without it), False NumPy alone, None whatever is installed."""
        if compiled and not HAVE_NUMBA:
            raise Unavailable(
                T("没有安装 numba", "numba is not installed"),
                mend=T("安装可选依赖 fast，或改用 NumPy", "install the extra `fast`, or go without"),
            )
        self.fleet = fleet
        self.compiled = HAVE_NUMBA if compiled is None else compiled
        self.state = State(fleet, by_row=self.compiled)
        self._trees = index.empty(fleet.topology) if compiled else None
        self._notes: Notes | None = None
        self.on_log_full: Callable[[], None] | None = None
        if self.compiled and not compiled:
            warming.begin(warm_up)

    def class_of(self, request: Request) -> int:
        """Number of a request, for `Stream`. `Invalid` where it names an unknown label."""
        return self.state.class_of(request)

    def expect(self, mix: Sequence[tuple[Request, int]]) -> None:
        """Say which work is expected, each with its weight, for profiles that ask (`gpu`). Indexes begin anew."""
        self._prepare()
        self.state.expect(mix)

    def declare_group(self, rules: Sequence[Rule] = ()) -> int:
        """Begin a group that is bound by `rules`; answers its number."""
        return self.state.declare_groups(rules)

    def declare_groups(self, rules: Sequence[Rule], count: int) -> int:
        """Begin `count` groups with the same rules; answers the number of the first."""
        return self.state.declare_groups(rules, count)

    def place(self, request: Request, group: int = NO_GROUP, *, held: bool = False) -> Decision | Refusal:
        """Place one machine. `held` keeps the room for later: `claim` turns it into a machine."""
        state, class_ = self.state, self.state.class_of(request)
        state.check_group(group)
        self._prepare()
        detail = at.HELD if held else 0
        trees = self._index()
        if trees is not None and not self._asks(group):
            row = stream.entries().step(state.books, trees, stream.PLACE, class_, group, detail)
        else:
            key = scan.best(state, class_, group, by_row=trees is not None)
            row = -1 if key == at.NONE else ledger.put(state.books, class_, group, key & (at.HOSTS_MAX - 1), detail)
        return Refusal(request, group) if row < 0 else self._opened(row)

    def place_on(self, request: Request, host: int, group: int = NO_GROUP) -> Decision | Refusal:
        """Place on this host or not at all: the conditional commit of a choice made elsewhere. O(group)."""
        state, class_ = self.state, self.state.class_of(request)
        state.check_group(group)
        if not self._fits(class_, group, host):
            return Refusal(request, group)
        self._prepare()
        self._end_session()
        return self._opened(ledger.put(state.books, class_, group, host, 0))

    def place_all(self, wanted: Iterable[tuple[Request, int]]) -> list[Decision] | Refusal:
        """Place all of `wanted`, each (request, group), one after the other, or none of them.

        Each takes its best host as if it were the last: a set that only fits in another order is refused.
        """
        placed: list[Decision] = []
        for request, group in wanted:
            answer = self.place(request, group)
            if isinstance(answer, Refusal):
                for decision in reversed(placed):
                    self.free(decision.id)
                return answer
            placed.append(answer)
        return placed

    def claim(self, id: int) -> None:
        """Turn a held allocation into a machine. Nothing happens to one that is a machine already."""
        row = self.state.row(id)
        self._prepare(row)
        ledger.rewrite(self.state.books, row, 0)

    def free(self, id: int) -> int:
        """End an allocation; answers the host that has the room back. `NotFound` where it is not, or no longer."""
        row = self.state.row(id)
        self._prepare(row)
        books = self.state.books
        host = int(books.allocs[row, at.HOST])
        trees = self._index()
        if trees is not None:
            stream.entries().step(books, trees, stream.FREE, row, NO_GROUP, 0)
        else:
            ledger.end(books, row)
        return host

    def move(self, id: int, host: int | None = None, avoid: Sequence[int] = ()) -> Decision | Refusal:
        """Move a machine, which keeps its number, to `host` or to the best that is neither its own nor in `avoid`.

        Refused where it does not fit; then it stays. Its own room and its own membership do not count against it.
        """
        state, row = self.state, self.state.row(id)
        self._prepare(row)
        books = state.books
        home, word, group = (int(books.allocs[row, column]) for column in (at.HOST, at.CLASS, at.GROUP))
        class_, detail = word & (at.CLASSES_MAX - 1), word >> at.CLASS_BITS
        self._end_session()
        ledger.lift(books, row)
        target = self._elsewhere(class_, group, (home, *avoid)) if host is None else host
        if target < 0 or (host is not None and not self._fits(class_, group, target)):
            ledger.settle(books, row, home, class_, detail)
            return Refusal(state.requests[class_], group)
        chosen = ledger.choose_detail(books.hosts[target], books.classes[class_])
        ledger.settle(books, row, target, class_, chosen | detail & at.HELD)
        return Decision(id, target)

    def resize(self, id: int, request: Request) -> Decision | Refusal:
        """Change what a machine needs, on its host; refused where that has no room, then nothing changes. O(1)."""
        state, class_, row = self.state, self.state.class_of(request), self.state.row(id)
        self._prepare(row)
        books = state.books
        host, word = int(books.allocs[row, at.HOST]), int(books.allocs[row, at.CLASS])
        detail = word >> at.CLASS_BITS
        self._end_session()
        ledger.lift(books, row)
        if key_one(books, host, books.classes[class_]) == at.NONE:
            ledger.settle(books, row, host, word & (at.CLASSES_MAX - 1), detail)
            return Refusal(request, int(books.allocs[row, at.GROUP]))
        chosen = ledger.choose_detail(books.hosts[host], books.classes[class_])
        ledger.settle(books, row, host, class_, chosen | detail & at.HELD)
        return Decision(id, host)

    def run(self, events: Stream, ids: Ints, first: int = 0, *, stop_at_refusal: bool = False) -> int:
        """Run events from `first` on; answers the number of the first one not run.

        `ids[machine]` (int64) is its allocation while it runs, else -1; a departure of one that was refused is skipped.
        With `stop_at_refusal` the refused arrival is the one not run: mend (move others), then go on at the same
        number, or leave it out and go on at the next.
        """
        event = first
        if self.compiled and self._trees is None:
            warming.wait()
        trees, nothing = self._index(), np.zeros(0, np.int32)
        while event < len(events.class_):
            if trees is not None and self._notes is None:
                self._prepare()
                books = self.state.books
                event = stream.entries().run(books, trees, events, ids, nothing, event, int(stop_at_refusal))
                if event == len(events.class_) or books.totals[at.T_FREE] < 0 or self._log_is_full():
                    continue
            if not self._run_one(events, ids, event) and stop_at_refusal:
                return event
            event += 1
        return event

    def _run_one(self, events: Stream, ids: Ints, event: int) -> bool:
        """Run one event; False where an arrival is refused."""
        class_, machine = int(events.class_[event]), int(events.machine[event])
        if class_ == DEPARTS:
            if ids[machine] >= 0:
                self.free(int(ids[machine]))
                ids[machine] = -1
            return True
        answer = self.place(self.state.requests[class_], int(events.group[event]))
        if isinstance(answer, Decision):
            ids[machine] = answer.id
        return isinstance(answer, Decision)

    def move_many(self, ids: Sequence[int]) -> Small:
        """Move machines to the best hosts there are, one after the other; answers the hosts, -1 where one had to stay.

        For emptying hosts: drain them first, else a machine may well stay where it is best. 1 microsecond a machine.
        """
        hosts = np.full(len(ids), -1, np.int32)
        trees = self._index()
        if trees is not None and not any(map(self._asks, self._groups_of(ids))):
            count, numbers, done = len(ids), np.array(ids, np.int64), 0
            moves = Stream(np.full(count, MOVES, np.int32), np.arange(count, dtype=np.int32), hosts)
            for id in ids if self._notes else ():
                self._prepare(self.state.row(id))
            while done < count:
                self._prepare()
                done = stream.entries().run(self.state.books, trees, moves, numbers, hosts, done, 0)
            return hosts
        for number, id in enumerate(ids):
            answer = self.move(id)
            hosts[number] = answer.host if isinstance(answer, Decision) else -1
        return hosts

    def drain(self, host: int) -> None:
        """Let nothing new onto a host; who is there stays."""
        self._relabel(host, at.DRAINED, at.DRAINED)

    def fail(self, host: int) -> None:
        """Note that a host is down: as `drain`, and told apart from it in explanations."""
        self._relabel(host, at.FAILED, at.FAILED)

    def back(self, host: int) -> None:
        """Take a drained or failed host into service again."""
        self._relabel(host, at.DRAINED | at.FAILED, 0)

    @contextlib.contextmanager
    def trial(self) -> Iterator[None]:
        """What if: all that is done inside is taken back at the end, at the cost of what was done; none is logged."""
        if self._notes is not None:
            raise Conflict(T("试算中不能再试算", "a trial is going on already"))
        totals = self.state.books.totals
        self._notes, logging, totals[at.T_LOGGING] = Notes(), int(totals[at.T_LOGGING]), 0
        try:
            yield
        finally:
            self._notes.undo(self.state.books)
            self._notes, totals[at.T_LOGGING] = None, logging
            self._end_session()

    def refound(self, fleet: Fleet) -> None:
        """Stand on another fleet (`grow`); what is indexed is forgotten. `Conflict` in a trial."""
        if self._notes is not None:
            raise Conflict(T("试算中不能更换机群", "no other fleet in a trial"))
        self.fleet = fleet
        self.state.refound(fleet)
        self.state.books.classes[:, at.SLOT] = -1
        self._trees = None if self._trees is None else index.empty(fleet.topology)

    def allocation(self, id: int) -> Allocation:
        """Look one up. `NotFound` where it is not, or no longer."""
        return self.state.allocation(id)

    def guests(self, host: int) -> list[int]:
        """Numbers of the allocations on a host, eldest first."""
        return self.state.guests(host)

    def members(self, group: int) -> list[int]:
        """Numbers of a group's allocations, eldest first."""
        return self.state.members(group)

    def state_hash(self) -> str:
        """32 hexadecimal digits: equal when what is free and what is allocated is equal."""
        return fingerprint(self.state.books)

    def _prepare(self, row: int = -1) -> None:
        """Before any change: room for a row and for log entries; in a trial, a note of what `row` is."""
        self.state.reserve_rows()
        if self._notes is not None and row >= 0:
            self._notes.row(self.state.books, row)
        if self._log_is_full() and self.on_log_full:
            self.on_log_full()

    def _log_is_full(self) -> bool:
        return bool(self.state.books.totals[at.T_LOGGED] > at.LOG_ROWS - at.LOG_SPARE)

    def _relabel(self, host: int, mask: int, bits: int) -> None:
        if not 0 <= host < len(self.fleet):
            raise NotFound(T(f"没有主机 {host}", f"there is no host {host}"))
        self._prepare()
        if self._notes is not None:
            self._notes.labels(self.state.books, host)
        ledger.relabel(self.state.books, host, mask, bits)

    def _opened(self, row: int) -> Decision:
        if self._notes is not None:
            self._notes.opened(row)
        allocs = self.state.books.allocs
        return Decision(int(allocs[row, at.SERIAL]) << ledger.SERIAL_SHIFT | row, int(allocs[row, at.HOST]))

    def _asks(self, group: int) -> bool:
        """Whether the group's rules are more than the index follows."""
        return group >= 0 and int(self.state.books.groups[group, at.G_LEVEL]) == at.ASK

    def _groups_of(self, ids: Sequence[int]) -> set[int]:
        return {int(self.state.books.allocs[self.state.row(id), at.GROUP]) for id in ids}

    def _fits(self, class_: int, group: int, host: int) -> bool:
        state = self.state
        if key_one(state.books, host, state.books.classes[class_]) == at.NONE:
            return False
        if group < 0 or not state.rules[group]:
            return True
        hard, _ = judge(state.rules[group], state.member_hosts(group), self.fleet.topology)
        return not hard[host]

    def _elsewhere(self, class_: int, group: int, avoid: Sequence[int]) -> int:
        """Best host outside `avoid`, or -1. These are drained for the moment, which costs no more than their number."""
        books, state = self.state.books, self.state
        logging, books.totals[at.T_LOGGING] = int(books.totals[at.T_LOGGING]), 0
        before = [(host, int(books.hosts[host, at.LABELS])) for host in dict.fromkeys(avoid)]
        for host, _ in before:
            ledger.relabel(books, host, at.DRAINED, at.DRAINED)
        trees = self._index()
        if trees is not None and not self._asks(group):
            key = stream.entries().step(books, trees, stream.FIND, class_, group, 0)
            self._end_session()
        else:
            key = scan.best(state, class_, group, by_row=trees is not None)
        for host, labels in before:
            ledger.relabel(books, host, at.DRAINED, labels & at.DRAINED)
        books.totals[at.T_LOGGING] = logging
        return -1 if key in (-1, at.NONE) else int(key & (at.HOSTS_MAX - 1))

    def _index(self) -> Index | None:
        """Begin the index as soon as there is machine code to use it."""
        if self._trees is None and self.compiled and warming.is_done():
            self.state.books.classes[:, at.SLOT] = -1
            self._trees = index.empty(self.fleet.topology)
        return self._trees

    def _end_session(self) -> None:
        if self._trees is not None:
            index.end_session(self._trees)


def warm_up() -> None:
    """Call every compiled entry once, so that nobody waits for it later."""
    engine = Engine(Fleet.of("2c2g", 2), compiled=True)
    request = Request(cpu_milli=1000, memory_mib=1)
    ids = np.full(1, -1, np.int64)
    arrival = Stream(np.full(1, engine.class_of(request), np.int32), np.zeros(1, np.int32), np.full(1, -1, np.int32))
    engine.run(arrival, ids)
    engine.move(int(ids[0]))
    engine.move_many(ids.tolist())
    engine.free(int(ids[0]))
    engine.place(request, engine.declare_group([Rule("spread", Level.RACK)]))
