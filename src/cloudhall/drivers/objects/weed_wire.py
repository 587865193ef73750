"""What SeaweedFS's filer says, taken from its messages (`weed.proto`).

Fields that `weed.proto` leaves out are skipped, so a later release that adds some reads the same. Nothing here does
input or output. The log of changes passes here, an event for each write of a tenant: entries are handed on as they
were decoded, without a copy.
"""

from collections.abc import Mapping
from typing import NamedTuple

from cloudhall.drivers.objects.weed_pb2 import (
    BucketMetadata,
    Entry,
    LookupDirectoryEntryResponse,
    SubscribeMetadataResponse,
    TraverseBfsMetadataResponse,
)

MARKER = "Seaweed-X-Amz-Delete-Marker"
"""Extended attribute of a version that only says "deleted"."""


class Event(NamedTuple):
    """One change: the old entry left `directory`, the new one is in `new_directory`.

    `caught_up` says instead that there is nothing more by now. With neither it tells the time of what the prefix hid.
    """

    ts_ns: int
    directory: str = ""
    old: Entry | None = None
    new_directory: str = ""
    new: Entry | None = None
    caught_up: bool = False


def events(message: bytes) -> list[Event]:
    """Unpack a `SubscribeMetadataResponse`; a backlog comes as one event with the others nested in it."""
    first = SubscribeMetadataResponse.FromString(message)
    return [_event(first), *map(_event, first.events)]


def listed(message: bytes) -> tuple[str, Entry]:
    """Unpack a `TraverseBfsMetadataResponse`: directory and the entry in it."""
    found = TraverseBfsMetadataResponse.FromString(message)
    return found.directory, found.entry


def looked_up(message: bytes) -> Entry:
    """Unpack a `LookupDirectoryEntryResponse`."""
    return LookupDirectoryEntryResponse.FromString(message).entry


def is_marker(entry: Entry) -> bool:
    """Whether it is a version that only says "deleted"."""
    return entry.extended.get(MARKER) == b"true"


def tags(bucket: Entry) -> Mapping[str, str]:
    """A bucket's tags."""
    return dict(BucketMetadata.FromString(bucket.content).tags)


def _event(told: SubscribeMetadataResponse) -> Event:
    if not told.HasField("event_notification"):
        return Event(told.ts_ns, caught_up=told.ts_ns > 0)  # with no time it reports what was flushed to disk
    change = told.event_notification
    old = change.old_entry if change.HasField("old_entry") else None
    new = change.new_entry if change.HasField("new_entry") else None
    return Event(told.ts_ns, told.directory, old, change.new_parent_path, new)
