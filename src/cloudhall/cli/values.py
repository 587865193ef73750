"""One value as text: for people with unit, zone and words, for programs as it stands on the wire.

Money is shown in yuan from fen, bytes in binary units, metered quantities from millionths; all by integers, so that
what is printed is what is owed.
"""

import datetime
import json
from collections.abc import Mapping
from typing import Any

from cloudhall.cli.catalogue import Field
from cloudhall.sdk.language import T, language, say

ABSENT = "-"
YES, NO = T("是", "yes"), T("否", "no")
BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
MICRO = 1_000_000
REPLACED = "\N{REPLACEMENT CHARACTER}"
ESCAPES = {ord("\t"): r"\t", ord("\n"): r"\n", ord("\r"): r"\r"}
TIME_NAMES = (
    "at_us",
    "as_of_us",
    "from_us",
    "to_us",
    "since_us",
    "started_us",
    "ended_us",
)  # moments; any other `_us` is a length of time


def raw(value: Any) -> str:
    """Text for a program: nothing rounded, no unit, JSON for lists and objects; tabs and line ends are escaped."""
    if value is None:
        return ""
    return value.translate(ESCAPES) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def printable(text: str) -> str:
    """Text for a terminal: whatever would move its cursor or change its colours shows as a replacement character."""
    return "".join(c if c.isprintable() or c in "\n " else REPLACED for c in text) if not text.isprintable() else text


def at(item: Mapping[str, Any], path: str) -> Any:
    """Value at a path of the wire, or None."""
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def is_text(value: Any) -> bool:
    """Whether it is a text in both languages."""
    return isinstance(value, dict) and value.keys() == {"zh", "en"}


def shown(value: Any, field: Field | None = None) -> str:
    """Text for a person, by what the field declares."""
    if value is None or value in ("", [], {}):
        return ABSENT
    if isinstance(value, bool):
        return say(YES if value else NO)
    if isinstance(value, list):
        return ", ".join(shown(v, field and field["item"]) for v in value)
    if isinstance(value, dict):
        said = say(value) if is_text(value) else ", ".join(f"{k}={raw(v)}" for k, v in value.items())
        return printable(said)
    if field is None:
        return f"{value:,}" if isinstance(value, int) else printable(str(value))
    return _one(value, field)


def _one(value: Any, field: Field) -> str:
    if field["shape"] == "datetime":
        return moment(value)
    if field["shape"] == "int":
        return number(int(value), field["name"], field["unit"])
    choice = field["choices"].get(value)
    return say(choice) if choice else printable(str(value))


def number(value: int, name: str, unit: str) -> str:
    """Write an integer in the unit that its name or declaration gives."""
    if unit == "fen" or name.endswith("_fen"):
        return yuan(value)
    if unit in {"B", "bytes"} or name.endswith("_bytes"):
        return size(value)
    if name.endswith(TIME_NAMES) and value > 0:
        return moment(datetime.datetime.fromtimestamp(value // MICRO, datetime.UTC).isoformat())
    if name.endswith("_micro"):
        return f"{decimal(value, MICRO)} {unit}".rstrip()
    return f"{value:,} {unit}".rstrip()


def yuan(fen: int) -> str:
    """Write fen as yuan with both places, as on a bill."""
    sign, whole, part = "-" * (fen < 0), *divmod(abs(fen), 100)
    amount = f"{sign}{whole:,}.{part:02}"
    return f"{amount} 元" if language() == "zh" else f"CNY {amount}"


def size(count: int) -> str:
    """Write bytes in the largest binary unit that leaves at least 1, with one place, rounded down."""
    power = 0
    while count >= 1024 ** (power + 1) and power < len(BYTE_UNITS) - 1:
        power += 1
    tenths = count * 10 // 1024**power
    return f"{count:,} B" if power == 0 else f"{tenths // 10:,}.{tenths % 10} {BYTE_UNITS[power]}"


def decimal(value: int, scale: int) -> str:
    """Write value / scale exactly, for a scale that is a power of ten."""
    sign, whole, part = "-" * (value < 0), *divmod(abs(value), scale)
    places = f"{part:0{len(str(scale)) - 1}}".rstrip("0")
    return f"{sign}{whole:,}.{places}".rstrip(".")


def moment(rfc3339: str) -> str:
    """Write a time in the zone of this machine, with the zone: `2026-11-22 21:20:43 +08`."""
    local = datetime.datetime.fromisoformat(rfc3339).astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S %z}".removesuffix("00")
