"""What counts, and reading the filer's messages: pure, on messages as the engine sends them."""

import pytest

from cloudhall.drivers.objects import Change
from cloudhall.drivers.objects.weed_count import Added, added, changes, total
from cloudhall.drivers.objects.weed_pb2 import (
    BucketMetadata,
    Entry,
    EventNotification,
    FuseAttributes,
    LookupDirectoryEntryResponse,
    SubscribeMetadataResponse,
    TraverseBfsMetadataResponse,
)
from cloudhall.drivers.objects.weed_wire import MARKER, Event, events, is_marker, listed, looked_up, tags

CHUNK = b"\x1a\x11\x0a\x0c3,01637037d6\x18\xac\x02"
"""Field 3 of an entry, a chunk: one of those that nobody here reads."""
FIXED = b"\x65\x01\x02\x03\x04" + b"\x69\x01\x02\x03\x04\x05\x06\x07\x08"
"""Fields 12 and 13, of fixed width, as a later release might send them."""


def at(name: str, size: int = 0, *, folder: bool = False, marker: bool = False) -> Entry:
    extended = {MARKER: b"true"} if marker else {}
    return Entry(name=name, is_directory=folder, attributes=FuseAttributes(file_size=size), extended=extended)


def test_an_entry_is_read_among_fields_that_mean_nothing_here() -> None:
    entry = FIXED + CHUNK + at("数据.csv", 300, marker=True).SerializeToString() + Entry(quota=-7).SerializeToString()
    read = looked_up(b"\x0a" + bytes([len(entry)]) + entry)
    assert (read.name, read.is_directory, read.attributes.file_size, read.quota) == ("数据.csv", False, 300, -7)
    assert is_marker(read)


def test_a_name_that_spells_the_marker_is_an_object_all_the_same() -> None:
    assert not is_marker(at(MARKER, 300))


def test_a_backlog_is_unpacked_in_order() -> None:
    second = SubscribeMetadataResponse(
        directory="/buckets/b", event_notification=EventNotification(old_entry=at("one", 1)), ts_ns=12
    )
    created = EventNotification(new_entry=at("one", 1), new_parent_path="/buckets/b")
    first = SubscribeMetadataResponse(directory="/buckets/b", event_notification=created, ts_ns=11, events=[second])
    read = events(first.SerializeToString())
    assert [(e.ts_ns, e.directory, e.old and e.old.name, e.new_directory, e.new and e.new.name) for e in read] == [
        (11, "/buckets/b", None, "/buckets/b", "one"),
        (12, "/buckets/b", "one", "", None),
    ]


def test_nothing_more_what_was_hidden_and_what_was_flushed_are_told_apart() -> None:
    hidden = SubscribeMetadataResponse(event_notification=EventNotification(), ts_ns=9)
    assert events(SubscribeMetadataResponse(ts_ns=9).SerializeToString()) == [Event(9, caught_up=True)]
    assert events(hidden.SerializeToString()) == [Event(9)]
    assert events(b"\x32\x00") == [Event(0)]


def test_lookups_listings_and_tags() -> None:
    assert looked_up(LookupDirectoryEntryResponse(entry=at("k", 5)).SerializeToString()) == at("k", 5)
    found = TraverseBfsMetadataResponse(directory="/buckets/b", entry=at("k", 5))
    assert listed(found.SerializeToString()) == ("/buckets/b", at("k", 5))
    content = BucketMetadata(tags={"部门": "大数据局"}).SerializeToString()
    assert tags(Entry(content=content)) == {"部门": "大数据局"}
    assert tags(Entry()) == {}


@pytest.mark.parametrize(
    ("directory", "what", "counts"),
    [
        ("/buckets/b", at("k", 5), Added("b", 5, 1)),
        ("/buckets/b/deep/folder", at("k", 5), Added("b", 5, 1)),
        ("/buckets/b/k.versions", at("v_1", 5), Added("b", 5, 1)),
        ("/buckets/b/.uploads/id", at("0001.part", 5), Added("b", 5, 0)),
        ("/buckets/b/folder/.uploads", at("k", 5), Added("b", 5, 1)),
        ("/buckets/b/k.versions", at("v_2", marker=True), None),
        ("/buckets/b", at("folder", folder=True), None),
        ("/buckets", at("b", folder=True), None),
        ("/buckets/.system/owners", at("b", 5), None),
        ("/topics/.system/log", at("b", 5), None),
        ("/buckets/b", None, None),
    ],
)
def test_what_an_entry_adds(directory: str, what: Entry | None, counts: Added | None) -> None:
    assert added(directory, what) == counts


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Event(7_000, "/buckets/b", None, "/buckets/b", at("k", 5)), [("b", 5, 1)]),
        (Event(7_000, "/buckets/b", at("k", 5), "/buckets/b", at("k", 3)), [("b", -2, 0)]),
        (Event(7_000, "/buckets/b", at("k", 5), "", None), [("b", -5, -1)]),
        (Event(7_000, "/buckets/b", at("k", 5), "/buckets/b", at("k", 5)), []),
        (Event(7_000, "/buckets/b", at("k"), "/buckets/b", at("k", marker=True)), [("b", 0, -1)]),
        (Event(7_000, "/buckets/b", at("k", 5), "/buckets/c", at("k", 5)), [("b", -5, -1), ("c", 5, 1)]),
        (Event(7_000, "/buckets/b/.uploads/i", at("p"), "/buckets/c/.uploads/i", at("p")), []),
    ],
)
def test_what_an_event_changes(event: Event, expected: list[tuple[str, int, int]]) -> None:
    assert changes(event) == tuple(Change(*change, at_us=7) for change in expected)


def test_a_total_is_the_sum_of_what_its_entries_add() -> None:
    walk = [("/buckets", at("b", folder=True)), ("/buckets/b", at("k", 5)), ("/buckets/b/.uploads/i", at("p", 7))]
    assert total(walk) == (12, 1)
