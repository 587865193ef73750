"""What counts, and reading the filer's messages: pure, on messages as the engine sends them."""

import pytest

from cloudhall.drivers.objects import Change
from cloudhall.drivers.objects.weed_count import Added, added, changes, total
from cloudhall.drivers.objects.weed_wire import (
    MARKER,
    Entry,
    Event,
    entry,
    events,
    fields,
    integer,
    listed,
    looked_up,
    text,
)


def nested(number: int, message: bytes) -> bytes:
    tag, length = integer(number, 0)[:-1], integer(0, len(message))[1:]
    return bytes([tag[0] | 2]) + length + message


def file(name: str, size: int, **extended: str) -> bytes:
    pairs = b"".join(nested(5, text(1, key.replace("_", "-")) + text(2, value)) for key, value in extended.items())
    chunk = nested(3, text(1, "3,01637037d6") + integer(3, size))
    return text(1, name) + chunk + nested(4, integer(1, size) + integer(2, 1_795_350_513)) + pairs


def test_an_entry_is_read_among_fields_that_mean_nothing_here() -> None:
    strange = b"\x65\x01\x02\x03\x04" + b"\x69\x01\x02\x03\x04\x05\x06\x07\x08"
    read = entry(strange + file("数据.csv", 300, Seaweed_X_Amz_Delete_Marker="true") + integer(11, 5))
    assert (read.name, read.is_directory, read.size, read.quota, read.is_marker) == ("数据.csv", False, 300, 5, True)
    assert (read.attribute(MARKER), read.attribute(b"another")) == (b"true", b"")


def test_a_name_that_spells_the_marker_is_an_object_all_the_same() -> None:
    assert not entry(file(MARKER.decode(), 300)).is_marker


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**31, 2**63, 2**64 - 1])
def test_numbers_survive(value: int) -> None:
    assert list(fields(integer(3, value))) == [(3, value)]


def test_a_quota_that_is_switched_off_is_negative() -> None:
    assert entry(integer(11, 2**64 - 7)).quota == -7


def test_an_unknown_wire_type_is_no_number() -> None:
    with pytest.raises(ValueError, match="wire type 3"):
        list(fields(b"\x0b"))


def test_a_backlog_is_unpacked_in_order() -> None:
    first = text(1, "/buckets/b") + nested(2, nested(2, file("one", 1)) + text(4, "/buckets/b")) + integer(3, 11)
    second = text(1, "/buckets/b") + nested(2, nested(1, file("one", 1))) + integer(3, 12)
    read = list(events(first + nested(4, second)))
    assert [(e.ts_ns, e.directory, e.old and e.old.name, e.new and e.new.name) for e in read] == [
        (11, "/buckets/b", None, "one"),
        (12, "/buckets/b", "one", None),
    ]


def test_nothing_more_what_was_hidden_and_what_was_flushed_are_told_apart() -> None:
    assert list(events(integer(3, 9))) == [Event(9, caught_up=True)]
    assert list(events(nested(2, b"") + integer(3, 9))) == [Event(9)]
    assert list(events(integer(6, 9))) == [Event(0)]


def test_lookups_listings_and_tags() -> None:
    assert looked_up(nested(1, file("k", 5)) + integer(2, 99)).size == 5
    assert listed(text(1, "/buckets/b") + nested(2, file("k", 5)))[0] == "/buckets/b"
    tags = nested(1, text(1, "部门") + text(2, "大数据局")) + nested(2, b"")
    assert entry(nested(9, tags)).tags == {"部门": "大数据局"}


def at(name: str, size: int = 0, *, folder: bool = False, marker: bool = False) -> Entry:
    return Entry(name, folder, size, nested(5, text(1, MARKER.decode()) + text(2, "true")) if marker else b"")


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
        (Event(7_000, "/buckets/b", at("k", 5), "/buckets/c", at("k", 5)), [("b", -5, -1), ("c", 5, 1)]),
    ],
)
def test_what_an_event_changes(event: Event, expected: list[tuple[str, int, int]]) -> None:
    assert changes(event) == tuple(Change(*change, at_us=7) for change in expected)


def test_a_total_is_the_sum_of_what_its_entries_add() -> None:
    walk = [("/buckets", at("b", folder=True)), ("/buckets/b", at("k", 5)), ("/buckets/b/.uploads/i", at("p", 7))]
    assert total(walk) == (12, 1)
