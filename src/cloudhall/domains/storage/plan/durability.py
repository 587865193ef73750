"""What is lost a year, cause by cause, by formula. Pure.

Expectations add up whatever depends on what; the chance of any loss takes losses as clustered as their cause makes
them. Not counted: a whole site, people and programs that destroy, bugs. `simulate` shows where these are too kind.
"""

from collections.abc import Iterator
from math import expm1, log10
from typing import Any, NamedTuple

from cloudhall.domains.storage.plan import chances, markov
from cloudhall.domains.storage.plan.assumptions import Assumptions
from cloudhall.domains.storage.plan.grid import Grid, grid_of
from cloudhall.domains.storage.plan.repair import YEAR_H, Repair
from cloudhall.domains.storage.plan.scheme import Domain, Scheme
from cloudhall.domains.storage.plan.sizing import GB, MB, Layout
from cloudhall.kernel.text import T

DAY_H = 24
CHAIN = "volumes · year_h / MTTDL;  MTTDL = Σ_{i≤m} h_i,  h_i = 1/((n−i)·λ) + i/(T·(n−i)·λ) · h_{i−1}"
FORMULAS = {
    "disks": T(CHAIN, CHAIN),
    "servers": T(
        "servers · server_loss · volumes_cell · P(H + missing > m)，H 服从超几何分布",
        "servers · server_loss · volumes_cell · P(H + missing > m),  H ~ hypergeometric",
    ),
    "racks": T(
        "racks · rack_loss · volumes_cell · P(H + missing > m)，H 服从超几何分布",
        "racks · rack_loss · volumes_cell · P(H + missing > m),  H ~ hypergeometric",
    ),
    "power": T(
        "cells · power_events · volumes_cell · P(H + missing > m)，每台服务器以 power_lost 失去",
        "cells · power_events · volumes_cell · P(H + missing > m),  each server gone with power_lost",
    ),
    "batch": T(
        "cells · batch_events · volumes_cell · P(H + missing > m)，每块硬盘以 batch_share · batch_lost 失去",
        "cells · batch_events · volumes_cell · P(H + missing > m),  each disk gone with batch_share · batch_lost",
    ),
    "latent": T(
        "每年缺 m 份的卷 · k · latent_errors · scrub_days/2 · 一份/硬盘",
        "volumes that lack m parts a year · k · latent_errors · scrub_days/2 · part/disk",
    ),
}
TITLES = {
    "disks": T("硬盘各自损坏", "Disks, each by itself"),
    "servers": T("整台服务器损毁", "A server with all its disks"),
    "racks": T("整个机架损毁", "A rack with all its disks"),
    "power": T("单元断电后起不来", "Servers that a power failure kills"),
    "batch": T("同一批硬盘同时坏", "Disks of one batch at once"),
    "latent": T("重建时读到坏扇区", "Bad places found when rebuilding"),
}


class Cause(NamedTuple):
    """Loss by one cause a year: bytes, and moments at which anything is lost."""

    name: str
    lost_bytes_year: float
    moments_year: float

    def json(self) -> dict[str, Any]:
        """As programs read it."""
        return {**self._asdict(), "title": TITLES[self.name].both(), "formula": FORMULAS[self.name].both()}


class Loss(NamedTuple):
    """Loss of the whole store a year, by cause. `mttdl_years` is one volume's, with single disks alone."""

    causes: tuple[Cause, ...]
    capacity_bytes: int
    mttdl_years: float

    @property
    def bytes_year(self) -> float:
        """Bytes lost a year, expected."""
        return sum(c.lost_bytes_year for c in self.causes)

    @property
    def any_year(self) -> float:
        """Chance that anything is lost within a year, at most."""
        return -expm1(-sum(c.moments_year for c in self.causes))

    @property
    def nines(self) -> float:
        """Nines of the share of bytes that a year leaves alone; 99 where nothing is ever lost."""
        return min(-log10(self.bytes_year / self.capacity_bytes), 99.0) if self.bytes_year else 99.0


class Blow(NamedTuple):
    """What strikes a cell at once: how often a year, and how many parts of a volume it takes."""

    name: str
    cell_year: float
    missing: chances.Chances


