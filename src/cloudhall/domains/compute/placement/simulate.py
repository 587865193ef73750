"""Virtual time: machines of a trace arrive and leave, hosts fail by seed and come back, the engine decides.

At one moment departures come first, then arrivals, the largest first: what comes at once is decided at once, and who
is hardest to place chooses while there is most room. (`in_order` takes arrivals as they stand in the file.) A moment's
events are one call of the engine, so a replay costs what its decisions cost. What fails is drawn before the replay
begins: the same seed is the same story on any fleet of that size.

Never here: a decision, or the clock of this machine.
"""

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.columns import Ints, Small
from cloudhall.domains.compute.placement.engine import Engine, Refusal, Stream
from cloudhall.domains.compute.placement.planner.plan import Approved, carry_out
from cloudhall.domains.compute.placement.planner.rescue import rescue
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.state import NO_GROUP
from cloudhall.domains.compute.placement.traces import TO_THE_END, Machines

NOBODY = -1


class Timeline(NamedTuple):
    """Events in order. Moment `n` is at `at_s[n]` and holds events `first[n]` up to `first[n + 1]`."""

    at_s: Ints
    first: Ints
    stream: Stream


class Failure(NamedTuple):
    """A host goes down and comes back."""

    at_s: int
    host: int
    back_s: int


class Moment(NamedTuple):
    """Where a replay stands: a moment is over, or, where `machine` is one, it was refused just now."""

    at_s: int
    machine: int = NOBODY


def timeline(engine: Engine, machines: Machines, profile: str = "pack", *, in_order: bool = False) -> Timeline:
    """Order arrivals and departures up to the last arrival; requests become classes of `engine`."""
    count, end_s = len(machines.arrival_s), int(machines.arrival_s.max(initial=0))
    leaves_s = machines.arrival_s + machines.life_s
    leavers = np.flatnonzero((machines.life_s != TO_THE_END) & (leaves_s <= end_s))
    at_s = np.concatenate((leaves_s[leavers], machines.arrival_s))
    machine = np.concatenate((leavers, np.arange(count)))
    class_ = np.concatenate((np.full(len(leavers), -1), classes(engine, machines, profile)))
    size = np.zeros(count, np.int64) if in_order else sizes(engine, machines)
    order = np.lexsort((machine, -size[machine], class_ >= 0, at_s))
    moments, first = np.unique(at_s[order], return_index=True)
    stream = Stream(
        class_[order].astype(np.int32), machine[order].astype(np.int32), np.full(len(order), NO_GROUP, np.int32)
    )
    return Timeline(moments, np.append(first, len(order)), stream)


def classes(engine: Engine, machines: Machines, profile: str) -> Small:
    """Class of each machine."""
    kinds, which = flavours(machines)
    numbers = [
        engine.class_of(Request(cpu_milli=cpu, memory_mib=memory, profile=profile)) for cpu, memory in kinds.tolist()
    ]
    return np.array(numbers, np.int32)[which]


def sizes(engine: Engine, machines: Machines) -> Ints:
    """Size of each machine: the larger of its shares of the largest host's cores and memory, in 2**-20."""
    largest = np.maximum(engine.fleet.capacity[:, [at.CPU, at.MEM]].max(0), 1)
    size: Ints = np.maximum((machines.cpu_milli << 20) // largest[0], (machines.memory_mib << 20) // largest[1])
    return size


def flavours(machines: Machines) -> tuple[Ints, Ints]:
    """Sizes that occur, rows of (cores in thousandths, MiB) from small to large, and which of them each machine has."""
    kinds, which = np.unique(np.stack((machines.cpu_milli, machines.memory_mib), 1), axis=0, return_inverse=True)
    return kinds, which.ravel()


def failures(count: int, *, hosts: int, end_s: int, repair_s: int, seed: int) -> list[Failure]:
    """Draw `count` failures, evenly over time and hosts, in order of time."""
    chance = np.random.default_rng(seed)
    drawn = zip(chance.integers(0, end_s + 1, count).tolist(), chance.integers(0, hosts, count).tolist(), strict=True)
    return [Failure(at_s, host, at_s + repair_s) for at_s, host in sorted(drawn)]


class Replay:
    """A replay under way. `ids[machine]` is its allocation or -1; `refused`, `lost`, `moves` and `bytes_mib` count up.

    A machine on a host that fails starts again elsewhere with its number; where nothing fits it is lost.
    """

    def __init__(
        self,
        engine: Engine,
        machines: Machines,
        *,
        profile: str = "pack",
        moves: int = 0,
        broken: Sequence[Failure] = (),
        in_order: bool = False,
    ) -> None:
        """`moves` is the most that may be moved to make room for one that was refused."""
        self.engine, self.machines, self.moves_max = engine, machines, moves
        self.timeline = timeline(engine, machines, profile, in_order=in_order)
        self.profile = profile
        self.ids = np.full(len(machines.arrival_s), -1, np.int64)
        self.refused: list[int] = []
        self.lost, self.restarted, self.moves, self.moved_mib = 0, 0, 0, 0
        self._broken, self._back = list(broken), list[tuple[int, int]]()

    def __iter__(self) -> Iterator[Moment]:
        """Run to the end, moment by moment. While a refusal is shown the state is the one that refused."""
        at_s, first, stream = self.timeline
        for now_s, event, end in zip(at_s.tolist(), first[:-1].tolist(), first[1:].tolist(), strict=True):
            self._break_hosts(now_s)
            part = Stream(*(column[event:end] for column in stream))
            done, count = 0, end - event
            while (done := self.engine.run(part, self.ids, done, stop_at_refusal=True)) < count:
                machine = int(part.machine[done])
                if not self._make_room(int(part.class_[done])):
                    yield Moment(now_s, machine)
                    self.refused.append(machine)
                    done += 1
            yield Moment(now_s)

    def request(self, machine: int) -> Request:
        """What a machine asks for."""
        cpu_milli, memory_mib = int(self.machines.cpu_milli[machine]), int(self.machines.memory_mib[machine])
        return Request(cpu_milli=cpu_milli, memory_mib=memory_mib, profile=self.profile)

    def _make_room(self, class_: int) -> bool:
        """Move others so that this class fits, if that may be and can be done."""
        if not self.moves_max:
            return False
        plan = rescue(self.engine, self.engine.state.requests[class_], moves_max=self.moves_max)
        if plan is None:
            return False
        carry_out(self.engine, Approved(plan, "replay"))
        self.moves += len(plan)
        self.moved_mib += plan.moved_mib
        return True

    def _break_hosts(self, now_s: int) -> None:
        """Let hosts come back and fail up to now, in order of time."""
        while self._broken and self._broken[0].at_s <= now_s:
            failure = self._broken.pop(0)
            self._bring_back(failure.at_s)
            self.engine.fail(failure.host)
            heapq.heappush(self._back, (failure.back_s, failure.host))
            for id in self.engine.guests(failure.host):
                self._restart(id)
        self._bring_back(now_s)

    def _bring_back(self, now_s: int) -> None:
        while self._back and self._back[0][0] <= now_s:
            _, host = heapq.heappop(self._back)
            if all(other != host for _, other in self._back):  # it may have failed again meanwhile
                self.engine.back(host)

    def _restart(self, id: int) -> None:
        if isinstance(self.engine.move(id), Refusal):
            self.engine.free(id)
            self.ids[self.ids == id] = -1
            self.lost += 1
        else:
            self.restarted += 1
