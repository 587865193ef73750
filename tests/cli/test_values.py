"""One value as text."""

import time
from typing import Any

import pytest

from cloudhall.cli.catalogue import Field
from cloudhall.cli.values import decimal, moment, printable, raw, shown, size, yuan


def field(shape: str, name: str = "x", unit: str = "", **choices: str) -> Field:
    return Field(
        name=name,
        shape=shape,
        title={"zh": name, "en": name},
        help=None,
        unit=unit,
        example=None,
        default=None,
        required=False,
        nullable=False,
        immutable=False,
        by=[],
        ref="",
        ge=None,
        le=None,
        choices={c: {"zh": t, "en": c.title()} for c, t in choices.items()},
        item=None,
        fields={},
    )


@pytest.mark.parametrize(
    ("fen", "zh", "en"),
    [
        (0, "0.00 元", "CNY 0.00"),
        (5, "0.05 元", "CNY 0.05"),
        (123_456_789, "1,234,567.89 元", "CNY 1,234,567.89"),
        (-150, "-1.50 元", "CNY -1.50"),
    ],
)
def test_fen_are_shown_in_yuan(fen: int, zh: str, en: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert yuan(fen) == en
    monkeypatch.setenv("CLOUDHALL_LANG", "zh")
    assert yuan(fen) == zh
    assert shown(fen, field("int", "total_fen")) == zh


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.0 KiB"),
        (1024**3 - 1, "1,023.9 MiB"),
        (1024**3, "1.0 GiB"),
        (3 * 1024**6, "3.0 EiB"),
    ],
)
def test_bytes_are_shown_in_binary_units_and_never_rounded_up(count: int, text: str) -> None:
    assert size(count) == text
    assert shown(count, field("int", "stored_bytes")) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1_500_000, "1.5"), (1, "0.000001"), (2_000_000, "2"), (-1_250_000, "-1.25"), (0, "0")]
)
def test_millionths_are_shown_exactly(value: int, text: str) -> None:
    assert decimal(value, 1_000_000) == text


@pytest.mark.parametrize(
    ("value", "declared", "text"),
    [
        (100, field("int", unit="GiB"), "100 GiB"),
        ("9007199254740993", field("int"), "9,007,199,254,740,993"),  # beyond 2^53 the wire sends text
        (True, field("bool"), "yes"),
        (None, field("str"), "-"),
        ("", field("str"), "-"),
        ("open", field("enum", open="公开"), "Open"),
        ("strange", field("enum", open="公开"), "strange"),
        ({"a": "b", "n": 1}, field("map"), "a=b, n=1"),
        ({"zh": "对象", "en": "objects"}, field("struct"), "objects"),
        (["a", "b"], field("list"), "a, b"),
    ],
)
def test_people_see_what_the_field_declares(value: Any, declared: Field, text: str) -> None:
    assert shown(value, declared) == text


def test_times_are_local_with_their_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    for zone, text in (("Asia/Shanghai", "2026-11-22 08:00:00 +08"), ("Asia/Kolkata", "2026-11-22 05:30:00 +0530")):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert moment("2026-11-22T00:00:00Z") == text
        assert shown(1_795_305_600_000_000, field("int", "as_of_us", "µs")) == text


def test_programs_get_one_line_a_value() -> None:
    assert raw("a\tb\nc") == r"a\tb\nc"
    assert raw({"甲": [1, None]}) == '{"甲": [1, null]}'
    assert (raw(None), raw(False)) == ("", "false")


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    assert printable("\x1b[31mred\x1b[0m\x07") == "�[31mred�[0m�"
    assert shown("\x9b2J", field("str")) == "�2J"
    assert printable("存储 桶\n第二行") == "存储 桶\n第二行"
