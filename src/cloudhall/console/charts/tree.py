"""The way from a leaf of a Merkle tree to its root: filled squares are computed, empty ones are given by the proof."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from cloudhall.console.charts import frame as fr

LEVELS, STEP, REACH, LABEL = 10, 34, 44, 170


class Sibling(NamedTuple):
    """One level of a Merkle path: the hash that stands beside the way up, and on which side."""

    level: int
    hash: str
    left: bool


def tree(path: Sequence[Sibling], root: str, here: str, top: str) -> Markup:
    """Draw a path; where it is long, its first and last levels. `here` names the leaf, `top` the root."""
    shown = path if len(path) <= LEVELS else (*path[: LEVELS // 2], *path[-LEVELS // 2 :])
    x, y, drawn, xs = 0, STEP * len(shown), [], [0]
    nodes = [_node(x, y, "end", here, left=not (shown and shown[0].left))]
    for sibling in shown:
        beside = x - REACH if sibling.left else x + REACH
        above = x - REACH // 2 if sibling.left else x + REACH // 2
        way = Markup('<path class="way" d="M{} {}L{} {}L{} {}"/>')
        drawn.append(way.format(x, y, above, y - STEP, beside, y))
        label = f"{sibling.level}  {sibling.hash[:8]}…{sibling.hash[-4:]}"
        nodes.append(_node(beside, y, "given", label, left=sibling.left))
        x, y = above, y - STEP
        nodes.append(_node(x, y, "made" if y else "end", "" if y else f"{top}  {root[:8]}…{root[-4:]}", left=False))
        xs += [x, beside]
    low, width = min(xs) - LABEL, max(xs) - min(xs) + 2 * LABEL
    size = Markup('<svg class="tree" viewBox="{} -12 {} {}" width="{}" role="img" aria-label="{}">{}{}</svg>')
    inside = (Markup("").join(drawn), Markup("").join(nodes))
    return size.format(low, width, STEP * len(shown) + 28, width, here, *inside)


def _node(x: int, y: int, css: str, text: str, *, left: bool) -> Markup:
    shape = Markup('<rect class="node {}" x="{}" y="{}" width="14" height="14"/>').format(css, x - 7, y - 7)
    return shape + fr.label(x - 14 if left else x + 14, y + 4, text, "left" if left else "name") if text else shape
