"""Objects written by people: as a stream, or in parts that survive a reload, a lost connection and a killed server.

Parts lie at the engine under an upload of the object's name; what has arrived is found again there, so that nothing
is remembered here. At most one part of an object is in memory. An object is there whole or not at all: until the
upload is completed nobody sees it, and what it replaces stays.
"""

import base64
import hashlib
import mimetypes
import re
from collections.abc import Sequence
from typing import NamedTuple

from cloudhall.domains.storage.objects import Reached, check_folder, check_key, check_token, require_room, told
from cloudhall.drivers.objects.contents import Item, Part
from cloudhall.drivers.objects.trouble import wrong_sum
from cloudhall.kernel.errors import Conflict, Invalid, NotFound
from cloudhall.kernel.text import T

PART_BYTES, PARTS_MAX = 8 << 20, 10_000
"""Amazon S3, "Multipart upload limits": 10,000 parts of 5 MiB at least, the last one excepted."""
OBJECT_BYTES_MAX = PART_BYTES * PARTS_MAX
S3_TIB_MAX = 5
UNKNOWN_TYPE = "application/octet-stream"
_WORD = "[a-z0-9][a-z0-9!#$&^_.+-]{0,63}"
_TYPE = re.compile(rf"{_WORD}/{_WORD}(; ?charset=[a-z0-9_-]{{1,32}})?")
_MD5 = re.compile(r"[0-9a-f]{32}")


class Begun(NamedTuple):
    """An upload that takes parts, and those that have arrived; `found` where an earlier one goes on."""

    upload: str
    parts: Sequence[Part]
    found: bool


class Writer:
    """One object as its bytes come: `take` blocks; `flush` when it is `full`; then `finish`, or `discard`."""

    def __init__(self, reached: Reached, key: str, declared: str, *, size: int = 0, md5: str = "") -> None:
        """`declared` is the media type that the sender says, `size` the bytes if known, `md5` their sum in hex."""
        self._reached, self._key = reached, check_key(key)
        self._type, self._md5 = type_of(key, declared), checked_md5(md5) if md5 else ""
        self._buffer, self._sum = bytearray(), hashlib.md5(usedforsecurity=False)
        self._upload, self._parts = "", list[Part]()
        check_size(size)
        require_room(reached, size)

    @property
    def full(self) -> bool:
        """Whether a part is waiting to be written."""
        return len(self._buffer) >= PART_BYTES

    def take(self, block: bytes) -> None:
        """Keep some bytes."""
        self._buffer += block

    def flush(self) -> None:
        """Write the parts that are whole. Raises `Invalid` beyond the limit, `QuotaExceeded` where there is no room."""
        while self.full:
            part = bytes(memoryview(self._buffer)[:PART_BYTES])
            del self._buffer[:PART_BYTES]
            self._put_part(part)

    def finish(self) -> Item:
        """Write the rest, and make it the object."""
        self.flush()
        rest = bytes(self._buffer)
        if self._upload and rest:
            self._put_part(rest)
        elif rest:
            self._sum.update(rest)
        if self._md5 not in ("", self._sum.hexdigest()):
            raise wrong_sum(self._key)
        reached, bucket = self._reached, self._reached.bucket.name
        with told(reached, [self._key]):
            if self._upload:
                made = reached.contents.complete(bucket, self._key, self._upload, self._parts)
            else:
                require_room(reached, len(rest))
                made = reached.contents.put(bucket, self._key, rest, self._type, base64_of(self._sum.hexdigest()))
            self._upload = ""
        return made

    def discard(self) -> None:
        """Let go of what has been written so far."""
        if self._upload:
            self._reached.contents.give_up(self._reached.bucket.name, self._key, self._upload)

    def _put_part(self, part: bytes) -> None:
        reached, bucket, number = self._reached, self._reached.bucket.name, len(self._parts) + 1
        check_size(number * PART_BYTES)
        require_room(reached, len(part))
        self._upload = self._upload or reached.contents.begin(bucket, self._key, self._type)
        self._sum.update(part)
        md5 = hashlib.md5(part, usedforsecurity=False).hexdigest()
        reached.contents.put_part(bucket, self._key, self._upload, number, part, base64_of(md5))
        self._parts.append(Part(number, len(part), md5))


def begin(reached: Reached, key: str, size: int, declared: str) -> Begun:
    """Begin an upload in parts of `PART_BYTES`, or go on with the newest one of that name that is unfinished.

    Parts that cannot be of an object of `size` bytes are not told of: they will be replaced.
    """
    contents, bucket = reached.contents, reached.bucket.name
    check_key(key)
    check_size(size)
    unfinished = [u for u in contents.unfinished(bucket, key) if u.key == key]
    if not unfinished:
        require_room(reached, size)
        return Begun(contents.begin(bucket, key, type_of(key, declared)), (), found=False)
    upload = unfinished[-1].upload
    parts = [p for p in contents.parts(bucket, key, upload) if p.bytes == _part_size(size, p.number)]
    require_room(reached, size - sum(p.bytes for p in parts))
    return Begun(upload, parts, found=True)


