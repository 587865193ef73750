"""The simulator against what is known exactly: chains in closed form, and every placement counted by brute force."""

import itertools
from collections.abc import Mapping
from math import comb

import pytest

from cloudhall.domains.storage.plan import chances, markov
from cloudhall.domains.storage.plan.assumptions import usual
from cloudhall.domains.storage.plan.durability import Exposed, places_read
from cloudhall.domains.storage.plan.planning import plan_of
from cloudhall.domains.storage.plan.repair import YEAR_H
from cloudhall.domains.storage.plan.scheme import Domain, scheme_of
from cloudhall.domains.storage.plan.simulate import BLOCKS, Chance, simulate
from cloudhall.domains.storage.plan.trial import AGREES, KIND, UNSEEN, tried

ALONE = {"volume_gb": 1, "disk_afr": 3.0, "detection_h": 100, "server_disks": 1}
SIGMAS = 4
NO_BLOWS = {"server_loss": 0.0, "rack_loss": 0.0, "power_events": 0.0, "batch_events": 0.0}


def exposed(text: str, changes: Mapping[str, float], capacity: int = 10**9) -> Exposed:
    return plan_of(capacity, scheme_of(text), Domain.RACK, usual().changed(changes)).exposed


@pytest.mark.parametrize(("text", "years"), [("2", 3_000), ("3", 30_000), ("2+2", 8_000)])
def test_one_volume_is_lost_as_often_as_the_chain_says(text: str, years: int) -> None:
    """Exact: exponential failures and repairs, a lost volume begins anew."""
    e = exposed(text, ALONE)
    lived = simulate(e, years, Chance(3, exponential_repair=True, blows=False))
    lost, mttdl_h = lived.volumes.sum(), markov.mean_time_h(e.scheme, e.failures_h, e.repair.window_h)
    expected = lived.years * YEAR_H / mttdl_h
    assert expected > 100
    assert abs(lost - expected) < SIGMAS * expected**0.5


@pytest.mark.parametrize("chance", [Chance(5, blows=False), Chance(5, exponential_repair=True, blows=False)])
def test_spare_parts_run_out_as_often_whatever_the_distribution_of_repairs(chance: Chance) -> None:
    """Exact for parts that alternate between life and repair: only the means matter."""
    e = exposed("3", ALONE)
    lived = simulate(e, 2_000, chance)
    rate_h = markov.crossings_h(3, 2, e.failures_h, e.repair.window_h)
    expected = lived.years * YEAR_H * rate_h
    seen = lived.places.sum() / places_read(e)
    assert abs(seen - expected) < SIGMAS * expected**0.5


def test_old_disks_that_die_together_are_no_longer_the_formula() -> None:
    """All disks new at once, and lives of nearly one length: wear meets them in the same months."""
    e = exposed("2", {**NO_BLOWS, "disk_afr": 0.5, "detection_h": 48}, 10**15)
    formula = tried(e, 6, Chance(1, life_shape=1.0))
    together = tried(e, 6, Chance(1, life_shape=12.0))
    assert together.simulated > 1.5 * formula.simulated


def test_a_cell_of_many_disks_loses_what_the_formula_says() -> None:
    trial = tried(exposed("2", {**NO_BLOWS, "disk_afr": 0.3, "detection_h": 48}, 10**15), 400, Chance(2))
    assert trial.verdict == AGREES
    assert trial.low < trial.simulated < trial.high
    assert trial.places_simulated == pytest.approx(trial.places_formula, rel=0.1)


def test_hard_drawn_blows_count_by_how_likely_they_were() -> None:
    """Power failures alone, repairs at once: what is lost is the binomial tail, which plain drawing hardly meets."""
    at_once = {"repair_mb_s": 0, "server_gbit_s": 10_000, "detection_h": 0}
    e = exposed("6+3", {**NO_BLOWS, **at_once, "disk_afr": 0, "power_events": 10}, 10**16)
    trial = tried(e, 400, Chance(4))
    assert trial.spread > 30
    assert trial.simulated == pytest.approx(trial.formula, rel=0.2)


