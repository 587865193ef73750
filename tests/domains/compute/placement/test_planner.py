"""Plans: they leave the engine alone, gain what they say, and are refused when the state has moved on."""

import numpy as np
import pytest

from cloudhall.domains.compute.placement.engine import Decision, Engine, Refusal
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule
from cloudhall.domains.compute.placement.planner.defragment import defragment
from cloudhall.domains.compute.placement.planner.evacuate import evacuate, hosts_of
from cloudhall.domains.compute.placement.planner.plan import Approved, Budget, carry_out
from cloudhall.domains.compute.placement.planner.rescue import rescue
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.simulate import Replay
from cloudhall.domains.compute.placement.topology import Level
from cloudhall.kernel.errors import Conflict, NotFound, Stale
from tests.domains.compute.placement.kit import machines, taken

CAPACITY = (48_000, 122_880)


def request(cores: int, gib: int) -> Request:
    return Request(cpu_milli=cores * 1000, memory_mib=gib * 1024)


def filled(hosts: int = 40, seed: int = 1, *, compiled: bool | None = False) -> Engine:
    engine = Engine(Fleet.of("48c120g", hosts, rack_hosts=5, hall_racks=4), compiled=compiled)
    for _ in Replay(engine, machines(900, seed)):
        pass
    return engine


def placed(engine: Engine, wanted: Request, group: int = -1) -> Decision:
    answer = engine.place(wanted, group)
    assert isinstance(answer, Decision)
    return answer


def halves() -> tuple[Engine, list[Decision]]:
    """Two hosts, each three quarters full, so that a half fits on neither."""
    engine = Engine(Fleet.of("8c16g", 3), compiled=False)
    guests = [placed(engine, request(cores, 2 * cores)) for cores in (4, 2, 4, 2)]
    for guest, host in zip(guests, (0, 0, 1, 1), strict=True):
        if guest.host != host:
            engine.move(guest.id, host)
    engine.drain(2)
    return engine, guests


def test_a_rescue_makes_room_and_no_more() -> None:
    engine, _ = halves()
    before = engine.state_hash()
    assert isinstance(engine.place(request(4, 8)), Refusal)
    plan = rescue(engine, request(4, 8))
    assert plan is not None
    assert (len(plan), plan.moved_mib) == (1, 4096)
    assert engine.state_hash() == before
    carry_out(engine, Approved(plan, "test"))
    placed(engine, request(4, 8))


def test_what_no_moves_can_mend_has_no_rescue() -> None:
    engine, _ = halves()
    assert rescue(engine, request(8, 16)) is None


def test_a_plan_is_refused_when_a_host_has_changed() -> None:
    engine, guests = halves()
    plan = rescue(engine, request(4, 8))
    assert plan is not None
    engine.free(guests[3].id)
    before = engine.state_hash()
    with pytest.raises(Stale):
        carry_out(engine, Approved(plan, "test"))
    assert engine.state_hash() == before


def test_a_plan_stops_at_the_step_that_no_longer_goes() -> None:
    engine = filled()
    plan = evacuate(engine, hosts_of(engine, Level.RACK, [0]))
    assert carry_out(engine, Approved(plan, "test"), count=3) == 3
    gone = int(plan.moves.id[4])
    engine.free(gone)
    with pytest.raises(Conflict) as told:
        carry_out(engine, Approved(plan, "test"), first=3)
    assert told.value.details["step"] == 4
    assert engine.allocation(int(plan.moves.id[3])).host == plan.moves.target[3]


@pytest.mark.parametrize("compiled", [False, None])
@pytest.mark.parametrize("level", [Level.HOST, Level.RACK, Level.HALL])
def test_an_evacuation_empties_the_domain(level: Level, compiled: bool | None) -> None:
    engine = filled(compiled=compiled)
    hosts, before = hosts_of(engine, level, [0]), engine.state_hash()
    plan = evacuate(engine, hosts)
    assert engine.state_hash() == before
    assert len(plan) > 0
    carry_out(engine, Approved(plan, "test"))
    sums = taken(engine)
    left = sum(engine.allocation(id).request.cpu_milli for id in plan.stay)
    assert sum(sums[host][0] for host in hosts) == left
    assert all(cpu <= CAPACITY[0] and memory <= CAPACITY[1] for cpu, memory in sums.values())
    assert not any(isinstance(answer, Decision) and answer.host in hosts for answer in (engine.place(request(1, 1)),))


def test_service_goes_before_size_and_a_budget_pays_the_first() -> None:
    engine = filled()
    hosts = hosts_of(engine, Level.RACK, [1])
    small_first = evacuate(
        engine,
        hosts,
        service=lambda ids: np.array([engine.allocation(id).request.memory_mib for id in ids.tolist()]),
        budget=Budget(moves=4),
    )
    sizes = sorted(engine.allocation(id).request.memory_mib for host in hosts.tolist() for id in engine.guests(host))
    assert small_first.moves.memory_mib.tolist() == sizes[:4]
    assert small_first.later == len(sizes) - 4
    paid = evacuate(engine, hosts, budget=Budget(memory_mib=sizes[-1] + 1))
    assert paid.moved_mib <= sizes[-1] + 1
    assert len(paid) > 0


def test_an_evacuation_keeps_groups_apart() -> None:
    engine = Engine(Fleet.of("48c120g", 6), compiled=False)
    group = engine.declare_group([Rule("apart", Level.HOST)])
    for _ in range(5):
        placed(engine, request(2, 4), group)
    plan = evacuate(engine, np.array([0, 1]))
    carry_out(engine, Approved(plan, "test"))
    hosts = [engine.allocation(id).host for id in engine.members(group)]
    assert (len(plan), len(plan.stay)) == (1, 1)
    assert len(set(hosts)) == 5


def test_defragmentation_frees_the_hosts_it_names() -> None:
    engine = filled()
    used = sum(1 for cpu, _ in taken(engine).values() if cpu)
    before = engine.state_hash()
    plan = defragment(engine, Budget(moves=60))
    assert engine.state_hash() == before
    carry_out(engine, Approved(plan, "test"))
    freed = used - sum(1 for cpu, _ in taken(engine).values() if cpu)
    assert f"{freed} hosts freed" in plan.gain.en
    assert freed > 0
    assert len(plan) <= 60


def test_a_domain_that_is_not_there() -> None:
    with pytest.raises(NotFound):
        hosts_of(filled(), Level.RACK, [8])
