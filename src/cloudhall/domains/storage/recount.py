"""Counting a bucket anew, for when the change stream may have missed something.

A count takes time while clients go on writing. It is exact as of its end when the stream, once it has reached that
time, shows no change within the count; then what came after the end is added. Otherwise it is counted again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from cloudhall.drivers.objects import Change, Objects

Pending = dict[str, list[int]]
"""By bucket: bytes, objects, begin and end of the count in µs. Lies in the collector's position between two turns."""


class Settled(NamedTuple):
    """`exact`: bytes and objects now; `again`: something changed meanwhile; `waiting`: the stream is not that far."""

    exact: dict[str, tuple[int, int]]
    again: list[str]
    waiting: Pending


def count(objects: Objects, buckets: Iterable[str]) -> Pending:
    """Count buckets entry by entry; O(objects). One that is gone by now is left out."""
    found: Pending = {}
    for name in buckets:
        if objects.seen(name) is not None:
            found[name] = list(msgspec.structs.astuple(objects.stored(name)))
    return found


def settle(pending: Mapping[str, Sequence[int]], changes: Sequence[Change], reached_us: int) -> Settled:
    """Judge the counts by this turn's changes, the stream having reached `reached_us`."""
    settled = Settled({}, [], {})
    for name, (size, objects, began_us, ended_us) in pending.items():
        own = [c for c in changes if c.bucket == name]
        if any(began_us <= c.at_us <= ended_us for c in own):
            settled.again.append(name)
        elif reached_us < ended_us:
            settled.waiting[name] = [size, objects, began_us, ended_us]
        else:
            later = [c for c in own if c.at_us > ended_us]
            settled.exact[name] = (
                size + sum(c.bytes_delta for c in later),
                objects + sum(c.objects_delta for c in later),
            )
    return settled
