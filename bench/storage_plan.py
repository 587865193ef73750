"""How far the durability formulas of `cloudhall storage plan` are from simulated years, and whether these are right.

    exact_worst_sigma   cases with an exact answer (mirrored pair, triple, 2+2; exponential or fixed repairs):
                        the largest distance of the simulation from it, in standard errors; below 3 is chance
    published_ratio     our figure for a case that Backblaze printed, over theirs, by their own method; 1 is the same
    windows_kind        true loss over that method's: windows laid end to end miss what straddles two of them
    cases               volumes that one cell loses a year: formula of single disks, formula of every cause,
                        simulation with its 95 % interval, and `times`: simulation over the formula of every cause
    plan_ms             one plan of 1 EB; `cpu_s` and `peak_mib` are of the whole run

Cases named `harsh` have disks and repairs so bad that independent losses are seen at all; in the others what is seen is
mostly what strikes many disks at once. A `spread` below 10 says that few moments made the loss: trust no interval then.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from cloudhall.domains.storage.plan import markov
from cloudhall.domains.storage.plan.assumptions import usual
from cloudhall.domains.storage.plan.durability import places_read
from cloudhall.domains.storage.plan.planning import plan_of
from cloudhall.domains.storage.plan.quantity import bytes_of
from cloudhall.domains.storage.plan.repair import YEAR_H
from cloudhall.domains.storage.plan.scheme import Domain, scheme_of
from cloudhall.domains.storage.plan.simulate import Chance, simulate
from cloudhall.domains.storage.plan.trial import tried

SCHEMES = ("2", "3", "6+3", "10+4", "17+3")
HARSH = {"disk_afr": 0.5, "detection_h": 96}
RARE_PARITY, RARE_TIMES = 3, 10  # what has more parity is lost so seldom that its cell lives longer
HARSH_SHARE = 50  # of the years: so many disks fail that fewer tell enough
ALONE = {"volume_gb": 1, "disk_afr": 3.0, "detection_h": 100, "server_disks": 1}  # one volume, one disk a part
# github.com/Backblaze/erasure-coding-durability, README: `durability.py 4 2 0.10 1` prints 1.500e-07 losses a year.
PUBLISHED = ("4+2", 0.10, 24.0, 1.500e-07)


class Exact(NamedTuple):
    """One case with an exact answer: losses a year."""

    name: str
    exact: float
    simulated: float
    sigma: float


def exact_cases(years: int, seed: int) -> Iterator[Exact]:
    """Yield single volumes whose whole cell is themselves, so that a loss begins the cell anew, as the chain does."""
    for text in ("2", "3", "2+2"):
        plan = plan_of(bytes_of("1GB"), scheme_of(text), Domain.RACK, usual().changed(ALONE))
        e = plan.exposed
        lived = simulate(e, years, Chance(seed, exponential_repair=True, blows=False))
        yield _exact(f"{text} until first loss", plan.loss.mttdl_years**-1, lived.volumes.sum(), lived.years)
        for name, drawn in (("fixed repairs", False), ("drawn repairs", True)):
            lived = simulate(e, years, Chance(seed, exponential_repair=drawn, blows=False))
            parity = e.scheme.parity
            rate = markov.crossings_h(e.scheme.parts, parity, e.failures_h, e.repair.window_h) * YEAR_H
            seen = lived.places.sum() / places_read(e)
            yield _exact(f"{text} without spare, {name}", rate, seen, lived.years)


def _exact(name: str, rate: float, seen: float, years: float) -> Exact:
    """Losses are counted one by one here, so their number has its own square root as error."""
    return Exact(name, rate, seen / years, abs(seen - rate * years) / max(seen, 1.0) ** 0.5)


def cases(capacity: str, years: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield cells of the plan with everything that strikes them, with single disks alone, and harsh ones."""
    for text in SCHEMES:
        for name, changes, chance, lived in (
            ("usual", {}, Chance(seed), years * (RARE_TIMES if scheme_of(text).parity > RARE_PARITY else 1)),
            ("harsh, disks alone", HARSH, Chance(seed, blows=False), max(years // HARSH_SHARE, 1)),
        ):
            plan = plan_of(bytes_of(capacity), scheme_of(text), Domain.RACK, usual().changed(changes))
            began = time.process_time()
            trial = tried(plan.exposed, lived, chance)
            yield {
                "scheme": text,
                "case": name,
                "years": lived,
                "formula_disks": trial.formula_disks,
                "formula": trial.formula,
                "simulated": trial.simulated,
                "interval": [trial.low, trial.high],
                "times": round(trial.simulated / trial.formula, 3) if trial.formula else None,
                "spread": round(trial.spread, 1),
                "moments": trial.moments,
                "failures": trial.failures,
                "cpu_s": round(time.process_time() - began, 2),
                "verdict": trial.verdict.en,
            }


def published() -> dict[str, float]:
    """Return the case that Backblaze printed, by its method and by the chain."""
    text, afr, window_h, printed = PUBLISHED
    scheme = scheme_of(text)
    theirs = markov.fixed_windows_year(scheme, afr, window_h)
    ours = YEAR_H / markov.mean_time_h(scheme, afr / YEAR_H, window_h)
    return {"published_ratio": round(theirs / printed, 4), "windows_kind": round(ours / theirs, 3)}


def plan_ms(capacity: str) -> float:
    """Milliseconds of one plan, the assumptions read anew."""
    usual.cache_clear()
    began = time.perf_counter()
    plan_of(bytes_of(capacity), scheme_of("10+4"), Domain.RACK, usual()).json()
    return round(1000 * (time.perf_counter() - began), 1)


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """All of it; cases are printed as they come."""
    exact = list(exact_cases(given.years, given.seed))
    for one in exact:
        print(f"{one.name:32} exact {one.exact:.5g}  simulated {one.simulated:.5g}  {one.sigma:.1f} sigma", flush=True)
    found = []
    for case in cases(given.capacity, given.years, given.seed):
        found.append(case)
        low, high = case["interval"]
        print(
            f"{case['scheme']:>5} {case['case']:18} disks {case['formula_disks']:.3g}  formula {case['formula']:.3g}"
            f"  simulated {case['simulated']:.3g} [{low:.3g}, {high:.3g}]  {case['verdict']}",
            flush=True,
        )
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "years": given.years,
        "exact_worst_sigma": round(max(one.sigma for one in exact), 2),
        **published(),
        "cases": found,
        "plan_ms": plan_ms(given.capacity),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_mib": used.ru_maxrss // 1024,
    }


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capacity", default="1EB", metavar="SIZE")
    parser.add_argument("--years", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=7, metavar="N")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
