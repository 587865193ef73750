"""How few equal hosts could hold a set of machines: a bound that is proven, however cleverly one places or moves.

A price for each flavour such that no host full of them is worth more than 1 proves that machines worth X need at
least X hosts. Good prices are the dual of the configuration linear programme (Gilmore and Gomory 1961): a simplex of
one row a flavour, whose next column is the most valuable filling of one host. They come from floats, the proof does
not: they are rounded to integers, the most valuable filling is found anew in integers, and the bound is the quotient
rounded up.

A grid of filled cores and memory finds that filling, in units that divide every flavour. Where that would be more than
`CELLS_MAX` cells, machines are rounded down to coarser units, which only lowers the bound.
"""

import math
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from cloudhall.domains.compute.placement.columns import Ints

Floats = npt.NDArray[np.float64]
N = TypeVar("N", Ints, Floats)
CELLS_MAX = 200_000
PIVOTS_MAX = 2_000
PRICE_ONE = 1 << 30
EPSILON = 1e-9


class Grid(NamedTuple):
    """Flavours and one host in common units of so many thousandths of a core and MiB."""

    cpu_unit: int
    mem_unit: int
    cpu: Ints
    mem: Ints
    host_cpu: int
    host_mem: int


class Demand(NamedTuple):
    """Machines over time: event `n` adds `delta[n]` of `flavour[n]`; moment `m` ends before event `end[m]`."""

    flavour: Ints
    delta: Ints
    end: Ints

    def after(self, of: Ints) -> Ints:
        """Sum of `of` over the machines there are after each moment; `of` is given by flavour."""
        total: Ints = np.cumsum(of[self.flavour] * self.delta)[self.end - 1]
        return total

    def counts(self, moment: int, flavours: int) -> Ints:
        """Machines of each flavour after a moment."""
        end = self.end[moment]
        return np.bincount(self.flavour[:end], self.delta[:end], flavours).astype(np.int64)


