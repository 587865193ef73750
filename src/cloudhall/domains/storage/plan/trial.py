"""One cell simulated beside its formulas: by how much they are too kind, and whether chance alone could explain it."""

from typing import Any, NamedTuple

from cloudhall.domains.storage.plan.durability import Exposed, loss_of
from cloudhall.domains.storage.plan.simulate import USUAL, Chance, simulate
from cloudhall.domains.storage.plan.sizing import GB
from cloudhall.kernel.text import T

SPREAD_MIN = 10.0
UNSEEN = T(
    "模拟中没有出现损失；三倍法则：每年少于 {most} 次（95%）。",
    "No loss was seen; by the rule of three fewer than {most} a year (95 %).",
)
RARE = T(
    "损失集中在极少的时刻，年数太少，区间不可信。",
    "Loss came in too few moments: the interval cannot be trusted, give more years.",
)
AGREES = T(
    "公式落在模拟的区间内，或相差不到一成。",
    "The formula lies within the interval of the simulation, or differs by less than a tenth.",
)
KIND = T(
    "公式偏乐观：模拟的损失是它的 {times} 倍。", "The formula is too kind: the simulation loses {times} times as much."
)
STRICT = T(
    "公式偏严：模拟的损失是它的 {times} 倍。", "The formula is strict: the simulation loses {times} times as much."
)


class Trial(NamedTuple):
    """Volumes that a cell loses a year: by single disks alone, by all formulas, and in simulated years with 95 %."""

    years: int
    seed: int
    formula_disks: float
    formula: float
    simulated: float
    low: float
    high: float
    places_formula: float
    places_simulated: float
    moments: int
    spread: float
    failures: int

    @property
    def verdict(self) -> T:
        """What the comparison says."""
        if not self.moments:
            return UNSEEN.format(most=f"{3 / self.years:.2g}")
        if self.spread < SPREAD_MIN:
            return RARE
        if self.low <= self.formula <= self.high or abs(self.simulated - self.formula) < self.formula / 10:
            return AGREES
        times = f"{self.simulated / self.formula:.3g}" if self.formula else "∞"
        return (KIND if self.simulated > self.formula else STRICT).format(times=times)

    def json(self) -> dict[str, Any]:
        """As programs read it."""
        return {**self._asdict(), "verdict": self.verdict.both()}


def tried(e: Exposed, years: int, chance: Chance = USUAL) -> Trial:
    """Simulate one cell for so many years."""
    lived = simulate(e, years, chance)
    volume_bytes, cells = e.a["volume_gb"] * GB, e.layout.cells
    by = {c.name: c for c in loss_of(e).causes}
    whole = sum(c.lost_bytes_year for c in by.values() if c.name != "latent" and (chance.blows or c.name == "disks"))
    low, high = lived.interval(lived.volumes)
    return Trial(
        years=years,
        seed=chance.seed,
        formula_disks=by["disks"].lost_bytes_year / volume_bytes / cells,
        formula=whole / volume_bytes / cells,
        simulated=lived.volumes_year,
        low=low,
        high=high,
        places_formula=by["latent"].moments_year / cells,
        places_simulated=lived.places_year,
        moments=lived.moments,
        spread=lived.spread,
        failures=lived.failures,
    )