@pytest.mark.parametrize(
    ("domain", "name", "rate"),
    [
        ("disk", "rack_loss", 1.0),
        ("disk", "power_events", 20.0),
        ("server", "rack_loss", 1.0),
        ("server", "batch_events", 20.0),
    ],
)
def test_each_blow_alone_costs_what_its_formula_says(domain: str, name: str, rate: float) -> None:
    at_once = {"repair_mb_s": 0, "server_gbit_s": 10_000, "detection_h": 0, "disk_afr": 0}
    changed = usual().changed({**NO_BLOWS, **at_once, name: rate})
    trial = tried(plan_of(10**16, scheme_of("4+2"), Domain(domain), changed).exposed, 150, Chance(8))
    assert trial.spread > 30
    assert trial.simulated == pytest.approx(trial.formula, rel=0.25)


def test_repairs_that_queue_after_a_blow_make_the_formula_too_kind() -> None:
    e = exposed("2+2", {"power_events": 1, "repair_mb_s": 0.5, "disk_afr": 0.1}, 10**16)
    trial = tried(e, 300, Chance(6))
    assert trial.simulated > 2 * trial.formula
    assert trial.verdict.en.startswith(KIND.en[:24])


def test_what_never_happened_is_bounded_by_the_rule_of_three() -> None:
    trial = tried(exposed("10+4", NO_BLOWS, 10**15), 100)
    assert trial.moments == 0
    assert trial.verdict == UNSEEN.format(most="0.03")


def test_the_same_seed_is_the_same_life() -> None:
    e = exposed("3", {}, 10**15)
    one, same, other = (simulate(e, 50, Chance(seed)) for seed in (1, 1, 2))
    assert one.volumes.tolist() == same.volumes.tolist()
    assert one.failures == same.failures != other.failures
    assert len(one.volumes) == BLOCKS


@pytest.mark.parametrize("lost", [(1,), (1, 1), (2, 1, 1), (2, 2, 1, 1)])
def test_missing_parts_are_those_of_every_placement(lost: tuple[int, ...]) -> None:
    domains, places, parts = 5, 2, 3
    gone = {(d, place) for d, count in enumerate(lost) for place in range(count)}
    found = [0] * (parts + 1)
    for chosen in itertools.combinations(range(domains), parts):
        for laid in itertools.product(range(places), repeat=parts):
            found[sum((d, place) in gone for d, place in zip(chosen, laid, strict=True))] += 1
    whole = comb(domains, parts) * places**parts
    assert chances.missing_of(lost, domains, places, parts) == pytest.approx([n / whole for n in found])


def test_units_that_go_take_what_lies_in_them() -> None:
    units, places, parts, chance = 4, 3, 3, 0.3
    found = [0.0] * (parts + 1)
    for struck in itertools.product((False, True), repeat=units):
        likely = chance ** sum(struck) * (1 - chance) ** (units - sum(struck))
        for laid in itertools.combinations(range(units * places), parts):
            found[sum(struck[place // places] for place in laid)] += likely / comb(units * places, parts)
    assert chances.each_unit(units, places, parts, chance) == pytest.approx(found)
    assert sum(chances.each(7, 0.2)) == pytest.approx(1)
    assert sum(chances.one_of(20, 4, 7)) == pytest.approx(1)
    assert sum(chances.beside(chances.one_of(20, 4, 7), 0.1)) == pytest.approx(1)


def test_apart_by_racks_a_lost_rack_costs_nearly_nothing() -> None:
    changed = usual().changed({**NO_BLOWS, "rack_loss": 0.1})
    lost = {}
    for domain in Domain:
        plan = plan_of(10**17, scheme_of("4+2"), domain, changed)
        lost[domain] = next(c.lost_bytes_year for c in plan.loss.causes if c.name == "racks")
    assert lost[Domain.RACK] < lost[Domain.SERVER] / 1e4
    assert lost[Domain.RACK] < lost[Domain.DISK] / 1e4
