"""Sizes read from people and figures shown to them, each with its unit. Pure.

Bytes are shown in decimal units, as disks are sold; `EiB` is read too, for texts that mean 2^60.
"""

import re

from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import Language, T

STEPS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtpe])?(i)?b?", re.IGNORECASE)
LETTERS = "kmgtpe"
CAPACITY_MAX = 10**21
# Counts stand behind their title alone.
COUNTS = {"1", "copies", "disks", "servers", "racks", "cells", "masters", "filers", "gateways", "objects", "volumes"}
UNITS = {
    "1/a": T("每年", "a year"),
    "B/a": T("每年", "a year"),
    "B/s": T("每秒", "a second"),
    "h": T("小时", "h"),
    "a": T("年", "years"),
    "d": T("天", "days"),
    "nines": T("个 9", "nines"),
    "fen/kWh": T("分/千瓦时", "fen a kWh"),
}
MINUS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def bytes_of(text: str) -> int:
    """Read a size such as `1EB`, `500TB` or `1EiB`; raises `Invalid`."""
    found = SIZE.fullmatch(text.strip())
    exponent = LETTERS.index(found[2].lower()) + 1 if found and found[2] else 0
    size = round(float(found[1]) * (1024 if found[3] else 1000) ** exponent) if found else 0
    if not 10**9 <= size <= CAPACITY_MAX:
        raise Invalid(
            T(f"“{text}”不是容量", f"{text!r} is no capacity"),
            mend=T("例如 1EB、500TB、1EiB；1 GB 到 1000 EB", "such as 1EB, 500TB or 1EiB; from 1 GB to 1000 EB"),
        )
    return size


def show(value: float, unit: str, language: Language) -> str:
    """Value with its unit: `1.40 EB`, `75,521`, `¥1,234.50`, `3.1 × 10⁻⁹ volumes a year`."""
    if unit in {"B", "B/a", "B/s"}:
        told = _scaled(value)
        return told if unit == "B" else f"{told} {UNITS[unit].in_(language)}"
    if unit == "fen":
        return f"{value / 100:,.2f} 元" if language == "zh" else f"¥{value / 100:,.2f}"
    if unit == "share":
        return f"{number(value * 100)}%" if value * 100 >= 0.001 or not value else number(value)
    if unit in COUNTS:
        return number(value)
    return f"{number(value)} {UNITS.get(unit, T(unit, unit)).in_(language)}"


def number(value: float) -> str:
    """Whole ones with commas, others in four digits, very small and very large ones by a power of ten."""
    if value and not 1e-3 <= abs(value) < 1e15:
        digits, power = f"{value:.2e}".split("e")
        return f"{digits} × 10{str(int(power)).translate(MINUS)}"
    if value == round(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _scaled(value: float) -> str:
    if value < 1000:
        return f"{number(value)} B"
    step = 0
    while value >= 1000 and step < len(STEPS) - 1:
        value, step = value / 1000, step + 1
    return f"{value:,.2f} {STEPS[step]}"
