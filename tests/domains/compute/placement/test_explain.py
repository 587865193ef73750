"""A refusal's numbers add up to the fleet; what it advises helps."""

import numpy as np
import pytest

from cloudhall.domains.compute.placement import explain
from cloudhall.domains.compute.placement.engine import Decision, Engine, Refusal
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.groups import Rule
from cloudhall.domains.compute.placement.labels import Labels
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.topology import Level


@pytest.fixture
def engine() -> Engine:
    labels = Labels(["zone=a", "pool=tax"])
    bits = np.zeros(20, np.int64)
    bits[:6] = labels.bits(["zone=a"])
    bits[18:] = labels.bits(["pool=tax"])
    rack = np.arange(20) // 5
    cpu_milli, memory_mib = np.full(20, 8_000), np.full(20, 16_384)
    fleet = Fleet.from_arrays(cpu_milli=cpu_milli, memory_mib=memory_mib, rack=rack, labels=labels, label_bits=bits)
    engine = Engine(fleet, compiled=False)
    engine.drain(7)
    engine.fail(8)
    for _ in range(3):
        engine.place(Request(cpu_milli=7_000, memory_mib=1_024))
    return engine


def counted(found: explain.Explanation) -> dict[str, int]:
    assert found.fitting + sum(count.hosts for count in found.counts) == found.fleet
    for count in found.counts:
        assert not count.parts or sum(part.hosts for part in count.parts) == count.hosts
    return {count.name: count.hosts for count in found.counts}


def test_every_host_is_counted_once(engine: Engine) -> None:
    found = explain.refusal(engine, Request(cpu_milli=8_001, memory_mib=20_000))
    assert counted(found) == {"labels": 4, "cpu": 16}
    assert {part.name: part.hosts for part in found.counts[0].parts} == {"drained": 1, "failed": 1, "pool=tax": 2}


def test_the_smallest_change_of_the_request_fits(engine: Engine) -> None:
    request = Request(cpu_milli=8_001, memory_mib=1_024, required=("zone=a",))
    assert isinstance(engine.place(request), Refusal)
    found = explain.refusal(engine, request)
    assert counted(found) == {"labels": 14, "cpu": 6}
    assert (found.nearest, found.shortages[0].needed, found.shortages[0].free) == (3, 8_001, 8_000)
    assert "1 less of shared cores" in found.advice.en
    assert found.change is not None
    assert engine.place(found.change) == Decision(engine.guests(3)[0], 3)


def test_a_group_that_left_no_rack_open_is_named(engine: Engine) -> None:
    group = engine.declare_group([Rule("apart", Level.RACK)])
    request = Request(cpu_milli=500, memory_mib=64)
    while isinstance(engine.place(request, group), Decision):
        pass
    found = explain.refusal(engine, request, group)
    assert counted(found)["group"] == 16
    assert found.counts[-1].parts[0].name == "apart rack"
    assert found.fitting == 0
    assert found.nearest == -1


def test_a_choice_tells_the_runner_up(engine: Engine) -> None:
    request = Request(cpu_milli=1_000, memory_mib=1_024)
    choice = explain.choice(engine, request)
    assert choice is not None
    answer = engine.place(request)
    assert isinstance(answer, Decision)
    assert answer.host == choice.host
    engine.free(answer.id)
    engine.drain(choice.host)
    again = explain.choice(engine, request)
    assert again is not None
    assert (again.host, again.score - choice.score) == (choice.runner_up, choice.difference)
    assert explain.choice(engine, Request(cpu_milli=9_000)) is None
