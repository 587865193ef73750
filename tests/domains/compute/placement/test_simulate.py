"""A replay, and its report against a recount that keeps its own books."""

import numpy as np
import pytest

from cloudhall.domains.compute.placement import chart, report
from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.simulate import NOBODY, Replay, failures
from cloudhall.domains.compute.placement.traces import TO_THE_END, Machines
from tests.domains.compute.placement.kit import machines, taken

HOST = (48_000, 122_880)


def watched(replay: Replay) -> tuple[report.Watch, list[int]]:
    watch, used = report.Watch(replay), []
    for moment in replay:
        watch.see(moment)
        if moment.machine == NOBODY:
            used.append(sum(1 for cpu, _ in taken(replay.engine).values() if cpu))
    return watch, used


def alive(trace: Machines, refused: set[int], now_s: int) -> list[int]:
    ends = np.where(trace.life_s == TO_THE_END, 1 << 40, trace.arrival_s + trace.life_s)
    return [n for n in range(len(ends)) if n not in refused and trace.arrival_s[n] <= now_s and ends[n] > now_s]


def test_the_report_is_what_a_recount_finds() -> None:
    trace = machines(600, 3)
    replay = Replay(Engine(Fleet.of("48c120g", 12), compiled=False), trace)
    watch, used = watched(replay)
    told, end_s = watch.report(), int(trace.arrival_s.max())
    here = alive(trace, set(replay.refused), end_s)
    assert told["refused"] == len(replay.refused) > 0
    assert sorted(here) == np.flatnonzero(replay.ids >= 0).tolist()
    sums = np.array(list(taken(replay.engine).values()))
    assert sums.sum(0).tolist() == [int(trace.cpu_milli[here].sum()), int(trace.memory_mib[here].sum())]
    assert np.all(sums <= HOST)
    assert told["hosts_used"] == max(used)
    spans = np.diff(watch.lines.at_s)
    assert told["host_hours"] == round(float(np.array(used[:-1]) @ spans) / 3600, 1)
    every = [alive(trace, set(), now_s) for now_s in watch.lines.at_s]
    volume = [max(trace.cpu_milli[n].sum() / HOST[0], trace.memory_mib[n].sum() / HOST[1]) for n in every]
    assert told["host_hours_bound"] == round(float(np.array(volume[:-1]) @ spans) / 3600, 1)
    assert all(bound >= -(-v // 1) for bound, v in zip(watch.lines.needed, volume, strict=True))


def test_the_same_seed_is_the_same_story_on_both_ways() -> None:
    trace = machines(400, 5)
    broken = failures(6, hosts=30, end_s=36_000, repair_s=3_600, seed=11)
    hashes = set()
    for compiled in (False, None):
        replay = Replay(Engine(Fleet.of("48c120g", 30), compiled=compiled), trace, moves=2, broken=broken)
        watched(replay)
        hashes.add((replay.engine.state_hash(), replay.restarted, replay.lost, replay.moves))
    assert len(hashes) == 1
    assert next(iter(hashes))[1] > 0


def test_who_is_on_a_failing_host_starts_again_or_is_lost() -> None:
    trace = machines(300, 9)
    replay = Replay(
        Engine(Fleet.of("48c120g", 6), compiled=False),
        trace,
        broken=failures(5, hosts=6, end_s=36_000, repair_s=1 << 20, seed=2),
    )
    watched(replay)
    down = {f.host for f in failures(5, hosts=6, end_s=36_000, repair_s=1, seed=2)}
    assert replay.lost > 0
    assert all(cpu == 0 for host, (cpu, _) in taken(replay.engine).items() if host in down)


def test_the_largest_of_a_moment_comes_first() -> None:
    zeros = np.zeros(3, np.int64)
    trace = Machines(zeros, zeros, np.array([1000, 8000, 4000]), np.full(3, 1024), np.full(3, TO_THE_END))
    for in_order, expected in ((False, [1, 2, 0]), (True, [0, 1, 2])):
        replay = Replay(Engine(Fleet.of("48c120g", 2), compiled=False), trace, in_order=in_order)
        assert replay.timeline.stream.machine.tolist() == expected


def test_a_flavour_leaves_stranded_what_no_flavour_could_use() -> None:
    usable = report.Usable(np.array([(2_000, 4_096), (4_000, 4_096)]), 8_000, 16_384)
    assert usable.stranded(np.array([3_000]), np.array([16_384])) == (1_000, 12_288)
    assert usable.stranded(np.array([8_000]), np.array([16_384])) == (0, 0)


@pytest.mark.parametrize("top", [0, 0.4, 7, 83, 948, 1050, 99_999])
def test_ticks_are_round_and_reach_the_top(top: float) -> None:
    ticks = chart.ticks_to(top)
    assert ticks[0] == 0
    assert ticks[-1] >= top
    assert len(ticks) <= 7


def test_a_page_stands_alone_and_escapes() -> None:
    from cloudhall.kernel.text import T

    lines = [chart.Line(T("甲<", "a<"), [1, 3, 2]), chart.Line(T("乙", "b"), [0, 1, 1])]
    drawn = chart.Chart(T("题", "Title & more"), [0, 3600, 7200], lines)
    page = chart.page(T("页", "Page"), [(T("数", "number"), "<b>")], [drawn], "en")
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<b>" not in page
    assert "Title &amp; more" in page
    shown = chart.text(drawn, "zh", columns=20, rows=5).splitlines()
    assert shown[0] == "题"
    assert len(shown) == 5 + 3