class Prices(NamedTuple):
    """`of` is the price of each flavour, `host` the most that one host full of them is worth: all integers."""

    of: Ints
    host: int

    def hosts(self, demand: Demand) -> Ints:
        """Hosts that are needed at the least, after each moment. Exact up to 2**33 hosts' worth of machines."""
        return -(-demand.after(self.of) // self.host)


def bound(grid: Grid, demand: Demand) -> Ints:
    """Hosts needed at the least, after each moment: proven for all of them, tight for the worst.

    Prices of the moment with the greatest volume may show another to be worse; then theirs are tried too. 0.1 s for
    16 flavours, O(flavours) simplex steps of one grid each.
    """
    needed = np.maximum(_by_volume(demand, grid.cpu, grid.host_cpu), _by_volume(demand, grid.mem, grid.host_mem))
    tried: set[int] = set()
    while (worst := int(needed.argmax())) not in tried:
        tried.add(worst)
        prices = prove(grid, dual_prices(grid, demand.counts(worst, len(grid.cpu))))
        needed = np.maximum(needed, prices.hosts(demand))
    return needed


def _by_volume(demand: Demand, size: Ints, host: int) -> Ints:
    return -(-demand.after(size) // host)


def grid_of(cpu_milli: Ints, memory_mib: Ints, host_cpu_milli: int, host_memory_mib: int) -> Grid:
    """Common units of flavours, as fine as `CELLS_MAX` allows."""
    cpu_unit = math.gcd(host_cpu_milli, *cpu_milli.tolist()) or 1
    mem_unit = math.gcd(host_memory_mib, *memory_mib.tolist()) or 1
    while (host_cpu_milli // cpu_unit + 1) * (host_memory_mib // mem_unit + 1) > CELLS_MAX:
        if host_cpu_milli // cpu_unit > host_memory_mib // mem_unit:
            cpu_unit *= 2
        else:
            mem_unit *= 2
    # a host is rounded up, machines down: what fitted still fits
    return Grid(
        cpu_unit,
        mem_unit,
        cpu_milli // cpu_unit,
        memory_mib // mem_unit,
        -(-host_cpu_milli // cpu_unit),
        -(-host_memory_mib // mem_unit),
    )


def fillings(grid: Grid, price: N) -> N:
    """For every (cores, memory): the most that machines within it are worth. O(cores * flavours * memory).

    A flavour that needs no core would fit without end and is left out.
    """
    worth: N = np.zeros((grid.host_cpu + 1, grid.host_mem + 1), price.dtype)
    for cores in range(1, grid.host_cpu + 1):
        worth[cores] = worth[cores - 1]
        for cpu, mem, value in zip(grid.cpu.tolist(), grid.mem.tolist(), price.tolist(), strict=True):
            if 0 < cpu <= cores and mem <= grid.host_mem and value > 0:
                row = worth[cores, mem:]
                np.maximum(row, worth[cores - cpu, : grid.host_mem + 1 - mem] + value, out=row)
    return worth


def best_filling(grid: Grid, price: Floats) -> Ints:
    """How many of each flavour the most valuable host holds."""
    worth, counts = fillings(grid, price), np.zeros(len(price), np.int64)
    cores, memory = grid.host_cpu, grid.host_mem
    while cores > 0:
        for flavour, (cpu, mem, value) in enumerate(zip(grid.cpu, grid.mem, price, strict=True)):
            if (
                0 < cpu <= cores
                and mem <= memory
                and value > 0
                and (worth[cores - cpu, memory - mem] + value == worth[cores, memory])
            ):
                counts[flavour] += 1
                cores, memory = cores - cpu, memory - mem
                break
        else:
            cores -= 1
    return counts


def dual_prices(grid: Grid, counts: Ints) -> Floats:
    """Prices that make `counts` worth as many hosts as they can be, by column generation; good, not yet proven.

    Ends when no filling is worth more than a host, or after `PIVOTS_MAX`: every price vector is a valid one.
    """
    flavours = len(counts)
    alone = np.maximum(_alone(grid), 1)
    inverse, cost = np.diag(1.0 / alone), np.ones(flavours)
    level = inverse @ counts.astype(float)
    for _ in range(PIVOTS_MAX):
        price = cost @ inverse
        if price.min() < -EPSILON:  # more of this flavour than are wanted would be cheaper: a surplus enters
            column, column_cost = -np.eye(flavours)[int(price.argmin())], 0.0
        else:
            column, column_cost = best_filling(grid, np.maximum(price, 0.0)).astype(float), 1.0
        if column_cost - price @ column > -EPSILON:
            break
        direction = inverse @ column
        rising = direction > EPSILON
        if not rising.any():
            break
        ratio = np.full(flavours, np.inf)
        ratio[rising] = np.maximum(level[rising], 0.0) / direction[rising]
        leaves = int(ratio.argmin())
        level = level - ratio[leaves] * direction
        level[leaves] = ratio[leaves]
        cost[leaves] = column_cost
        inverse[leaves] /= direction[leaves]
        others = np.arange(flavours) != leaves
        inverse[others] -= np.outer(direction[others], inverse[leaves])
    return np.maximum(cost @ inverse, 0.0)


def prove(grid: Grid, price: Floats) -> Prices:
    """Prices as integers, with the exact worth of the fullest host; what needs no core is worth nothing."""
    of = np.where(grid.cpu > 0, np.floor(price * PRICE_ONE), 0).astype(np.int64)
    return Prices(of, max(int(fillings(grid, of)[-1, -1]), 1))


def _alone(grid: Grid) -> Ints:
    """How many of each flavour one host holds of it alone."""
    by_cpu = grid.host_cpu // np.maximum(grid.cpu, 1)
    by_mem = grid.host_mem // np.maximum(grid.mem, 1)
    fewest: Ints = np.minimum(by_cpu, by_mem)
    return fewest
