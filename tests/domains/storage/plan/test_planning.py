"""A plan: its parts add up, it moves the way it must, and what others have published comes out."""

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.domains.storage.plan import markov
from cloudhall.domains.storage.plan.assumptions import usual
from cloudhall.domains.storage.plan.durability import FORMULAS, TITLES
from cloudhall.domains.storage.plan.figures import GROUPS
from cloudhall.domains.storage.plan.planning import Plan, compared, plan_of
from cloudhall.domains.storage.plan.quantity import bytes_of, show
from cloudhall.domains.storage.plan.repair import YEAR_H
from cloudhall.domains.storage.plan.scheme import Domain, Scheme, scheme_of
from cloudhall.domains.storage.plan.sizing import GB, MB, TB
from cloudhall.kernel.errors import Invalid

EXABYTE = 10**18
SCHEMES = st.builds(Scheme, st.integers(1, 12), st.integers(1, 6))
CAPACITIES = st.integers(10**12, 10**19)
DOMAINS = st.sampled_from(list(Domain))
few = settings(max_examples=40, deadline=None)
USUAL: Mapping[str, float] = MappingProxyType({})


def planned(capacity: int, scheme: Scheme, domain: Domain = Domain.RACK, changes: Mapping[str, float] = USUAL) -> Plan:
    return plan_of(capacity, scheme, domain, usual().changed(changes))


def value(plan: Plan, name: str) -> float:
    return next(line.value for line in plan.lines if line.name == name)


@few
@given(CAPACITIES, SCHEMES, DOMAINS)
def test_parts_add_up(capacity: int, scheme: Scheme, domain: Domain) -> None:
    plan = planned(capacity, scheme, domain)
    cell, layout = plan.layout.cell, plan.layout
    assert layout.cells * cell.data_bytes >= capacity > (layout.cells - 1) * cell.data_bytes
    assert cell.volumes * plan.a["volume_gb"] * GB >= cell.data_bytes
    room = layout.cells * cell.disks * plan.a["disk_tb"] * TB * plan.a["disk_full_share"]
    assert room >= layout.raw_bytes * 0.999_999
    assert cell.disks >= cell.servers >= cell.racks
    assert cell.domains(domain) >= scheme.parts
    assert plan.costs.capital_fen == sum(
        int(value(plan, f"{part}_fen")) for part in ("disks", "servers", "racks", "nodes", "network")
    )
    kilowatts = sum(value(plan, f"{part}_kw") for part in ("disks", "servers", "nodes"))
    assert value(plan, "site_kw") == pytest.approx(kilowatts * plan.a["pue"])
    assert value(plan, "loss_bytes") == pytest.approx(sum(value(plan, f"loss_{name}") for name in TITLES))
    assert 0 <= plan.loss.any_year <= 1
    assert {line.group for line in plan.lines} == GROUPS.keys()


@few
@given(CAPACITIES, st.integers(1, 12), st.integers(1, 5), DOMAINS)
def test_more_parity_loses_less_and_needs_more(capacity: int, data: int, parity: int, domain: Domain) -> None:
    # The same hall for both, wide enough for either, so that nothing but the parity differs.
    fewer, more = (
        planned(max(capacity, 10**17), Scheme(data, m), domain, changes={"repair_mb_s": 50})
        for m in (parity, parity + 1)
    )
    assert more.loss.bytes_year < fewer.loss.bytes_year
    assert more.layout.raw_bytes > fewer.layout.raw_bytes
    assert value(more, "disks") >= value(fewer, "disks")


