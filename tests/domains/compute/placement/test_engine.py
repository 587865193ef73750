"""Single rules of the engine, both ways of deciding."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.engine import Decision, Engine, Refusal, Stream
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule
from cloudhall.domains.compute.placement.grow import join
from cloudhall.domains.compute.placement.jit import HAVE_NUMBA, SWITCH
from cloudhall.domains.compute.placement.labels import Labels
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.topology import Level
from cloudhall.kernel.errors import Conflict, Invalid, NotFound, Unavailable

SMALL = Request(cpu_milli=1_000, memory_mib=1_024)
ONES = np.ones(2, np.int64)
Make = Callable[..., Engine]


@pytest.fixture(params=[True, False] if HAVE_NUMBA else [False], ids=lambda way: "numba" if way else "numpy")
def make(request: pytest.FixtureRequest) -> Make:
    def build(hosts: int = 12, **fleet: int) -> Engine:
        return Engine(Fleet.of("4c8g", hosts, **({"rack_hosts": 4} | fleet)), compiled=request.param)

    return build


def host_of(answer: Decision | Refusal) -> int:
    assert isinstance(answer, Decision), answer
    return answer.host


def test_pack_fills_a_host_before_the_next(make: Make) -> None:
    engine = make()
    assert [host_of(engine.place(SMALL)) for _ in range(9)] == [0] * 4 + [1] * 4 + [2]


def test_a_number_of_old_frees_nobody_else(make: Make) -> None:
    engine = make()
    first = engine.place(SMALL)
    assert isinstance(first, Decision)
    engine.free(first.id)
    second = engine.place(SMALL)
    assert isinstance(second, Decision)
    assert second.id != first.id
    with pytest.raises(NotFound):
        engine.free(first.id)
    assert engine.allocation(second.id).host == 0


@pytest.mark.parametrize("id", [-1, 5, 1 << 40])
def test_what_is_not_allocated_is_not_found(make: Make, id: int) -> None:
    engine = make()
    before = engine.state_hash()
    for act in (engine.free, engine.move, engine.claim, engine.allocation):
        with pytest.raises(NotFound):
            act(id)
    assert engine.state_hash() == before


def test_unknown_groups_and_hosts_are_not_found(make: Make) -> None:
    engine = make()
    with pytest.raises(NotFound):
        engine.place(SMALL, 3)
    with pytest.raises(NotFound):
        engine.drain(12)


def test_apart_counts_members_a_rack(make: Make) -> None:
    engine = make()
    group = engine.declare_group([Rule("apart", Level.RACK, 2)])
    hosts = [host_of(engine.place(SMALL, group)) for _ in range(6)]
    assert sorted(host // 4 for host in hosts) == [0, 0, 1, 1, 2, 2]
    assert isinstance(engine.place(SMALL, group), Refusal)
    engine.free(engine.members(group)[0])
    assert host_of(engine.place(SMALL, group)) // 4 == 0


def test_spread_keeps_the_skew(make: Make) -> None:
    engine = make()
    group = engine.declare_group([Rule("spread", Level.RACK, 1)])
    racks = [host_of(engine.place(SMALL, group)) // 4 for _ in range(7)]
    counts = [np.bincount(racks[: n + 1], minlength=3) for n in range(7)]
    assert max(int(c.max() - c.min()) for c in counts) == 1


def test_together_follows_the_first(make: Make) -> None:
    engine = make()
    engine.drain(0)
    engine.drain(1)
    group = engine.declare_group([Rule("together", Level.RACK)])
    assert {host_of(engine.place(SMALL, group)) // 4 for _ in range(8)} == {0}
    assert isinstance(engine.place(SMALL, group), Refusal)


def test_a_soft_rule_gives_way(make: Make) -> None:
    engine = make(2)
    group = engine.declare_group([Rule("apart", Level.HOST, 1, hard=False)])
    assert [host_of(engine.place(SMALL, group)) for _ in range(4)] == [0, 1, 0, 1]


def test_all_or_nothing(make: Make) -> None:
    engine = make(2)
    before = engine.state_hash()
    assert isinstance(engine.place_all([(SMALL, -1)] * 9), Refusal)
    assert engine.state_hash() == before
    placed = engine.place_all([(SMALL, -1)] * 8)
    assert isinstance(placed, list)
    assert len(placed) == 8


def test_room_is_held_until_it_is_claimed(make: Make) -> None:
    engine = make(1)
    held = engine.place(Request(cpu_milli=4_000, memory_mib=64), held=True)
    assert isinstance(held, Decision)
    assert engine.allocation(held.id).held
    assert isinstance(engine.place(SMALL), Refusal)
    engine.claim(held.id)
    assert not engine.allocation(held.id).held


def test_a_dedicated_host_is_one_owners_until_it_is_empty(make: Make) -> None:
    engine = make(2)
    mine = Request(cpu_milli=1_000, memory_mib=64, owner=7)
    first = engine.place(mine)
    assert isinstance(first, Decision)
    assert host_of(engine.place(mine)) == first.host
    assert host_of(engine.place(SMALL)) != first.host
    assert isinstance(engine.place(Request(cpu_milli=1_000, memory_mib=64, owner=8)), Refusal)
    for id in engine.guests(first.host):
        engine.free(id)
    assert host_of(engine.place(Request(cpu_milli=1_000, memory_mib=64, owner=8))) == first.host


def test_moving_avoids_what_is_named(make: Make) -> None:
    engine = make()
    placed = engine.place(SMALL)
    assert isinstance(placed, Decision)
    assert host_of(engine.move(placed.id, avoid=(1, 2))) == 3
    assert host_of(engine.move(placed.id, host=7)) == 7


def test_an_emptied_rack_is_empty(make: Make) -> None:
    engine = make()
    for _ in range(12):
        engine.place(SMALL)
    for host in range(4):
        engine.drain(host)
    ids = [id for host in range(4) for id in engine.guests(host)]
    assert (engine.move_many(ids) >= 4).all()
    assert not any(engine.guests(host) for host in range(4))


def test_a_stream_stops_at_a_refusal_and_goes_on(make: Make) -> None:
    engine = make(1)
    class_ = engine.class_of(Request(cpu_milli=3_000, memory_mib=64))
    stream = Stream(*(np.array(c, np.int32) for c in ([class_, class_, -1, class_], [0, 1, 0, 2], [-1] * 4)))
    ids = np.full(3, -1, np.int64)
    assert engine.run(stream, ids, stop_at_refusal=True) == 1
    assert engine.run(stream, ids, 2) == 4
    assert (ids >= 0).tolist() == [False, False, True]


def test_hosts_join_their_rack(make: Make) -> None:
    engine = make(8)
    ids = [answer.id for answer in (engine.place(SMALL) for _ in range(20)) if isinstance(answer, Decision)]
    assert join(engine, ["new-1", "new-2"], like=1) == [4, 5]
    assert engine.fleet.names[4:6] == ("new-1", "new-2")
    assert engine.fleet.topology.domain[Level.RACK].tolist() == [0] * 6 + [1] * 4
    assert sorted(id for host in range(10) for id in engine.guests(host)) == sorted(ids)
    assert not engine.guests(4)
    assert engine.allocation(ids[-1]).host == 6
    assert (engine.state.books.hosts[:, at.CPU] >= 0).all()
    assert join(engine, ["new-3"], like=0, new_rack=True) == [6]
    assert engine.fleet.topology.domain[Level.RACK].tolist() == [0] * 6 + [1] + [2] * 4
    assert host_of(engine.place(Request(cpu_milli=4_000, memory_mib=64))) == 4
    with pytest.raises(Conflict):
        join(engine, ["new-3"], like=0)


def test_a_trial_within_a_trial_is_refused(make: Make) -> None:
    engine = make()
    with engine.trial(), pytest.raises(Conflict), engine.trial():
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"cpu_milli": -1},
        {"memory_mib": 1 << 31},
        {"gpus": 9},
        {"gpus": 1, "gpu_milli": 0},
        {"profile": "best"},
        {"numa": "three"},
        {"preferred": tuple("abcdefghijklmnop")},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        Request(**wrong)  # type: ignore[arg-type]  # the point


def test_an_unknown_label_names_the_nearest() -> None:
    engine = Engine(Fleet.from_arrays(cpu_milli=ONES[:1], memory_mib=ONES[:1], labels=Labels(["zone=a"])))
    before = engine.state_hash()
    with pytest.raises(Invalid) as refused:
        engine.place(Request(required=("zone=aa",)))
    assert "zone=a" in refused.value.how.en
    with pytest.raises(Invalid):
        engine.place(Request(required=("zone=a",), forbidden=("zone=a",)))
    assert engine.state_hash() == before


@pytest.mark.parametrize("limit", [0, 1 << 12])
def test_a_limit_nobody_could_keep_is_refused(limit: int) -> None:
    with pytest.raises(Invalid):
        Rule("apart", Level.HOST, limit)


def test_names_of_hosts_are_unique() -> None:
    with pytest.raises(Invalid, match="twice"):
        Fleet.from_arrays(cpu_milli=ONES, memory_mib=ONES, names=("a", "a"))


COURSE = """
from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.request import Request
engine = Engine(Fleet.of("4c8g", 100))
ids = [engine.place(Request(cpu_milli=500 + number % 3 * 250, memory_mib=700)).id for number in range(200)]
for id in ids[::3]:
    engine.free(id)
engine.move(ids[1])
print(engine.compiled, engine.state_hash())
"""


def test_without_numba_it_decides_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {}
    for switch in ("off", "on"):
        monkeypatch.setenv(SWITCH, switch)
        run = subprocess.run([sys.executable, "-c", COURSE], capture_output=True, text=True, check=True)
        said[switch] = run.stdout.split()
    assert said["off"][0] == "False"
    assert said["on"][0] == str(HAVE_NUMBA)
    assert said["off"][1] == said["on"][1]


def test_numba_wanted_and_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudhall.domains.compute.placement.engine.HAVE_NUMBA", False)
    with pytest.raises(Unavailable):
        Engine(Fleet.of("4c8g", 1), compiled=True)


def test_the_command_line_starts_without_numpy() -> None:
    line = "import sys, cloudhall.cli.main; print('numpy' in sys.modules, 'numba' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]