class Exposed(NamedTuple):
    """Everything that loss depends on."""

    scheme: Scheme
    grid: Grid
    layout: Layout
    repair: Repair
    a: Assumptions

    @property
    def failures_h(self) -> float:
        """Failures of one disk an hour."""
        return self.a["disk_afr"] / YEAR_H

    @property
    def missing(self) -> float:
        """Share of time that a part is missing."""
        return self.failures_h * self.repair.window_h / (1 + self.failures_h * self.repair.window_h)


def exposed(scheme: Scheme, domain: Domain, layout: Layout, repair: Repair, a: Assumptions) -> Exposed:
    """Put together what loss depends on."""
    return Exposed(scheme, grid_of(layout.cell, domain), layout, repair, a)


def loss_of(e: Exposed) -> Loss:
    """Loss a year by every cause."""
    struck = tuple(blows(e))
    mttdl_h = markov.mean_time_h(e.scheme, e.failures_h, e.repair.window_h)
    causes = (_by_disks(e, mttdl_h), *(_by_blow(e, blow) for blow in struck), _by_latent(e, struck))
    return Loss(causes, e.layout.capacity_bytes, mttdl_h / YEAR_H)


def blows(e: Exposed) -> Iterator[Blow]:
    """Yield what strikes several disks of a cell at once, beside parts that are missing anyway."""
    a, grid, parts = e.a, e.grid, e.scheme.parts
    domains = grid.units(grid.domain)
    for name, level, rate in (("servers", Domain.SERVER, "server_loss"), ("racks", Domain.RACK, "rack_loss")):
        # A unit smaller than a domain holds its share of that domain's parts.
        places = max(domains, grid.units(level))
        hit = chances.one_of(places, grid.together(level), parts)
        yield Blow(name, grid.units(level) * a[rate], chances.beside(hit, e.missing))
    yield Blow("power", a["power_events"], chances.beside(_power(grid, parts, a["power_lost"]), e.missing))
    batch = chances.each(parts, a["batch_share"] * a["batch_lost"])
    yield Blow("batch", a["batch_events"], chances.beside(batch, e.missing))


def _power(grid: Grid, parts: int, lost: float) -> list[float]:
    if grid.domain == Domain.DISK:
        return chances.each_unit(grid.servers, grid.server_disks, parts, lost)
    return chances.each(parts, lost)


def _by_disks(e: Exposed, mttdl_h: float) -> Cause:
    volumes, cell = e.layout.cells * e.layout.cell.volumes * YEAR_H / mttdl_h, e.layout.cell
    apart = (1,) * (e.scheme.parity + 1)
    hit = chances.missing_of(apart, e.grid.units(e.grid.domain), e.grid.span(e.grid.domain), e.scheme.parts)
    together = cell.volumes * chances.at_least(hit, e.scheme.parity + 1)  # lost by one such coincidence, on average
    return Cause("disks", volumes * e.a["volume_gb"] * GB, volumes * _any(together))


def _by_blow(e: Exposed, blow: Blow) -> Cause:
    lost = e.layout.cell.volumes * chances.at_least(blow.missing, e.scheme.parity + 1)
    times = e.layout.cells * blow.cell_year
    return Cause(blow.name, times * lost * e.a["volume_gb"] * GB, times * lost * _any(lost))


def _any(lost: float) -> float:
    """Moments for each volume lost, where a moment loses so many on average."""
    return -expm1(-lost) / lost if lost else 1.0


def _by_latent(e: Exposed, struck: tuple[Blow, ...]) -> Cause:
    """Volumes left without a spare part are read in full to be repaired: each bad place in them is lost."""
    m, n = e.scheme.parity, e.scheme.parts
    alone = markov.crossings_h(n, m, e.failures_h, e.repair.window_h) * YEAR_H
    by_blows = sum(blow.cell_year * chances.at_least(blow.missing, m) for blow in struck)
    volumes = e.layout.cells * e.layout.cell.volumes * (alone + by_blows)
    places = volumes * places_read(e)
    return Cause("latent", places * e.a["latent_mb"] * MB, places)


def places_read(e: Exposed) -> float:
    """Bad places that one volume's repair reads, on average."""
    part = e.a["volume_gb"] * GB / e.scheme.data
    age_years = e.a["scrub_days"] * DAY_H / 2 / YEAR_H
    return e.scheme.data * e.a["latent_errors"] * age_years * part / e.repair.disk_bytes
