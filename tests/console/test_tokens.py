"""The look's duties: contrast of every pair that carries text, charts that can be told apart, one file for all."""

from collections.abc import Callable
from itertools import combinations

import pytest

from cloudhall.console import tokens
from cloudhall.console.tokens import COLOURS, TYPES

LOOKS = ("light", "dark", "high")
TEXT = [
    *[("ink", g) for g in ("canvas", "surface", "sunk", "asoft")],
    ("ink2", "canvas"),
    *[("ink3", g) for g in ("canvas", "surface", "sunk", "asoft", "oksoft", "warnsoft", "badsoft")],
    *[("accent", g) for g in ("canvas", "surface", "asoft")],
    ("onaccent", "accent"),
    *[(state, g) for state in ("ok", "warn", "bad") for g in ("canvas", f"{state}soft")],
]
CONTROLS = [("line2", "surface"), ("line2", "canvas"), *[(f"c{n}", "canvas") for n in range(1, 8)]]
# Machado, Oliveira, Fernandes 2009, severity 1.0; linear RGB to linear RGB.
SIGHT = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
Rgb = tuple[float, ...]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_reads_on_its_ground(look: str, ink: str, ground: str) -> None:
    assert contrast(hex_of(ink, look), hex_of(ground, look)) >= 4.5


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("mark", "ground"), CONTROLS)
def test_borders_and_charts_stand_out(look: str, mark: str, ground: str) -> None:
    assert contrast(hex_of(mark, look), hex_of(ground, look)) >= 3.0


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("look", LOOKS)
def test_chart_colours_differ_for_everybody(look: str, sight: str) -> None:
    seen = [lab(seen_by(linear(hex_of(f"c{n}", look)), sight)) for n in range(1, 8)]
    least = min(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) ** 0.5 for x, y in combinations(seen, 2))
    assert least >= 14


def test_the_style_sheet_is_what_the_table_says() -> None:
    assert tokens.FILE.read_text("utf-8") == tokens.render() + "\n"


def test_no_other_style_sheet_names_a_colour() -> None:
    for sheet in tokens.FILE.parent.glob("*.css"):
        if sheet != tokens.FILE:
            assert "#" not in sheet.read_text("utf-8"), sheet.name


def test_text_that_can_wrap_has_air() -> None:
    for name, t in TYPES.items():
        if name not in {"figure", "chart"}:
            assert min(t.line / t.size, t.line_en / t.size, t.line_large / t.large) >= 1.3, name


def hex_of(name: str, look: str) -> str:
    return str(getattr(COLOURS[name], look))


def linear(colour: str) -> Rgb:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""
    light, dark = sorted((luminance(linear(c)) for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(rgb: Rgb) -> float:
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]


def seen_by(rgb: Rgb, sight: str) -> Rgb:
    return tuple(min(max(sum(m * c for m, c in zip(row, rgb, strict=True)), 0), 1) for row in SIGHT[sight])


def lab(rgb: Rgb) -> Rgb:
    """CIE Lab (D65) of linear sRGB."""
    matrix = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.95047, 1.0, 1.08883)
    f: Callable[[float], float] = lambda t: t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116  # noqa: E731  a formula
    x, y, z = (f(sum(m * c for m, c in zip(row, rgb, strict=True)) / w) for row, w in zip(matrix, white, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)
