"""Years of one cell, drawn by chance: disks, servers, racks, power failures and bad batches, with repairs that queue.

What the formulas leave out is here: repairs after a blow share the cell's bandwidth, failures meet them meanwhile, and
lives need not be exponential. Chance decides what fails and when; how many volumes that costs is then computed exactly
for volumes laid at random, so that rare losses are seen without drawing them one by one. Half of the power failures and
bad batches are drawn so hard that they would lose a volume; each then counts by how likely it was (importance sampling
with a defensive mixture, Hesterberg 1995: no weight is above 2, and expectations stay as they are).

About 10 µs for each disk failure, and at most some 250 MiB: long lives are lived in pieces.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from math import ceil, gamma
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudhall.domains.storage.plan import chances
from cloudhall.domains.storage.plan.durability import Exposed, places_read
from cloudhall.domains.storage.plan.grid import Grid
from cloudhall.domains.storage.plan.repair import YEAR_H
from cloudhall.domains.storage.plan.scheme import Domain

BLOCKS = 100
OUTAGES_AT_ONCE = 400_000
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Chance(NamedTuple):
    """How times are drawn. `life_shape` 1 is exponential, below 1 young disks die first, above 1 old ones."""

    seed: int = 7
    life_shape: float = 1.0
    exponential_repair: bool = False
    blows: bool = True


class Outages(NamedTuple):
    """Disks that are missing, each from an hour until another; `weight` is that of the blow which took it."""

    from_h: Floats
    until_h: Floats
    disk: Ints
    weight: Floats


class Simulated(NamedTuple):
    """Loss of one cell. Arrays hold a value for each of some hundred stretches of equal length."""

    years: float
    volumes: Floats
    places: Floats
    moments: int
    failures: int

    @property
    def volumes_year(self) -> float:
        """Volumes lost a year, expected."""
        return float(self.volumes.sum()) / self.years

    @property
    def places_year(self) -> float:
        """Bad places that turned into loss a year, expected."""
        return float(self.places.sum()) / self.years

    @property
    def spread(self) -> float:
        """Over how many stretches the loss is spread, at least: few mean that the interval cannot be trusted."""
        squares = float((self.volumes**2).sum())
        return float(self.volumes.sum()) ** 2 / squares if squares else 0.0

    def interval(self, values: Floats) -> tuple[float, float]:
        """95 % interval a year of the sum of such values, by the spread between stretches."""
        half = 1.96 * float(values.std(ddof=1)) * len(values) ** 0.5 / self.years
        middle = float(values.sum()) / self.years
        return max(middle - half, 0.0), middle + half


USUAL = Chance()


def simulate(e: Exposed, years: int, chance: Chance = USUAL) -> Simulated:
    """Let one cell live for so many years, in pieces that begin with every disk in place."""
    pieces = max(ceil(e.grid.disks * e.a["disk_afr"] * years / OUTAGES_AT_ONCE), 1)
    seeds = np.random.SeedSequence(chance.seed).spawn(pieces)
    lived = [_piece(e, years / pieces, chance, np.random.default_rng(seed)) for seed in seeds]
    return Simulated(
        years=sum(piece.years for piece in lived),
        volumes=np.concatenate([piece.volumes for piece in lived]),
        places=np.concatenate([piece.places for piece in lived]),
        moments=sum(piece.moments for piece in lived),
        failures=sum(piece.failures for piece in lived),
    )


def _piece(e: Exposed, years: float, chance: Chance, drawn: np.random.Generator) -> Simulated:
    horizon_h = years * YEAR_H
    outages = [_failures(e, horizon_h, chance, drawn)]
    if chance.blows:
        outages += _blows(e, horizon_h, drawn)
    return _lived(e, years, Outages(*(np.concatenate(parts) for parts in zip(*outages, strict=True))))


def _failures(e: Exposed, horizon_h: float, chance: Chance, drawn: np.random.Generator) -> Outages:
    """Single disks: a life, a repair, a life, for each place of the grid."""
    if not e.failures_h:
        return Outages(np.empty(0), np.empty(0), np.empty(0, np.int64), np.empty(0))
    mean_h = 1 / e.failures_h
    expected = horizon_h / (mean_h + e.repair.window_h)
    size = (e.grid.disks, int(expected + 6 * expected**0.5 + 10))
    lives = drawn.weibull(chance.life_shape, size)
    lives *= mean_h / gamma(1 + 1 / chance.life_shape)
    window = drawn.exponential(e.repair.window_h, size) if chance.exponential_repair else e.repair.window_h
    until = np.cumsum(lives + window, axis=1)
    from_h = until - window
    seen = from_h < horizon_h
    disk = np.broadcast_to(np.arange(e.grid.disks)[:, None], size)
    return Outages(from_h[seen], until[seen], disk[seen], np.ones(np.count_nonzero(seen)))


def _blows(e: Exposed, horizon_h: float, drawn: np.random.Generator) -> Iterator[Outages]:
    """Yield what strikes many disks at once; those repairs share the cell's bandwidth."""
    a, grid = e.a, e.grid
    lost = a["batch_share"] * a["batch_lost"]
    needed = e.scheme.parity + 1
    kinds: tuple[tuple[float, Callable[[], tuple[Ints, float]]], ...] = (
        (grid.servers * a["server_loss"], lambda: _unit(grid, Domain.SERVER, drawn)),
        (grid.racks * a["rack_loss"], lambda: _unit(grid, Domain.RACK, drawn)),
        (a["power_events"], lambda: _units(grid, Domain.SERVER, a["power_lost"], needed, drawn)),
        (a["batch_events"], lambda: _units(grid, Domain.DISK, lost, needed, drawn)),
    )
    for rate_year, struck in kinds:
        for at_h in np.sort(drawn.uniform(0, horizon_h, drawn.poisson(rate_year * horizon_h / YEAR_H))):
            disks, weight = struck()
            size = len(disks)
            until_h = at_h + e.repair.detection_h + e.repair.rebuild_h * size
            yield Outages(np.full(size, at_h), np.full(size, until_h), disks, np.full(size, weight))


