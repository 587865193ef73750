"""The bound is below what a search of all packings finds, and tight where that is known."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.domains.compute.placement import bounds

HOST = (4, 6)
FLAVOURS = [(1, 1), (1, 4), (2, 2), (3, 1), (4, 6)]


def fewest(items: tuple[tuple[int, int], ...], best: int) -> int:
    """Fewest hosts for all items, by trying everything."""

    def fits(rest: tuple[tuple[int, int], ...], free: list[tuple[int, int]]) -> bool:
        if not rest:
            return True
        cpu, mem = rest[0]
        for number in {room: number for number, room in enumerate(free)}.values():
            has_cpu, has_mem = free[number]
            if cpu <= has_cpu and mem <= has_mem:
                after = [*free]
                after[number] = has_cpu - cpu, has_mem - mem
                if fits(rest[1:], after):
                    return True
        return False

    return next(count for count in itertools.count(best) if fits(items, [HOST] * count))


def demand(items: list[tuple[int, int]]) -> tuple[bounds.Grid, bounds.Demand]:
    sizes = np.array(FLAVOURS)
    which = np.array([FLAVOURS.index(item) for item in items])
    grid = bounds.grid_of(sizes[:, 0] * 1000, sizes[:, 1] * 256, HOST[0] * 1000, HOST[1] * 256)
    return grid, bounds.Demand(which, np.ones(len(items), np.int64), np.array([len(items)]))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(FLAVOURS), min_size=1, max_size=8))
def test_never_above_what_is_possible(items: list[tuple[int, int]]) -> None:
    needed = int(bounds.bound(*demand(items))[0])
    volume = max(-(-sum(size) // host) for size, host in zip(zip(*items, strict=True), HOST, strict=True))
    assert volume <= needed <= fewest(tuple(sorted(items, reverse=True)), volume)


def test_shapes_count_and_not_only_volume() -> None:
    items = [(3, 1)] * 8  # one a host, although six hosts have the cores
    assert bounds.bound(*demand(items)).tolist() == [8]


def test_each_moment_has_its_bound() -> None:
    grid, _ = demand([(4, 6)])
    flavour, delta = np.array([4, 4, 4, 4]), np.array([1, 1, -1, -1])
    assert bounds.bound(grid, bounds.Demand(flavour, delta, np.array([1, 2, 3, 4]))).tolist() == [1, 2, 1, 0]


def test_coarse_units_only_lower_the_bound() -> None:
    sizes = np.array([(1_001, 1_003), (7_919, 6_007)])
    grid = bounds.grid_of(sizes[:, 0], sizes[:, 1], 48_000, 122_880)
    assert (grid.host_cpu + 1) * (grid.host_mem + 1) <= bounds.CELLS_MAX
    assert np.all(grid.cpu * grid.cpu_unit <= sizes[:, 0])
    assert grid.host_cpu * grid.cpu_unit >= 48_000
