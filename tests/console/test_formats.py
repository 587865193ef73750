"""Numbers, money, sizes and times as people read them."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhall.console import formats
from cloudhall.kernel.text import Language

NOON_US = int(datetime.datetime(2026, 11, 20, 10, 24, 5, tzinfo=formats.ZONE).timestamp()) * 1_000_000
HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    ("fen", "zh", "en"),
    [(4_821_637, "48,216.37 元", "¥48,216.37"), (-5, "−0.05 元", "−¥0.05"), (0, "0.00 元", "¥0.00")],
)
def test_money_has_two_decimals_and_its_unit(fen: int, zh: str, en: str) -> None:
    assert formats.amount(fen, "zh") == zh
    assert formats.amount(fen, "en") == en


@given(st.integers(-(10**15), 10**15))
def test_money_can_be_read_back_to_the_fen(fen: int) -> None:
    text = formats.fen(fen)
    assert int(text.replace(",", "").replace(".", "").replace("−", "-")) == fen


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1_023, "1,023 B"),
        (1_024, "1.00 KiB"),
        (68_198, "66.5 KiB"),
        (1_396_379_953_005, "1.27 TiB"),
        (137_762_750_709, "128.3 GiB"),
        (2**63, "8.00 EiB"),
    ],
)
def test_sizes_are_binary_and_short(count: int, text: str) -> None:
    assert formats.size(count) == text


@pytest.mark.parametrize(("nano", "text"), [(1_500_000, "0.0015 元"), (20_000_000, "0.02 元"), (10**9, "1.00 元")])
def test_unit_prices_keep_what_counts(nano: int, text: str) -> None:
    assert formats.unit_price(nano, "zh") == text


def test_quantities_drop_needless_zeros() -> None:
    assert formats.quantity(2_588_800_000) == "2,588.8"
    assert formats.quantity(1_175) == "0.001175"
    assert formats.quantity(5_000_000) == "5"
    assert formats.quantity(1_234_567, 3) == "1.235"


@pytest.mark.parametrize(
    ("language", "before_us", "short"),
    [
        ("zh", HOUR_US, "09:24"),
        ("zh", 48 * HOUR_US, "11-18"),
        ("zh", 24 * 365 * HOUR_US, "2025-11-20"),
        ("en", HOUR_US, "09:24"),
        ("en", 48 * HOUR_US, "18 Nov 10:24"),
        ("en", 24 * 365 * HOUR_US, "20 Nov 2025"),
    ],
)
def test_times_say_as_much_as_is_needed(language: Language, before_us: int, short: str) -> None:
    moment = formats.moment(NOON_US - before_us, language, NOON_US)
    assert moment.short == short
    assert formats.ZONE_NAME.in_(language) in moment.full
    assert datetime.datetime.fromisoformat(moment.iso).timestamp() * 1_000_000 == NOON_US - before_us


def test_a_day_stands_in_prose() -> None:
    assert formats.day(NOON_US, "zh") == "2026年11月20日 周五"
    assert formats.day(NOON_US, "en") == "Fri 20 Nov 2026"
