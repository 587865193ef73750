"""The house is laid out as CONTRIBUTING.md says."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.layout import rules

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = ROOT.parent / "shared/seeds/systems.yaml"
RULES = [
    rules.strange_domain_files,
    rules.wrong_quality_files,
    rules.long_code,
    rules.places_of_one_machine,
    rules.unmirrored_tests,
    rules.decisions_out_of_order,
    rules.undeclared_dependencies,
    rules.verifiers_that_lean_on_us,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_house(rule: Callable[[Path], Iterator[str]]) -> None:
    breaches = list(rule(ROOT))
    assert not breaches, "\n".join(breaches)


@pytest.mark.skipif(not SYSTEMS.exists(), reason="the list of systems lies beside a development checkout only")
def test_rows_are_rows_of_the_list() -> None:
    systems = {s["id"] for s in msgspec.yaml.decode(SYSTEMS.read_bytes())["systems"]}
    claimed = {row for domain in rules.domains(ROOT) for row in rules._quality(domain).get("rows", {})}
    assert claimed <= systems


@pytest.mark.skipif(not SYSTEMS.exists(), reason="the list of systems lies beside a development checkout only")
def test_the_policy_map_has_every_row_of_the_list() -> None:
    systems = {s["id"]: s for s in msgspec.yaml.decode(SYSTEMS.read_bytes())["systems"]}
    mapped = tomllib.loads((ROOT / "scripts/reference_pages/policy.toml").read_text("utf-8"))["systems"]
    assert {i: (s["zh"], s["en"], s["group"], s["sources"]) for i, s in systems.items()} == {
        i: (s["zh"], s["en"], s["group"], s["sources"]) for i, s in mapped.items()
    }
