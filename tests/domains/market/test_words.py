"""How quantities and prices read."""

import msgspec
import pytest

from cloudhall.domains.market.demo import COMPONENTS
from cloudhall.domains.market.price_plan import ComponentSpec
from cloudhall.domains.market.words import Factor, counted_unit, lot_of, reckoning

SPECS = {c["meter"]: msgspec.convert(c, ComponentSpec) for c in COMPONENTS}


@pytest.mark.parametrize(
    ("meter", "factors", "zh", "en"),
    [
        (
            "storage.requests_a",
            [Factor(3_000_000, 10_000_000, included=False)],
            "3,000 次 × 0.01 元/千次",
            "3,000 requests × CNY 0.01 per 1,000 requests",
        ),
        (
            "storage.requests_b",
            [Factor(300, 10_000_000, included=False)],
            "3 次 × 0.01 元/万次",
            "3 requests × CNY 0.01 per 10,000 requests",
        ),
        (
            "storage.sent_bytes",
            [Factor(1_000_000, 0, included=True), Factor(1_500_000, 250_000_000, included=False)],
            "1 GiB（免费） + 1.5 GiB × 0.25 元/GiB",
            "1 GiB included + 1.5 GiB × CNY 0.25 per GiB",
        ),
        (
            "storage.stored_bytes",
            [Factor(1_234_567_890_123_456_789, 120_000_001, included=False)],
            "1,234,567,890,123.456789 GiB·月 × 0.120000001 元/GiB·月",
            "1,234,567,890,123.456789 GiB-month × CNY 0.120000001 per GiB-month",
        ),
    ],
)
def test_a_line_reads_as_people_count(meter: str, factors: list[Factor], zh: str, en: str) -> None:
    assert reckoning(factors, SPECS[meter]).both() == {"zh": zh, "en": en}


def test_only_whole_units_are_counted_one_by_one() -> None:
    assert {meter: lot_of(spec) for meter, spec in SPECS.items() if lot_of(spec) > 1} == {
        "storage.requests_a": 1_000,
        "storage.requests_b": 10_000,
    }
    assert counted_unit(SPECS["storage.reserved_gib"]).en == "GiB-month"
