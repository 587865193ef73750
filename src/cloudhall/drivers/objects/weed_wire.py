"""The few protobuf fields of SeaweedFS's filer that we read, and the two requests that we write.

Field numbers: `weed/pb/filer.proto` and `weed/pb/s3.proto` of SeaweedFS 4.48. Unknown fields are skipped, so a later
release that adds some reads the same. Nothing here does input or output.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeGuard

MORE, LOW = 0x80, 0x7F
"""A varint's byte: seven bits, and whether another one follows."""
VARINT, BYTES = 0, 2
FIXED = {1: 8, 5: 4}
"""Width of the kinds that nothing here needs."""
Value = int | bytes
MARKER = b"Seaweed-X-Amz-Delete-Marker"
"""Extended attribute of a version that only says "deleted"."""


class Entry(NamedTuple):
    """A name in the filer: a file with its logical size (before the engine compresses it), or a directory."""

    name: str
    is_directory: bool
    size: int
    message: bytes
    """The rest, read when asked for: of most entries nobody wants more."""

    def attribute(self, key: bytes) -> bytes:
        """Value of an extended attribute, empty when there is none."""
        pairs = (dict(fields(value)) for number, value in fields(self.message) if number == 5 and _is_bytes(value))
        return next((_bytes(pair, 2) for pair in pairs if pair.get(1) == key), b"")

    @property
    def is_marker(self) -> bool:
        """Whether it is a version that only says "deleted"."""
        return MARKER in self.message and self.attribute(MARKER) == b"true"

    @property
    def quota(self) -> int:
        """A bucket's limit in bytes, negative when switched off, 0 without one."""
        quota = _int(dict(fields(self.message)), 11)
        return quota if quota < 1 << 63 else quota - (1 << 64)

    @property
    def tags(self) -> dict[str, str]:
        """A bucket's tags; its content is a `BucketMetadata`."""
        content = fields(_bytes(dict(fields(self.message)), 9))
        pairs = (dict(fields(value)) for number, value in content if number == 1 and _is_bytes(value))
        return {_bytes(pair, 1).decode(): _bytes(pair, 2).decode() for pair in pairs}


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


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """(number, value) of each varint or length-delimited field, in order; fixed-width ones are skipped.

    No calls while numbers fit into a byte: the log of changes passes here.
    """
    at, end = 0, len(message)
    while at < end:
        key = message[at]
        at += 1
        if key >= MORE:
            key, at = _varint(message, at - 1)
        kind = key & 7
        if kind in FIXED:
            at += FIXED[kind]
            continue
        if kind not in (VARINT, BYTES):
            raise ValueError(f"protobuf wire type {kind}")
        value = message[at]
        at += 1
        if value >= MORE:
            value, at = _varint(message, at - 1)
        if kind == BYTES:
            yield key >> 3, message[at : at + value]
            at += value
        else:
            yield key >> 3, value


def events(message: bytes) -> Iterator[Event]:
    """Unpack a `SubscribeMetadataResponse`; a backlog comes as one event with the others nested in it."""
    parts = dict(fields(message))
    ts_ns = _int(parts, 3)
    if 2 in parts:
        change = dict(fields(_bytes(parts, 2)))
        old, new = (entry(_bytes(change, n)) if n in change else None for n in (1, 2))
        yield Event(ts_ns, _bytes(parts, 1).decode(), old, _bytes(change, 4).decode(), new)
    else:
        yield Event(ts_ns, caught_up=ts_ns > 0)  # with no time it reports what was flushed to disk
    if 4 in parts:
        for number, value in fields(message):
            if number == 4 and _is_bytes(value):
                yield from events(value)


def listed(message: bytes) -> tuple[str, Entry]:
    """Unpack a `TraverseBfsMetadataResponse`: directory and the entry in it."""
    parts = dict(fields(message))
    return _bytes(parts, 1).decode(), entry(_bytes(parts, 2))


def looked_up(message: bytes) -> Entry:
    """Unpack a `LookupDirectoryEntryResponse`."""
    return entry(_bytes(dict(fields(message)), 1))


def entry(message: bytes) -> Entry:
    """Unpack an `Entry` as far as its attributes: Go writes fields by rising number."""
    name, is_directory, size = "", False, 0
    for number, value in fields(message):
        if number == 1 and _is_bytes(value):
            name = value.decode()
        elif number == 2:
            is_directory = value == 1
        elif number == 4 and _is_bytes(value):
            size = next((size for n, size in fields(value) if n == 1 and isinstance(size, int)), 0)
            break
    return Entry(name, is_directory, size, message)


def text(number: int, value: str) -> bytes:
    """Encode a string field."""
    raw = value.encode()
    return _written(number << 3 | BYTES) + _written(len(raw)) + raw


def integer(number: int, value: int) -> bytes:
    """Encode a field of a non-negative integer or a bool."""
    return _written(number << 3 | VARINT) + _written(value)


def _is_bytes(value: Value) -> TypeGuard[bytes]:
    return isinstance(value, bytes)


def _bytes(parts: Mapping[int, Value], number: int) -> bytes:
    value = parts.get(number)
    return value if isinstance(value, bytes) else b""


def _int(parts: Mapping[int, Value], number: int) -> int:
    value = parts.get(number)
    return value if isinstance(value, int) else 0


def _varint(message: bytes, at: int) -> tuple[int, int]:
    byte = message[at]
    if byte < MORE:
        return byte, at + 1
    value, shift = byte & LOW, 7
    while True:
        at += 1
        byte = message[at]
        value |= (byte & LOW) << shift
        if byte < MORE:
            return value, at + 1
        shift += 7


def _written(value: int) -> bytes:
    out = bytearray()
    while value >= MORE:
        out.append(value & LOW | MORE)
        value >>= 7
    out.append(value)
    return bytes(out)
