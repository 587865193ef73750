"""Charts are well-formed, carry their numbers as a table, say whence and of when, and escape what they are given."""

import csv
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

import cloudhall
from cloudhall.console import charts, formats
from cloudhall.console.charts import Cell, Gauge, Origin, Part, Plane, Point, Series, Sibling, Span, Tile, frame, tiles
from cloudhall.console.charts.provinces import PROVINCES, china
from cloudhall.console.charts.strips import stretches
from cloudhall.kernel.text import T

POINTS = [Point(f"11-{day:02}", day * day * 1_000) for day in range(1, 25)]
PAIR = [Series(T("写", "Writes"), POINTS), Series("<b>", [Point(p.label, p.value // 2) for p in POINTS])]
ORIGIN = Origin(T("读数", "Readings"), 1_795_141_440_000_000)
DAY_US = 86_400_000_000
GAUGES = [Gauge("A & B", 136, 140, T("新建", "new")), Gauge("C", 207, 200, "old", "/c")]
CELLS = [Cell(f"{i:02}:00", state) for i, state in enumerate(["ready"] * 20 + ["failed"] * 2 + ["unknown", "working"])]
SPANS = [
    Span("One", 0, 4 * DAY_US, "ok", T("完成", "done")),
    Span("Two", DAY_US, None, "run", "moves"),
    Span("Due", 9 * DAY_US, 9 * DAY_US, "off", "waits"),
]
TILES = [Tile(0, i, f"Region {i}", f"R{i}", i * i * 100 if i else None, f"/r/{i}") for i in range(8)]
PARTS = [Part("<b>", 3), Part("x", 1)]
HEIGHTS = re.compile(r'class="bar" x="[^"]+" y="([^"]+)"')
DRAWN: dict[str, Callable[..., Markup]] = {
    "line": lambda **more: charts.line("en", POINTS, formats.number, title="One & all", **more),
    "lines": lambda **more: charts.lines("en", PAIR, formats.number, title="One & all", **more),
    "bars": lambda **more: charts.bars("en", POINTS, formats.number, title="One & all", **more),
    "stack": lambda **more: charts.stack("en", PAIR, formats.number, title="One & all", **more),
    "gauge": lambda **more: charts.gauge("en", GAUGES, formats.number, title="One & all", base=100, **more),
    "strip": lambda **more: charts.state_strip("en", CELLS, title="One & all", until="24:00", **more),
    "spans": lambda **more: charts.spans("en", SPANS, title="One & all", now_us=6 * DAY_US, **more),
    "tiles": lambda **more: charts.tile_map("en", TILES, formats.number, title="One & all", **more),
    "share": lambda **more: charts.share_strip(
        "en", [Part("<b>", 3), Part("x", 1)], formats.fen, title="One & all", **more
    ),
}


def parsed(drawn: Markup) -> ET.Element:
    return ET.fromstring(f"<body>{drawn}</body>")  # noqa: S314  what we have just drawn


@pytest.mark.parametrize("kind", DRAWN)
def test_every_chart_is_sound_named_and_says_whence(kind: str) -> None:
    body = parsed(DRAWN[kind](origin=ORIGIN))
    assert body.find(".//table") is not None
    words = "".join(body.itertext())
    assert "Readings, as of 20 Nov 2026, 10:24" in words
    svg = body.find(".//svg[@aria-label]")
    assert svg is not None or kind == "gauge"
    assert svg is None or svg.attrib["aria-label"] == "One & all"
    assert not [e for e in body.iter() if {"style", "id"} & set(e.attrib)]


@pytest.mark.parametrize("draw", [charts.line, charts.bars])
def test_a_chart_has_every_number_in_its_table(draw: Callable[..., Markup]) -> None:
    body = parsed(draw("en", POINTS, formats.number, title="Requests", limit=Point("Quota", 600_000)))
    cells = [cell.text for cell in body.iter("td")]
    assert cells == [text for p in (*POINTS, Point("Quota", 600_000)) for text in (p.label, formats.number(p.value))]


@pytest.mark.parametrize("draw", [charts.lines, charts.stack])
def test_series_stand_side_by_side_in_one_table(draw: Callable[..., Markup]) -> None:
    body = parsed(draw("zh", PAIR, formats.number, title="x"))
    heads = [head.text for head in body.iter("th")]
    assert heads[:3] == ["时间", "写", "<b>"]
    rows = [[cell.text for cell in row.iter("td")] for row in body.iter("tr")][1:]
    assert [row[:3] for row in rows] == [
        [p.label, formats.number(p.value), formats.number(p.value // 2)] for p in POINTS
    ]


def test_a_stack_adds_up_and_its_largest_part_lies_lowest() -> None:
    drawn = charts.stack("en", [PAIR[1], PAIR[0]], formats.number, title="x")
    columns = re.findall(r'<rect class="c(\d)" x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', drawn)
    low, high = ([c for c in columns if c[0] == colour][-1] for colour in ("2", "1"))
    assert low[1] == high[1]
    assert float(high[2]) + float(high[3]) == pytest.approx(float(low[2]), abs=0.6)
    assert f">{formats.number(POINTS[-1].value + POINTS[-1].value // 2)}<" in drawn


def test_more_than_five_series_are_refused() -> None:
    with pytest.raises(ValueError, match="6 series"):
        charts.lines("en", PAIR * 3, formats.number, title="x")


def test_columns_are_as_high_as_their_values() -> None:
    tops = [float(y) for y in HEIGHTS.findall(charts.bars("en", POINTS, formats.number, title="x"))]
    assert tops == sorted(tops, reverse=True)
    base = frame.frame(Plane(), [1], formats.number).floor
    assert (base - tops[-1]) / (base - tops[11]) == pytest.approx(24**2 / 12**2, rel=0.01)


def test_a_limit_is_named_and_inside() -> None:
    drawn = charts.line("zh", POINTS, formats.number, title="用量", limit=Point("配额", 900_000))
    assert "配额" in drawn
    (y,) = (float(y) for y in re.findall(r'class="limit" d="M\d+ ([0-9.]+)H', drawn))
    assert frame.TOP <= y <= frame.frame(Plane(), [1], formats.number).floor


def test_an_axis_that_does_not_start_at_nothing_says_so_and_has_no_area() -> None:
    values = [Point(str(i), 140 + i) for i in range(6)]
    drawn = charts.line("en", values, formats.number, title="x", plane=Plane(base=100))
    assert "axis starts at 100" in drawn
    assert 'class="area"' not in drawn
    assert 'class="area"' in charts.line("en", values, formats.number, title="x")


def test_a_forecast_is_dashed_and_named_so_in_the_table() -> None:
    drawn = charts.line("en", POINTS, formats.number, title="x", forecast=[Point("11-25", 600_000)])
    assert drawn.count("dashed") == 1
    assert "11-25 (forecast)" in drawn


def test_sizes_have_round_axes() -> None:
    labels = re.findall(r'class="left"[^>]*>([^<]+)<', charts.line("en", [Point("a", 68_198)], formats.size, title="x"))
    assert labels == ["0 B", "20.0 KiB", "40.0 KiB", "60.0 KiB", "80.0 KiB"]


@given(st.integers(0, 2_000))
def test_lines_of_whole_things_are_whole(most: int) -> None:
    micro = 1_000_000
    whole = lambda value: formats.number(value // micro)  # noqa: E731  as a meter of requests reads
    drawn = charts.bars("en", [Point("a", most * micro)], whole, title="x")
    labels = [int(found.replace(",", "")) for found in re.findall(r'class="left"[^>]*>([^<]+)<', drawn)]
    assert labels == [labels[1] * i for i in range(5)]
    assert labels[-1] >= most


@given(st.lists(st.integers(0, 2**63), min_size=1, max_size=40))
def test_any_values_stay_within_the_picture(series: list[int]) -> None:
    points = [Point(str(i), v) for i, v in enumerate(series)]
    for text in (formats.number, formats.size):
        for y in HEIGHTS.findall(charts.bars("en", points, text, title="x")):
            assert frame.TOP - 1 <= float(y) <= frame.frame(Plane(), [1], text).floor


@given(st.lists(st.integers(0, 160), min_size=1, max_size=8))
def test_names_behind_the_edge_do_not_lie_on_each_other(ys: list[int]) -> None:
    moved = frame.spread(ys, frame.LINE_PX, 10, 148)
    assert all(later - earlier >= frame.LINE_PX - 0.1 for earlier, later in pairwise(sorted(moved)))
    assert [i for _, i in sorted(zip(ys, range(len(ys)), strict=True))] == sorted(range(len(ys)), key=moved.__getitem__)


def test_shares_add_up_and_speak_the_language() -> None:
    parts = [Part(T("存储", "Storage"), 300), Part("<b>", 100, "/x?a=1&b=2")]
    body = parsed(charts.share_strip("zh", parts, formats.fen, title="构成"))
    widths = [float(e.attrib["width"]) for e in body.iter("rect") if e.attrib["width"] != "100%"]
    assert sum(widths) == pytest.approx(1_000, abs=len(parts))
    assert "".join(body.itertext()).count("存储") == 1
    assert "<b>" in "".join(body.itertext())


def test_from_the_sixth_part_on_one_colour_is_enough() -> None:
    drawn = charts.share_strip("en", [Part(str(i), 9 - i) for i in range(8)], formats.fen, title="x")
    assert re.findall(r'class="(c\d)" x=', drawn) == ["c1", "c2", "c3", "c4", "c5", "c6", "c6", "c6"]


def test_a_gauge_tells_by_how_much() -> None:
    drawn = charts.gauge("zh", GAUGES, formats.number, title="x", base=100)
    assert "余 4" in drawn
    assert "超出 7" in drawn
    used, ticks = (
        re.findall(rf'class="{css}"[^>]*{name}="([\d.]+)%"', drawn) for css, name in (("used", "width"), ("tick", "x"))
    )
    assert float(used[0]) < float(ticks[0])
    assert float(used[1]) > float(ticks[1])


def test_a_strip_speaks_by_height_and_tells_each_stretch_once() -> None:
    drawn = charts.state_strip("en", CELLS, title="x", until="24:00")
    heights = dict(re.findall(r'<rect class="(\w+)"[^>]* height="(\d+)"', drawn))
    assert int(heights["unk"]) < int(heights["ok"]) < int(heights["run"]) < int(heights["bad"])
    assert stretches(CELLS, "24:00") == [
        ("00:00", "20:00", "ready"),
        ("20:00", "22:00", "failed"),
        ("22:00", "23:00", "unknown"),
        ("23:00", "24:00", "working"),
    ]


def test_a_timeline_runs_to_now_and_marks_a_date() -> None:
    drawn = charts.spans("en", SPANS, title="x", now_us=6 * DAY_US)
    bars = [(float(x), float(w)) for x, w in re.findall(r'class="span \w+" x="([\d.]+)"[^>]* width="([\d.]+)"', drawn)]
    (now,) = (float(x) for x in re.findall(r'class="present" d="M([\d.]+)', drawn))
    assert sum(bars[1]) == pytest.approx(now, abs=0.2)
    assert bars[0][1] / bars[1][1] == pytest.approx(4 / 5, abs=0.01)
    assert 'class="span off" d="M' in drawn
    assert "still holds" in drawn


def test_tiles_are_coloured_by_fifths() -> None:
    values = [t.value for t in TILES if t.value is not None]
    bounds = tiles.bounds_of(values)
    steps = [tiles.step_of(t.value, bounds) for t in TILES]
    assert steps[0] == 0
    assert steps[1:] == sorted(steps[1:])
    assert set(steps) == {0, 1, 2, 3, 4, 5}
    assert [tiles.bounds_of(few) for few in ([], [0, 0], [7])] == [[], [], [7]]


def test_china_is_whole_and_named_as_the_divisions_are() -> None:
    assert len(PROVINCES) == 34
    assert len({(p.row, p.column) for p in PROVINCES.values()}) == 34
    file = Path(cloudhall.__file__).parent / "domains/storage/data/divisions/2023/provinces.csv"
    with file.open(encoding="utf-8") as rows:
        named = {row["code"]: row["name"] for row in csv.DictReader(rows)}
    assert set(PROVINCES) - set(named) == {"71", "81", "82"}  # the statistical divisions end at 65
    assert all(name.startswith(PROVINCES[code].zh) for code, name in named.items())
    words = charts.tile_map("zh", china("zh", {"50": 18_642}), formats.number, title="x", chosen="重庆")
    assert "台湾" in words
    assert 'class="q2 chosen"' in words


def test_nothing_is_drawn_of_nothing() -> None:
    for draw in (charts.line, charts.bars, charts.lines, charts.stack, charts.gauge):
        assert draw("en", [], formats.number, title="x") == ""
    assert charts.state_strip("en", [], title="x", until="") == ""
    assert charts.spans("en", [], title="x", now_us=1) == ""
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