def put_part(reached: Reached, key: str, upload: str, number: int, content: bytes, md5: str) -> None:
    """Write one part; the engine compares its sum (hex)."""
    if not 1 <= number <= PARTS_MAX or not 0 < len(content) <= PART_BYTES:
        text = T(f"分片编号为 1 至 {PARTS_MAX}，每片最多 8 MiB", f"Parts are 1 to {PARTS_MAX}, of 8 MiB at most")
        raise Invalid(text, reason="PART")
    require_room(reached, len(content))
    sum_ = base64_of(checked_md5(md5))
    reached.contents.put_part(reached.bucket.name, check_key(key), check_token(upload), number, content, sum_)


def complete(reached: Reached, key: str, upload: str, size: int) -> Item:
    """Make the object of its parts; raises `Conflict` naming the first part that is missing."""
    contents, bucket = reached.contents, reached.bucket.name
    parts = contents.parts(bucket, check_key(key), check_token(upload))
    needed = max(1, -(-size // PART_BYTES))
    there = {p.number: p.bytes for p in parts if p.number <= needed}
    for number in range(1, needed + 1):
        if there.get(number) != _part_size(size, number):
            raise Conflict(
                T(f"{key} 的第 {number} 片还没有到", f"Part {number} of {key} has not arrived"),
                mend=T("继续上传缺少的分片", "Go on with the parts that are missing"),
                reason="PART_MISSING",
            )
    with told(reached, [key]):
        return contents.complete(bucket, key, upload, [p for p in parts if p.number <= needed])


def give_up(reached: Reached, key: str, upload: str) -> None:
    """Let go of an unfinished upload and of what has arrived of it."""
    reached.contents.give_up(reached.bucket.name, check_key(key), check_token(upload))


def make_folder(reached: Reached, prefix: str) -> None:
    """Make an empty folder, so that it is listed before anything lies in it."""
    check_folder(prefix)
    with told(reached, [prefix]):
        empty = base64_of(hashlib.md5(b"", usedforsecurity=False).hexdigest())
        reached.contents.put(reached.bucket.name, prefix, b"", "application/x-directory", empty)


def rename(writing: Reached, deleting: Reached, old: str, new: str) -> None:
    """Copy an object at the engine, then delete the old name: a kill in between leaves both."""
    contents, bucket = writing.contents, writing.bucket.name
    found = contents.head(bucket, check_key(old))
    check_key(new)
    require_room(writing, found.bytes)
    _refuse_taken(writing, new)
    with told(writing, [new]):
        contents.copy(bucket, old, new)
    with told(deleting, [old]):
        contents.remove(bucket, [(old, "")])


def restore(reached: Reached, key: str, version: str) -> None:
    """Make an old version the newest again, as a copy."""
    contents, bucket = reached.contents, reached.bucket.name
    require_room(reached, contents.head(bucket, check_key(key), check_token(version)).bytes)
    with told(reached, [key]):
        contents.copy(bucket, key, key, version)


def type_of(key: str, declared: str) -> str:
    """Media type to keep with an object: as declared, else by its name. It is never what we serve it as."""
    said = declared.strip().lower()
    if _TYPE.fullmatch(said) and not said.startswith((UNKNOWN_TYPE, "application/x-www-form-urlencoded")):
        return said
    return mimetypes.guess_type(key)[0] or UNKNOWN_TYPE


def check_size(size: int) -> None:
    """Raise `Invalid` for an object that does not come through here."""
    if size > OBJECT_BYTES_MAX:
        most = OBJECT_BYTES_MAX >> 30
        raise Invalid(
            T(f"这里上传的对象最大 {most} GiB", f"An object that is uploaded here has at most {most} GiB"),
            mend=T(f"用 S3 客户端，最大 {S3_TIB_MAX} TiB", f"Use an S3 client, for up to {S3_TIB_MAX} TiB"),
            reason="OBJECT_SIZE",
        )


def checked_md5(md5: str) -> str:
    """Return an MD5 in hex; raises `Invalid` for what is none."""
    if not _MD5.fullmatch(md5):
        raise Invalid(T("校验和应为 32 位十六进制 MD5", "The checksum is an MD5 of 32 hex digits"), reason="CHECKSUM")
    return md5


def base64_of(md5: str) -> str:
    """MD5 in hex as S3 wants it in a header (RFC 1864)."""
    return base64.b64encode(bytes.fromhex(md5)).decode()


def _part_size(size: int, number: int) -> int:
    """Bytes of one part of an object; an empty object has one empty part, which no engine takes."""
    return max(0, min(PART_BYTES, size - (number - 1) * PART_BYTES))


def _refuse_taken(reached: Reached, key: str) -> None:
    try:
        reached.contents.head(reached.bucket.name, key)
    except NotFound:
        return
    raise Conflict(T(f"已有名为 {key} 的对象", f"There is an object {key} already"), reason="NAME_TAKEN")