@few
@given(CAPACITIES, SCHEMES, st.floats(1.1, 10))
def test_more_capacity_needs_more(capacity: int, scheme: Scheme, times: float) -> None:
    small, large = planned(capacity, scheme), planned(int(capacity * times), scheme)
    for name in ("raw_bytes", "disks", "volumes", "objects", "metadata_bytes", "capital_fen"):
        assert value(large, name) >= value(small, name)
    assert large.layout.cells >= small.layout.cells


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("disk_afr", (0.005, 0.015, 0.1)),
        ("detection_h", (0, 1, 24)),
        ("scrub_days", (1, 30, 365)),
        ("power_lost", (0, 0.01)),
    ],
)
@pytest.mark.parametrize("text", ["2", "3", "10+4"])
def test_what_is_worse_loses_more(text: str, name: str, values: tuple[float, ...]) -> None:
    losses = [planned(EXABYTE, scheme_of(text), changes={name: v}).loss.bytes_year for v in values]
    assert all(one < other for one, other in pairwise(losses))


def test_a_throttle_makes_repairs_longer_and_none_is_bound_by_disks_and_network() -> None:
    slow, free = (planned(EXABYTE, Scheme(10, 4), changes={"repair_mb_s": rate}).repair for rate in (1, 0))
    assert slow.rebuild_h > 20 * free.rebuild_h
    network = planned(EXABYTE, Scheme(10, 4), changes={"repair_mb_s": 0, "server_gbit_s": 1}).repair
    cell = planned(EXABYTE, Scheme(10, 4)).layout.cell
    assert network.rate_bytes_s == pytest.approx(cell.servers * 1e9 / 8)
    assert free.rate_bytes_s == pytest.approx(cell.servers * 25e9 / 8)


def test_what_was_worked_out_by_hand_for_an_exabyte() -> None:
    """24 TB disks 80 % full, a year's rate of 1.5 %, 24 hours to repair: the sums of a sheet of paper."""
    by_hand = {"10+4": (73_000, 1.4e-8), "3": (156_000, 2.5e-3), "2": (104_000, 41)}
    for text, (disks, lost) in by_hand.items():
        plan = planned(EXABYTE, scheme_of(text), changes={"disk_afr": 0.015})
        per_volume = YEAR_H / markov.mean_time_h(scheme_of(text), 0.015 / YEAR_H, 24)
        assert value(plan, "disks") == pytest.approx(disks, rel=0.005)
        assert per_volume * plan.layout.cells * plan.layout.cell.volumes == pytest.approx(lost, rel=0.05)
    repaired = planned(EXABYTE, Scheme(10, 4), changes={"disk_afr": 0.015})
    assert value(repaired, "failures_day") == pytest.approx(3, rel=0.01)
    assert value(repaired, "repair_gbit_s") == pytest.approx(59, rel=0.02)


def test_a_mirrored_pair_is_the_formula_of_the_books() -> None:
    failures_h, window_h = 1 / 5_000, 40.0
    repairs_h = 1 / window_h
    exact = (3 * failures_h + repairs_h) / (2 * failures_h**2)
    assert markov.mean_time_h(Scheme(1, 1), failures_h, window_h) == pytest.approx(exact)
    assert 1 / markov.textbook_h(Scheme(1, 1), 1e-7, 1) == pytest.approx(markov.mean_time_h(Scheme(1, 1), 1e-7, 1))


def test_what_backblaze_printed_comes_out_and_is_kinder_than_the_truth() -> None:
    """README of github.com/Backblaze/erasure-coding-durability: `durability.py 4 2 0.10 1`, annual loss 1.500e-07."""
    scheme = Scheme(4, 2)
    assert markov.fixed_windows_year(scheme, 0.10, 24) == pytest.approx(1.500e-07, rel=5e-4)
    truth = YEAR_H / markov.mean_time_h(scheme, 0.10 / YEAR_H, 24)
    assert truth / markov.fixed_windows_year(scheme, 0.10, 24) == pytest.approx(3, rel=0.01)


def test_f4_of_facebook_writes_as_much() -> None:
    """Muralidhar et al., OSDI 2014: Reed-Solomon (10, 4) has a replication factor of 1.4 in one data centre."""
    assert value(planned(EXABYTE, scheme_of("10+4")), "raw_bytes") == 1.4 * EXABYTE


