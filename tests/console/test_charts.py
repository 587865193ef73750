"""Charts are well-formed, carry their numbers as a table, and escape what they are given."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from cloudhall.console import charts, formats
from cloudhall.console.charts import Part, Point, Sibling
from cloudhall.kernel.text import T

POINTS = [Point(f"11-{day:02}", day * day * 1_000) for day in range(1, 25)]
HEIGHTS = re.compile(r'class="bar" x="[^"]+" y="([^"]+)"')


def parsed(drawn: Markup) -> ET.Element:
    return ET.fromstring(f"<body>{drawn}</body>")  # noqa: S314  what we have just drawn


@pytest.mark.parametrize("draw", [charts.line, charts.bars])
def test_a_chart_has_every_number_in_its_table(draw: Callable[..., Markup]) -> None:
    body = parsed(draw("en", POINTS, formats.number, title="Requests & reads"))
    cells = [cell.text for cell in body.iter("td")]
    assert cells == [text for p in POINTS for text in (p.label, formats.number(p.value))]
    svg = body.find(".//svg")
    assert svg is not None
    assert svg.attrib["aria-label"] == "Requests & reads"
    assert not [e for e in body.iter() if "style" in e.attrib]


def test_columns_are_as_high_as_their_values() -> None:
    tops = [float(y) for y in HEIGHTS.findall(charts.bars("en", POINTS, formats.number, title="x"))]
    assert tops == sorted(tops, reverse=True)
    base = charts.HEIGHT - charts.BOTTOM
    assert (base - tops[-1]) / (base - tops[11]) == pytest.approx(24**2 / 12**2, rel=0.01)


def test_a_limit_is_named_and_inside() -> None:
    drawn = charts.line("zh", POINTS, formats.number, title="用量", limit=Point("配额", 900_000))
    assert "配额" in drawn
    ys = [float(y) for y in re.findall(r'class="limit" d="M\d+ ([0-9.]+)H', drawn)]
    assert ys
    assert all(charts.TOP <= y <= charts.HEIGHT for y in ys)


def test_sizes_have_round_axes() -> None:
    labels = re.findall(r'class="left"[^>]*>([^<]+)<', charts.line("en", [Point("a", 68_198)], formats.size, title="x"))
    assert labels == ["0 B", "20.0 KiB", "40.0 KiB", "60.0 KiB", "80.0 KiB"]


@given(st.lists(st.integers(0, 2**63), min_size=1, max_size=40))
def test_any_values_stay_within_the_picture(series: list[int]) -> None:
    points = [Point(str(i), v) for i, v in enumerate(series)]
    for text in (formats.number, formats.size):
        for y in HEIGHTS.findall(charts.bars("en", points, text, title="x")):
            assert charts.TOP - 1 <= float(y) <= charts.HEIGHT - charts.BOTTOM


def test_shares_add_up_and_speak_the_language() -> None:
    parts = [Part(T("存储", "Storage"), 300), Part("<b>", 100, "/x?a=1&b=2")]
    body = parsed(charts.share_strip("zh", parts, formats.fen, title="构成"))
    widths = [float(e.attrib["width"]) for e in body.iter("rect") if e.attrib["width"] != "100%"]
    assert sum(widths) == pytest.approx(1_000)
    assert "".join(body.itertext()).count("存储") == 1
    assert "<b>" in "".join(body.itertext())


def test_nothing_is_drawn_of_nothing() -> None:
    assert charts.line("en", [], formats.number, title="x") == ""
    assert charts.sparkline([4]) == ""
    assert "100%" in charts.meter(0, 0)


@pytest.mark.parametrize(("used", "added", "css"), [(10, 5, "meter "), (80, 15, "meter near"), (90, 20, "meter over")])
def test_a_meter_warns_before_it_is_full(used: int, added: int, css: str) -> None:
    assert f'class="{css}"' in charts.meter(used, 100, added)


def test_a_path_shows_what_is_given_and_what_is_computed() -> None:
    path = [Sibling(1, "ab" * 32, left=True), Sibling(2, "cd" * 32, left=False)]
    body = parsed(charts.tree(path, "01" * 32, "here", "root"))
    marks = [e.attrib["class"] for e in body.iter("rect")]
    assert sorted(marks) == ["node end", "node end", "node given", "node given", "node made"]
    words = "".join(body.itertext())
    assert "abababab…abab" in words
    assert "01010101…0101" in words
