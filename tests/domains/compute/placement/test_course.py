"""Random courses: two ways to decide and an oracle agree at every step, and nothing is lost or made up.

The machine drives two engines, one compiled with the index and one with NumPy alone, through the same course. What it
remembers itself is where every machine is and what it took, so free room can be added up from nothing.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement import snapshot
from cloudhall.domains.compute.placement.engine import Decision, Engine, Refusal
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule
from cloudhall.domains.compute.placement.jit import HAVE_NUMBA
from cloudhall.domains.compute.placement.labels import Labels
from cloudhall.domains.compute.placement.log import Log, replay
from cloudhall.domains.compute.placement.oracle import best_host
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.topology import Level

HOSTS = 48
LABELS = ("zone=a", "zone=b", "pool=tax", "ssd", "gpu=V100", "gpu=T4")
RESOURCES = (at.CPU, at.MEM, at.CORES, *range(at.NODE_CPU, at.NODE_CPU + 4), *range(at.GPU, at.HOST_COLUMNS))


def fleet() -> Fleet:
    """Six racks of eight in three halls of two centres: paired hosts, hosts with processors, a pool, two zones."""
    numbers = np.arange(HOSTS)
    labels = Labels(LABELS)
    gpus = np.where(numbers % 4 == 1, 4, 0)
    bits = np.zeros(HOSTS, np.int64)
    for name, where in {
        "zone=a": numbers // 8 % 2 == 1,
        "zone=b": numbers // 8 % 2 == 0,
        "pool=tax": numbers % 7 == 0,
        "ssd": numbers % 3 == 0,
        "gpu=V100": (gpus > 0) & (numbers % 8 == 1),
        "gpu=T4": (gpus > 0) & (numbers % 8 == 5),
    }.items():
        bits[where] |= labels.bits([name])
    return Fleet.from_arrays(
        cpu_milli=np.where(numbers % 2, 16_000, 24_000),
        memory_mib=np.where(numbers % 5, 32_768, 65_536),
        cores_milli=np.where(numbers % 6 == 0, 4_000, 0),
        rack=numbers // 8,
        hall=numbers // 16,
        centre=numbers // 32,
        labels=labels,
        label_bits=bits,
        tier=numbers % 3,
        paired=numbers % 4 == 2,
        gpus=gpus,
    )


subsets = st.lists(st.sampled_from(LABELS[:4]), max_size=1).map(tuple)
requests = st.builds(
    Request,
    cpu_milli=st.sampled_from((0, 500, 1_000, 4_000, 8_000)),
    memory_mib=st.sampled_from((256, 1_024, 8_192, 30_001)),
    cores_milli=st.sampled_from((0, 0, 0, 2_000)),
    gpus=st.sampled_from((0, 0, 0, 1, 2)),
    gpu_milli=st.sampled_from((300, 1_000)),
    gpu_models=st.sampled_from(((), (), ("T4",))),
    numa=st.sampled_from(("any", "any", "one", "both")),
    required=subsets,
    preferred=subsets,
    owner=st.sampled_from((0, 0, 0, 7)),
    profile=st.sampled_from(("pack", "spread", "green", "gpu", "numa")),
)
rules = st.builds(
    Rule,
    kind=st.sampled_from(("apart", "apart", "spread", "together")),
    level=st.sampled_from(list(Level)[:4]),
    limit=st.integers(1, 3),
    hard=st.sampled_from((True, True, False)),
)


class Course(RuleBasedStateMachine):
    """One course through both engines."""

    def __init__(self) -> None:
        super().__init__()
        self.engines = [Engine(fleet(), compiled=way) for way in ((True, False) if HAVE_NUMBA else (False,))]
        self.live: list[int] = []

    @initialize(given=st.lists(st.lists(rules, min_size=1, max_size=2), min_size=1, max_size=3))
    def groups(self, given: list[list[Rule]]) -> None:
        mix = [(Request(cpu_milli=2_000, gpus=1, gpu_milli=300), 3), (Request(cpu_milli=8_000, gpus=2), 1)]
        for engine in self.engines:
            engine.expect(mix)
            for group in given:
                engine.declare_group(group)

    @property
    def first(self) -> Engine:
        return self.engines[0]

    @rule(request=requests, grouped=st.integers(-1, 2), held=st.booleans())
    def place(self, request: Request, grouped: int, held: bool) -> None:
        group = min(grouped, len(self.first.state.rules) - 1)
        expected = best_host(self.first.state, self.first.class_of(request), group)
        answers = [engine.place(request, group, held=held) for engine in self.engines]
        assert len(set(answers)) == 1
        answer = answers[0]
        assert (answer.host if isinstance(answer, Decision) else -1) == expected
        if isinstance(answer, Decision):
            self.live.append(answer.id)

    @precondition(lambda self: self.live)
    @rule(pick=st.integers(0))
    def free(self, pick: int) -> None:
        id = self.live.pop(pick % len(self.live))
        assert len({engine.free(id) for engine in self.engines}) == 1

    @precondition(lambda self: self.live)
    @rule(pick=st.integers(0), request=requests)
    def resize(self, pick: int, request: Request) -> None:
        id = self.live[pick % len(self.live)]
        assert len({engine.resize(id, request) for engine in self.engines}) == 1

    @precondition(lambda self: self.live)
    @rule(pick=st.integers(0), host=st.none() | st.integers(0, HOSTS - 1))
    def move(self, pick: int, host: int | None) -> None:
        id = self.live[pick % len(self.live)]
        home = self.first.allocation(id).host
        answers = {engine.move(id, host) for engine in self.engines}
        assert len(answers) == 1
        moved = isinstance(answers.pop(), Decision)
        assert (self.first.allocation(id).host != home) == (moved and host != home)

    @rule(host=st.integers(0, HOSTS - 1), what=st.sampled_from(("drain", "fail", "back")))
    def relabel(self, host: int, what: str) -> None:
        for engine in self.engines:
            getattr(engine, what)(host)

    @precondition(lambda self: self.live)
    @rule(request=requests, pick=st.integers(0))
    def what_if(self, request: Request, pick: int) -> None:
        id = self.live[pick % len(self.live)]
        for engine in self.engines:
            before = engine.state_hash()
            with engine.trial():
                engine.place(request)
                engine.move(id)
                engine.drain(engine.allocation(id).host)
                engine.resize(id, request)
                engine.free(id)
                engine.place(request)
            assert engine.state_hash() == before

    @invariant()
    def both_are_in_the_same_state(self) -> None:
        assert len({engine.state_hash() for engine in self.engines}) == 1

    @invariant()
    def free_room_is_what_there_is_less_what_is_taken(self) -> None:
        state = self.first.state
        free = state.fleet.capacity.copy()
        for id in self.live:
            found = state.allocation(id)
            taken = state.fleet.capacity[found.host] * 0
            need = found.request
            taken[[at.CPU, at.MEM, at.CORES]] = need.cpu_milli, need.memory_mib, need.cores_milli
            halves = 2 if found.nodes == 3 else 1
            for node in (node for node in range(2) if found.nodes >> node & 1):
                taken[at.NODE_CPU + node] = -(-(need.cpu_milli + need.cores_milli) // halves)
                taken[at.NODE_MEM + node] = -(-need.memory_mib // halves)
            for gpu in (gpu for gpu in range(at.GPUS_MAX) if found.gpus >> gpu & 1):
                taken[at.GPU + gpu] = need.gpu_milli
            assert found.gpus.bit_count() == need.gpus
            free[found.host] -= taken
        columns = list(RESOURCES)
        assert (free[:, columns] == state.books.hosts[:, columns]).all()
        assert (free[:, columns] >= 0).all()
        assert sorted(self.live) == sorted(id for host in range(HOSTS) for id in state.guests(host))

    @invariant()
    def what_is_looked_through_is_what_hosts_have(self) -> None:
        for engine in self.engines:
            books = engine.state.books
            assert (books.hot == books.hosts[:, : at.HOT_COLUMNS]).all()

    @invariant()
    def nobody_shares_a_dedicated_host(self) -> None:
        for host in range(HOSTS):
            owners = {self.first.allocation(id).request.owner for id in self.first.guests(host)}
            assert len(owners) <= 1


Course.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCourse = Course.TestCase


@pytest.mark.parametrize("compiled", [True, False])
def test_a_log_on_a_snapshot_leads_to_the_same_state(tmp_path: Path, compiled: bool) -> None:
    if compiled and not HAVE_NUMBA:
        pytest.skip("numba is not installed")
    engine = Engine(fleet(), compiled=compiled)
    group = engine.declare_group([Rule("apart", Level.RACK)])
    placed = [engine.place(Request(cpu_milli=500, memory_mib=256), group if n % 9 == 0 else -1) for n in range(40)]
    snapshot.save(engine, tmp_path / "state.npz")
    log = Log(engine, tmp_path / "decisions")
    ids = [answer.id for answer in placed if isinstance(answer, Decision)]
    for id in ids[::3]:
        engine.free(id)
    engine.move(ids[1])
    engine.drain(5)
    engine.resize(ids[2], Request(cpu_milli=1_000, memory_mib=512))
    late = engine.declare_group([Rule("together", Level.HALL)])
    answers = [engine.place(Request(cpu_milli=750, memory_mib=128, gpus=1, gpu_milli=10), late) for _ in range(900)]
    held = engine.place(Request(memory_mib=64), held=True)
    assert isinstance(held, Decision)
    engine.claim(held.id)
    log.close()
    again = snapshot.load(tmp_path / "state.npz", compiled=compiled)
    assert replay(again, tmp_path / "decisions") > 50
    assert again.state_hash() == engine.state_hash()
    assert any(isinstance(answer, Refusal) for answer in answers)
    request = Request(cpu_milli=500, memory_mib=512)
    assert [again.place(request) for _ in range(30)] == [engine.place(request) for _ in range(30)]
