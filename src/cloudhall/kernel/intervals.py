"""Arithmetic of half-open intervals `[from_us, to_us)` on one line of time. Pure; knows no meter and no table.

Invariant: lists that come out are sorted and hold no empty, touching or overlapping spans, whatever went in.
Cost: one sort of the edges, then linear.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """`[from_us, to_us)`; empty when `to_us <= from_us`."""

    from_us: int
    to_us: int

    @property
    def length_us(self) -> int:
        """Never negative."""
        return max(0, self.to_us - self.from_us)

    def clip(self, window: "Span") -> "Span":
        """Return the part inside the window, empty where they do not meet."""
        return Span(max(self.from_us, window.from_us), min(self.to_us, window.to_us))


def union(spans: Iterable[Span]) -> list[Span]:
    """Time that at least one span holds."""
    return _where_depth(_edges(spans, 1), at_least=1)


def doubled(spans: Iterable[Span]) -> list[Span]:
    """Time that two or more spans hold."""
    return _where_depth(_edges(spans, 1), at_least=2)


def minus(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Time that a span holds and no hole does."""
    edges = [*_edges(union(spans), 1), *_edges(union(holes), -1)]
    return _where_depth(edges, at_least=1)


def length_us(spans: Iterable[Span]) -> int:
    """Sum of the lengths; doubled time counts twice."""
    return sum(span.length_us for span in spans)


def _edges(spans: Iterable[Span], weight: int) -> Iterator[tuple[int, int]]:
    for span in spans:
        if span.length_us:
            yield span.from_us, weight
            yield span.to_us, -weight


def _where_depth(edges: Iterable[tuple[int, int]], at_least: int) -> list[Span]:
    """Walk the edges in order of time; at one moment upward steps come first, so that touching spans become one."""
    found: list[Span] = []
    depth, opened_us = 0, 0
    for at_us, step in sorted(edges, key=lambda edge: (edge[0], -edge[1])):
        before, depth = depth, depth + step
        if before < at_least <= depth:
            opened_us = at_us
        elif depth < at_least <= before and opened_us < at_us:
            found.append(Span(opened_us, at_us))
    return found
