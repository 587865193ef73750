"""The measurement of the plan: exact cases agree, what was published comes out, each case says how far to trust it."""

import argparse

from bench.storage_plan import SCHEMES, cases, exact_cases, measure, published


def test_exact_cases_agree_with_the_simulation() -> None:
    exact = list(exact_cases(500, 3))
    assert len(exact) == 9
    assert max(one.sigma for one in exact) < 4


def test_what_was_published_comes_out() -> None:
    assert 0.999 < published()["published_ratio"] < 1.001
    assert 2.9 < published()["windows_kind"] < 3.1


def test_each_scheme_is_told_with_blows_and_without() -> None:
    found = list(cases("2PB", 50, 3))
    assert [(case["scheme"], case["case"][:5]) for case in found] == [
        (scheme, name) for scheme in SCHEMES for name in ("usual", "harsh")
    ]
    for case in found:
        low, high = case["interval"]
        assert low <= case["simulated"] <= high


def test_the_figures_are_all_there() -> None:
    told = measure(argparse.Namespace(capacity="500TB", years=20, seed=1))
    assert told["plan_ms"] < 5_000
    assert told["exact_worst_sigma"] < 6