def test_schemes_are_told_cheapest_first_and_once() -> None:
    plans = compared(EXABYTE, [scheme_of(t) for t in ("3", "10+4", "3x", "2")], Domain.RACK, usual())
    assert [plan.scheme.name for plan in plans] == ["10+4", "2", "3"]


@pytest.mark.parametrize("text", ["1", "0+4", "10+0", "30+3", "ten", "10+4+1", ""])
def test_what_is_no_scheme_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        scheme_of(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1EB", 10**18), ("1 EiB", 2**60), ("500TB", 5 * 10**14), ("1.5PB", 15 * 10**14), ("2eb", 2 * 10**18)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "EB", "-1EB", "1XB", "1kB", "2000EB", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        bytes_of(text)


@pytest.mark.parametrize(
    ("number", "unit", "zh", "en"),
    [
        (1.4e18, "B", "1.40 EB", "1.40 EB"),
        (0.0, "B/a", "0 B 每年", "0 B a year"),
        (9.5e9, "B/a", "9.50 GB 每年", "9.50 GB a year"),
        (72_940, "disks", "72,940", "72,940"),
        (123_456, "fen", "1,234.56 元", "¥1,234.56"),
        (0.2474, "share", "24.74%", "24.74%"),
        (3.4e-11, "1/a", "3.40 × 10⁻¹¹ 每年", "3.40 × 10⁻¹¹ a year"),
    ],
)
def test_figures_are_shown_with_their_unit(number: float, unit: str, zh: str, en: str) -> None:
    assert (show(number, unit, "zh"), show(number, unit, "en")) == (zh, en)


def test_every_assumption_has_both_languages_a_source_and_fits_its_own_bounds() -> None:
    for row in usual().rows.values():
        assert all([*row.title, *row.source]), row.name
        assert row.least <= row.value <= row.most
    assert FORMULAS.keys() == TITLES.keys()


def test_what_is_given_is_marked_as_given_and_the_rest_stays() -> None:
    changed = usual().changed({"disk_tb": "30"})
    assert changed["disk_tb"] == 30
    assert (changed.rows["disk_tb"].given, changed.rows["disk_tb"].verified) == (True, False)
    assert changed.rows["pue"] == usual().rows["pue"]
    assert not usual().rows["disk_tb"].given


def test_wrong_assumptions_are_told_all_at_once_with_the_nearest_name() -> None:
    with pytest.raises(Invalid) as refused:
        usual().changed({"disk_fenn": 3, "pue": 0.2, "disk_tb": "nan"})
    told = refused.value.text
    assert "no assumption disk_fenn, did you mean disk_fen" in told.en
    assert "pue is a number from 1 to 5" in told.en
    assert "disk_tb 应为" in told.zh


def test_a_server_too_hungry_for_a_rack_is_refused() -> None:
    with pytest.raises(Invalid, match="a full server draws"):
        planned(EXABYTE, Scheme(10, 4), changes={"rack_kw": 0.5})


def test_a_plan_is_data_for_programs() -> None:
    told = msgspec.json.decode(msgspec.json.encode(planned(EXABYTE, Scheme(10, 4)).json()))
    assert {line["unit"] for line in told["lines"] if line["name"].endswith("_fen")} == {"fen"}
    assert len(told["assumptions"]) == len(usual().rows)
    assert told["lines"][0]["value"] == 1.4 * EXABYTE


def test_loss_in_objects_is_loss_in_bytes() -> None:
    plan = planned(EXABYTE, Scheme(1, 1), changes={"object_mb": 4})
    assert value(plan, "loss_objects") == pytest.approx(value(plan, "loss_bytes") / (4 * MB))


def test_a_perfect_world_loses_nothing() -> None:
    never = {"disk_afr": 0, "server_loss": 0, "rack_loss": 0, "power_events": 0, "batch_events": 0}
    plan = planned(EXABYTE, Scheme(1, 1), changes=never)
    assert plan.loss.bytes_year == 0
    assert plan.loss.nines == 99
