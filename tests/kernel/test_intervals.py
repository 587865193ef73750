"""Interval arithmetic against sets of single microseconds."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cloudhall.kernel.intervals import Span, doubled, length_us, minus, union

points = st.integers(0, 24)
spans = st.lists(st.builds(Span, points, points), max_size=6)


def moments(found: Iterable[Span]) -> set[int]:
    return {at for span in found for at in range(span.from_us, span.to_us)}


def assert_canonical(found: list[Span]) -> None:
    assert all(span.length_us > 0 for span in found)
    assert all(before.to_us < after.from_us for before, after in pairwise(found))


@given(spans)
def test_union_holds_what_any_span_holds(some: list[Span]) -> None:
    found = union(some)
    assert moments(found) == moments(some)
    assert length_us(found) == len(moments(some))
    assert_canonical(found)


@given(spans)
def test_doubled_holds_what_two_spans_hold(some: list[Span]) -> None:
    found = doubled(some)
    assert moments(found) == {at for at in range(25) if sum(at in moments([span]) for span in some) > 1}
    assert_canonical(found)


@given(spans, spans)
def test_minus_takes_the_holes_away(some: list[Span], holes: list[Span]) -> None:
    found = minus(some, holes)
    assert moments(found) == moments(some) - moments(holes)
    assert_canonical(found)


@given(st.builds(Span, points, points), st.builds(Span, points, points))
def test_clip_keeps_the_part_inside(span: Span, window: Span) -> None:
    clipped = span.clip(window)
    assert moments([clipped]) == moments([span]) & moments([window])
    assert clipped.length_us == len(moments([clipped]))
