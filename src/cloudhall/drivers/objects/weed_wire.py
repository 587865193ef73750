"""The few protobuf fields of SeaweedFS's filer that we read, and the two requests that we write.

Field numbers: `weed/pb/filer.proto` and `weed/pb/s3.proto` of SeaweedFS 4.48. Unknown fields are skipped, so a later
release that adds some reads the same. Nothing here does input or output.
"""

from collections.abc import Iterator
from typing import NamedTuple

MORE, LOW = 0x80, 0x7F
"""A varint's byte: seven bits, and whether another one follows."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MARKER = b"Seaweed-X-Amz-Delete-Marker"
"""Extended attribute of a version that only says "deleted"."""


class Entry(NamedTuple):
    """A name in the filer: a file with its logical size, or a directory. `quota` and `content` matter for a bucket."""

    name: str
    is_directory: bool
    size: int
    extended: dict[bytes, bytes]
    content: bytes
    quota: int


class Event(NamedTuple):
    """One change: the old entry left `directory`, the new one is in `new_directory`. A heartbeat has neither."""

    ts_ns: int
    directory: str
    old: Entry | None
    new_directory: str
    new: Entry | None


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each varint or length-delimited field, in order; fixed-width ones are skipped."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
        elif kind == BYTES:
            length, at = _varint(message, at)
            yield key >> 3, message[at : at + length]
            at += length
        elif kind in (FIXED32, FIXED64):
            at += 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"protobuf wire type {kind}")


def events(message: bytes) -> Iterator[Event]:
    """Unpack a `SubscribeMetadataResponse`; a backlog comes as one event with the others nested in it."""
    parts = dict[int, bytes]()
    ts_ns, directory, nested = 0, "", list[bytes]()
    for number, value in fields(message):
        match number, value:
            case 1, bytes():
                directory = value.decode()
            case 2, bytes():
                parts = {n: v for n, v in fields(value) if isinstance(v, bytes)}
            case 3, int():
                ts_ns = value
            case 4, bytes():
                nested.append(value)
    old, new = (entry(parts[n]) if n in parts else None for n in (1, 2))
    yield Event(ts_ns, directory, old, parts.get(4, b"").decode(), new)
    for inner in nested:
        yield from events(inner)


def listed(message: bytes) -> tuple[str, Entry]:
    """Unpack a `TraverseBfsMetadataResponse`: directory and the entry in it."""
    parts = {n: v for n, v in fields(message) if isinstance(v, bytes)}
    return parts.get(1, b"").decode(), entry(parts.get(2, b""))


def looked_up(message: bytes) -> Entry:
    """Unpack a `LookupDirectoryEntryResponse`."""
    return entry(next(value for number, value in fields(message) if number == 1 and isinstance(value, bytes)))


def entry(message: bytes) -> Entry:
    """Unpack an `Entry`. The size is that of the object as written, before the engine compresses it."""
    name, is_directory, size, content, quota = "", False, 0, b"", 0
    extended = dict[bytes, bytes]()
    for number, value in fields(message):
        match number, value:
            case 1, bytes():
                name = value.decode()
            case 2, int():
                is_directory = bool(value)
            case 4, bytes():
                size = next((v for n, v in fields(value) if n == 1 and isinstance(v, int)), 0)
            case 5, bytes():
                extended.update([_pair(value)])
            case 9, bytes():
                content = value
            case 11, int():
                quota = value if value < 1 << 63 else value - (1 << 64)
    return Entry(name, is_directory, size, extended, content, quota)


def bucket_tags(content: bytes) -> dict[str, str]:
    """Tags in a bucket entry's content, a `BucketMetadata`."""
    pairs = (_pair(value) for number, value in fields(content) if number == 1 and isinstance(value, bytes))
    return {key.decode(): value.decode() for key, value in pairs}


def text(number: int, value: str) -> bytes:
    """Encode a string field."""
    raw = value.encode()
    return _written(number << 3 | BYTES) + _written(len(raw)) + raw


def integer(number: int, value: int) -> bytes:
    """Encode a field of a non-negative integer or a bool."""
    return _written(number << 3 | VARINT) + _written(value)


def _pair(message: bytes) -> tuple[bytes, bytes]:
    parts = {n: v for n, v in fields(message) if isinstance(v, bytes)}
    return parts.get(1, b""), parts.get(2, b"")


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