def _unit(grid: Grid, level: Domain, drawn: np.random.Generator) -> tuple[Ints, float]:
    """Disks of one unit at random."""
    span = grid.span(level)
    return int(drawn.integers(grid.units(level))) * span + np.arange(span), 1.0


def _units(grid: Grid, level: Domain, chance: float, needed: int, drawn: np.random.Generator) -> tuple[Ints, float]:
    """Disks of every unit that a chance each picks, drawn every other time as if `needed` more were picked; weight."""
    span, units = grid.span(level), grid.units(level)
    hard = min((needed + chance * (units - needed)) / units, 0.5) if 0 < chance < 0.5 else chance
    picked = np.flatnonzero(drawn.random(units) < (hard if drawn.random() < 0.5 else chance))
    ratio = 1.0
    if hard != chance:
        ratio = (hard / chance) ** len(picked) * ((1 - hard) / (1 - chance)) ** (units - len(picked))
    return (picked[:, None] * span + np.arange(span)).ravel(), 2 / (1 + ratio)


def _lived(e: Exposed, years: float, outages: Outages) -> Simulated:
    """Go through the times at which enough disks were missing together to matter."""
    hurt = _Hurt(e, years)
    for moment in _moments(outages, e.scheme.parity):
        hurt.see(moment)
    return Simulated(
        years=years - hurt.skipped_h / YEAR_H,
        volumes=hurt.volumes * e.layout.cell.volumes,
        places=hurt.critical * e.layout.cell.volumes * places_read(e),
        moments=hurt.moments,
        failures=len(outages.disk),
    )


class _Moment(NamedTuple):
    """Disks that go missing, or are back, at one moment."""

    at_h: float
    begins: bool
    disks: list[int]
    weight: float


def _moments(outages: Outages, least: int) -> Iterator[_Moment]:
    """Yield beginnings and ends in order, those of a moment together, of stretches with `least` outages at once."""
    count = len(outages.disk)
    at = np.concatenate([outages.from_h, outages.until_h])
    begins = np.arange(2 * count) < count
    order = np.lexsort((begins, at))  # what ends goes before what begins
    at, begins = at[order], begins[order]
    open_ = np.cumsum(np.where(begins, 1, -1))
    ends = np.flatnonzero(open_ == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    chosen = np.flatnonzero((np.maximum.reduceat(open_, starts) if count else open_) >= least)
    times, kinds = at.tolist(), begins.tolist()
    disks, weights = (np.tile(values, 2)[order].tolist() for values in (outages.disk, outages.weight))
    for start, end in zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True):
        first = start
        for last in range(start + 1, end + 2):
            if last > end or times[last] != times[first] or kinds[last] != kinds[first]:
                yield _Moment(times[first], kinds[first], disks[first:last], weights[first])
                first = last


class _Hurt:
    """What is missing now, and what that has cost so far."""

    def __init__(self, e: Exposed, years: float) -> None:
        self.parity, self.parts = e.scheme.parity, e.scheme.parts
        self.domains, self.span = e.grid.units(e.grid.domain), e.grid.span(e.grid.domain)
        self.block_h = years * YEAR_H / BLOCKS
        self.volumes, self.critical = np.zeros(BLOCKS), np.zeros(BLOCKS)
        self.moments, self.skipped_h = 0, 0.0
        self._out: Counter[int] = Counter()
        self._lost: Counter[int] = Counter()
        self._gone_at_h = -1.0
        self._weight = 1.0  # of the blows that last

    def see(self, moment: _Moment) -> None:
        """Take in what goes missing or is back."""
        self._weight *= moment.weight if moment.begins else 1 / moment.weight
        if moment.begins and self._gone_at_h < 0:
            self._lose(moment)
        else:
            self._count_all(moment)
        if not self._out:
            self._weight = 1.0
            if self._gone_at_h >= 0:
                self.skipped_h += moment.at_h - self._gone_at_h
                self._gone_at_h = -1.0

    def _lose(self, moment: _Moment) -> None:
        block = min(int(moment.at_h / self.block_h), BLOCKS - 1)
        before = self._shares()
        self._count_all(moment)
        after = self._shares()
        self.critical[block] += (after[0] - before[0]) * self._weight
        self.volumes[block] += (after[1] - before[1]) * self._weight
        self.moments += after[1] > before[1]
        if after[1] >= 1:  # everything is gone: the cell begins anew, the rest of its outage is not lived
            self._gone_at_h = moment.at_h

    def _count_all(self, moment: _Moment) -> None:
        for disk in moment.disks:
            self._count(disk, 1 if moment.begins else -1)

    def _count(self, disk: int, step: int) -> None:
        """Count outages of a disk; its domain lacks it while there is any."""
        was = self._out[disk]
        self._out[disk] += step
        if not self._out[disk]:
            del self._out[disk]
        if (was == 0) != (was + step == 0):
            domain = disk // self.span
            self._lost[domain] += step
            if not self._lost[domain]:
                del self._lost[domain]

    def _shares(self) -> tuple[float, float]:
        """Shares of volumes that lack `parity` parts or more, and more than that."""
        lost = tuple(sorted(self._lost.values()))
        if len(lost) < self.parity:
            return 0.0, 0.0
        missing = chances.missing_of(lost, self.domains, self.span, self.parts)
        return chances.at_least(missing, self.parity), chances.at_least(missing, self.parity + 1)
