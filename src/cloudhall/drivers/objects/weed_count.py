"""What a name in the filer adds to its bucket: one rule for the change stream and for the full count.

Counted are logical bytes (as written, before the engine compresses) of objects, of every kept version, and of the
parts of unfinished multipart uploads, which take room like the rest; objects are objects and versions. Not counted:
directories (also `folder/` markers, which are directories here), delete markers, and the engine's own `.system`.

A multipart upload is counted twice from its completion until its parts are removed, well under a second.
"""

import functools
from collections.abc import Iterable
from typing import NamedTuple

from cloudhall.drivers.objects import Change
from cloudhall.drivers.objects.weed_pb2 import Entry
from cloudhall.drivers.objects.weed_wire import Event, is_marker

ROOT = "/buckets"
UPLOADS = ".uploads"
SYSTEM = ".system"


class Place(NamedTuple):
    """Where entries of one directory count: their bucket, and how many objects each of them is."""

    bucket: str
    objects: int


class Added(NamedTuple):
    """What one entry adds."""

    bucket: str
    bytes: int
    objects: int


def added(directory: str, entry: Entry | None) -> Added | None:
    """What an entry in a directory adds to its bucket; None when it does not count."""
    if entry is None or entry.is_directory or is_marker(entry):
        return None
    place = _place(directory)
    return Added(place.bucket, entry.attributes.file_size, place.objects) if place else None


def changes(event: Event) -> tuple[Change, ...]:
    """Difference that one event makes: one bucket as a rule, two when a rename crosses them, none for the rest."""
    old, new = added(event.directory, event.old), added(event.new_directory, event.new)
    if old == new:  # other content of the same size, or tags
        return ()
    sums = dict[str, tuple[int, int]]()
    for sign, part in ((-1, old), (1, new)):
        if part:
            size, objects = sums.get(part.bucket, (0, 0))
            sums[part.bucket] = (size + sign * part.bytes, objects + sign * part.objects)
    at_us = event.ts_ns // 1_000
    return tuple(Change(bucket, *delta, at_us) for bucket, delta in sums.items() if delta != (0, 0))


def total(entries: Iterable[tuple[str, Entry]]) -> tuple[int, int]:
    """Bytes and objects of all entries, each with its directory."""
    size = objects = 0
    for directory, entry in entries:
        if part := added(directory, entry):
            size += part.bytes
            objects += part.objects
    return size, objects


@functools.lru_cache(maxsize=1_024)
def _place(directory: str) -> Place | None:
    """Where entries of a directory count; None for what is no bucket of a tenant."""
    if not directory.startswith(ROOT + "/"):
        return None
    bucket, *folders = directory.removeprefix(ROOT + "/").split("/")
    return None if bucket == SYSTEM else Place(bucket, 0 if folders[:1] == [UPLOADS] else 1)
