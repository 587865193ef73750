"""The look's duties: contrast of every pair that carries text, charts that can be told apart, one file for all."""

import math
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

import cloudhall
from cloudhall.console import tokens
from cloudhall.console.contrast import linear, ratio
from cloudhall.console.tokens import COLOURS, FIXED, LOOKS, PAIRS, TYPES

LOOK = Path(__file__).resolve().parents[3] / "shared/look/README.md"
PACKAGE = Path(cloudhall.__file__).parent
HEX = re.compile(r"#[0-9a-fA-F]{6}\b|#[0-9a-fA-F]{3}\b(?![\w-])")
# Grounds of text inside a bar; what is left out carries its text beside it.
IN_BARS = {
    "light": {"c1": "onaccent", "c4": "onaccent", "c6": "onaccent", "c7": "onaccent", "c2": "ink", "c5": "ink"},
    "dark": dict.fromkeys(("c1", "c2", "c3", "c4", "c6"), "onaccent"),
    "high": dict.fromkeys(("c1", "c2", "c3", "c4", "c5", "c6", "c7"), "onaccent"),
}
# Machado, Oliveira, Fernandes 2009, severity 1.0; linear RGB to linear RGB.
SIGHT = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
Rgb = tuple[float, ...]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("front", "ground"), PAIRS)
def test_everything_reads_on_its_ground(look: str, front: str, ground: str) -> None:
    assert ratio(hex_of(front, look), hex_of(ground, look)) >= PAIRS[front, ground]


@pytest.mark.parametrize("look", LOOKS)
def test_words_read_inside_bars(look: str) -> None:
    for colour, front in IN_BARS[look].items():
        assert ratio(hex_of(front, look), hex_of(colour, look)) >= 4.5, colour


def test_the_formula_is_that_of_wcag() -> None:
    assert ratio("#000000", "#FFFFFF") == pytest.approx(21)
    assert ratio("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.005)  # the grey that just passes, W3C's G18
    assert ratio("#FFFFFF", "#767676") == ratio("#767676", "#FFFFFF")


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("look", LOOKS)
def test_chart_colours_differ_for_everybody(look: str, sight: str) -> None:
    assert distance(look, sight, 7) >= 13.9
    assert distance(look, sight, 5) >= 15.8


def test_the_style_sheet_is_what_the_table_says() -> None:
    assert tokens.FILE.read_text("utf-8") == tokens.render() + "\n"


def test_the_favicon_is_the_mark_in_the_accent() -> None:
    assert tokens.FAVICON.read_text("utf-8") == tokens.favicon()


def test_no_other_file_names_a_colour() -> None:
    files = [*PACKAGE.glob("console/**/*.*"), *PACKAGE.glob("domains/*/templates/*.html")]
    ours = {tokens.FILE, tokens.FAVICON, PACKAGE / "console/tokens.py"}
    for file in files:
        if file.suffix in {".css", ".html", ".py", ".svg", ".js"} and file not in ours and file.parent.name != "vendor":
            assert not HEX.search(file.read_text("utf-8")), file.name
            assert file.suffix != ".css" or not re.search(r"\brgba?\(|\bhsl", file.read_text("utf-8")), file.name


def test_style_sheets_use_the_tokens_there_are() -> None:
    sheets = {sheet.name: sheet.read_text("utf-8") for sheet in tokens.FILE.parent.glob("*.css")}
    made = set(re.findall(r"--([\w-]+):", sheets["tokens.css"]))
    used = {name for text in sheets.values() for name in re.findall(r"var\(--([\w-]+)\)", text)}
    assert used <= made
    assert set(FIXED) <= used


@pytest.fixture(scope="module")
def bound() -> str:
    if not LOOK.exists():
        pytest.skip(f"needs {LOOK.name} of the look beside the repository")
    return LOOK.read_text("utf-8")


def test_the_table_is_the_one_that_binds(bound: str) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|[^#\n]*((?:#\w{6} \| ?){3})", bound, re.MULTILINE))
    assert {name: tuple(re.findall(r"#\w{6}", cells)) for name, cells in rows.items()} == COLOURS


def test_contrasts_are_those_that_bind(bound: str) -> None:
    rows = re.findall(r"^\| (\w+) on (\w+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", bound, re.MULTILINE)
    assert len(rows) == 21
    for front, ground, least, *said in rows:
        assert PAIRS[front, ground] == float(least)
        for look, figure in zip(LOOKS, said, strict=True):
            assert ratio(hex_of(front, look), hex_of(ground, look)) == pytest.approx(float(figure), abs=0.06)


def test_distances_are_those_that_bind(bound: str) -> None:
    rows = re.findall(r"^\| (light|dark|high)[a-z ]*, (\d) colours \|((?: \d+ \|){4})", bound, re.MULTILINE)
    assert len(rows) == 6
    for look, count, cells in rows:
        for sight, figure in zip(SIGHT, re.findall(r"\d+", cells), strict=True):
            assert distance(look, sight, int(count)) == pytest.approx(int(figure), abs=0.6), (look, count, sight)


def test_text_that_can_wrap_has_air() -> None:
    for name, t in TYPES.items():
        if name not in {"figure", "chart"}:
            assert min(t.line / t.size, t.line_en / t.size, t.line_large / t.large) >= 1.3, name


def hex_of(name: str, look: str) -> str:
    return str(getattr(COLOURS[name], look))


def distance(look: str, sight: str, count: int) -> float:
    """Least CIE 1976 distance between the first chart colours of a look, as somebody sees them."""
    seen = [lab(seen_by(linear(hex_of(f"c{n}", look)), sight)) for n in range(1, count + 1)]
    return min(math.dist(x, y) for x, y in combinations(seen, 2))


def seen_by(rgb: Rgb, sight: str) -> Rgb:
    return tuple(min(max(sum(m * c for m, c in zip(row, rgb, strict=True)), 0), 1) for row in SIGHT[sight])


def lab(rgb: Rgb) -> Rgb:
    """CIE Lab (D65) of linear sRGB."""
    matrix = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.95047, 1.0, 1.08883)
    f: Callable[[float], float] = lambda t: t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116  # noqa: E731  a formula
    x, y, z = (f(sum(m * c for m, c in zip(row, rgb, strict=True)) / w) for row, w in zip(matrix, white, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)
