"""Charts as SVG from our own small renderer, one family a module, each with its numbers.

    frame      plane, axes, names, the figure with origin and table around a drawing
    lines      one line with area, forecast and limit; up to five with names at their ends
    columns    columns, stacks
    shares     parts of a whole
    spots      things by two measures
    sparks     word-sized: sparkline, bar of a quota
    gauges     values against named limits
    strips     state over time
    timelines  stretches of time
    tiles      regions; `provinces` lays out China
    tree       a Merkle path

Pure functions from whole numbers to markup. Templates call them by their names, in the page's language.
"""

from cloudhall.console.charts.columns import bars, stack
from cloudhall.console.charts.frame import Origin, Plane, Point, Series
from cloudhall.console.charts.gauges import Gauge, gauge
from cloudhall.console.charts.lines import line, lines
from cloudhall.console.charts.shares import Part, share_strip
from cloudhall.console.charts.sparks import meter, sparkline
from cloudhall.console.charts.spots import Spot, spots
from cloudhall.console.charts.strips import Cell, state_strip
from cloudhall.console.charts.tiles import Tile, tile_map
from cloudhall.console.charts.timelines import Span, spans
from cloudhall.console.charts.tree import Sibling, tree

__all__ = [
    "Cell",
    "Gauge",
    "Origin",
    "Part",
    "Plane",
    "Point",
    "Series",
    "Sibling",
    "Span",
    "Spot",
    "Tile",
    "bars",
    "gauge",
    "line",
    "lines",
    "meter",
    "share_strip",
    "spans",
    "sparkline",
    "spots",
    "stack",
    "state_strip",
    "tile_map",
    "tree",
]
