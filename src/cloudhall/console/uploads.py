"""Forms with one file in them (multipart/form-data, RFC 7578), read as a stream: the file goes to disk as it comes.

Fields stand before the file, as a form of ours has them. Nothing of a file is kept in memory but the block in hand.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import Request

from cloudhall.domains.documents import attaching, files
from cloudhall.domains.documents.files import Incoming, Received
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

HEAD_BYTES_MAX, FIELDS_BYTES_MAX = 8_192, 1 << 16
_BOUNDARY = re.compile(r'multipart/form-data;.*\bboundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?', re.IGNORECASE)
_FIELD = re.compile(r'form-data;.*?\bname="([^"]*)"(?:.*?\bfilename="([^"]*)")?', re.IGNORECASE | re.DOTALL)
_TYPE = re.compile(r"\r\ncontent-type:[ \t]*([^\r\n]*)", re.IGNORECASE)
UNREADABLE = Invalid(T("表单无法读取", "The form cannot be read"))


class Upload(NamedTuple):
    """The file of a form: its name and type as the browser says them, and what has arrived."""

    name: str
    declared: str
    received: Received


class Part(NamedTuple):
    """Head of one part; `filename` is None for a plain field."""

    name: str
    filename: str | None
    declared: str


async def read(request: Request, kernel: "Kernel") -> tuple[list[tuple[str, str]], Upload | None]:
    """Fields of a form, and its file where there is one; raises `Invalid` for what is none, or holds too much."""
    reader, form = Reader(boundary_of(request)), Form(kernel)
    try:
        async for block in request.stream():
            for part, data in reader.feed(block):
                form.take(part, data)
        return form.fields(), form.upload(whole=reader.ended)
    except BaseException:
        form.discard()
        raise


def boundary_of(request: Request) -> bytes:
    """Return what stands between the parts of a form; raises `Invalid` for what is no form with files."""
    boundary = _BOUNDARY.match(request.headers.get("content-type", ""))
    if boundary is None:
        raise UNREADABLE
    return boundary[1].encode("ascii")


class Form:
    """What has been read of a form so far."""

    def __init__(self, kernel: "Kernel") -> None:
        """`kernel` says where documents lie."""
        self._folder = attaching.folder_of(kernel)
        self._fields: dict[str, bytes] = {}
        self._file: tuple[Part, Incoming] | None = None

    def take(self, part: Part, data: bytes) -> None:
        """Take a piece; raises `Invalid` for a second file, or fields as long as files."""
        if part.filename is None:
            self._fields[part.name] = self._fields.get(part.name, b"") + data
            if sum(map(len, self._fields.values())) > FIELDS_BYTES_MAX:
                raise UNREADABLE
            return
        self._file = self._file or (part, Incoming(self._folder, files.limit_bytes()))
        if self._file[0] is not part:
            raise UNREADABLE
        self._file[1].write(data)

    def fields(self) -> list[tuple[str, str]]:
        """Fields, as `Visit.form` has them."""
        return [(name, value.decode("utf-8", "replace")) for name, value in self._fields.items()]

    def upload(self, *, whole: bool) -> Upload | None:
        """The file; raises `Invalid` where the form broke off, or the file is too large."""
        if not whole:
            raise UNREADABLE
        if self._file is None:
            return None
        part, incoming = self._file
        return Upload(part.filename or "", part.declared, incoming.received())

    def discard(self) -> None:
        """Let a file that has begun go."""
        if self._file is not None:
            self._file[1].discard()


class Reader:
    """Takes a body apart, however its blocks are cut."""

    def __init__(self, boundary: bytes) -> None:
        """`boundary` is what stands between parts."""
        self.ended = False
        self._mark = b"\r\n--" + boundary
        self._rest, self._part, self._in_head = b"\r\n", Part("", None, ""), False
        self._began = False

    def feed(self, block: bytes) -> Iterator[tuple[Part, bytes]]:
        """Pieces of parts, in order; at least one, maybe empty, for each part."""
        self._rest += block
        while not self.ended:
            if self._in_head:
                if not self._read_head():
                    return
                yield self._part, b""
            at = self._rest.find(self._mark)
            data = self._rest[: at if at >= 0 else max(0, len(self._rest) - len(self._mark))]
            if data and self._began:
                yield self._part, data
            self._rest = self._rest[len(data) :]
            if at < 0:
                return
            self._rest, self._in_head, self._began = self._rest[len(self._mark) :], True, True

    def _read_head(self) -> bool:
        """Read the head of the next part, or the end; False where more must come first."""
        if self._rest.startswith(b"--"):
            self.ended = True
        end = self._rest.find(b"\r\n\r\n")
        if self.ended or end < 0:
            if len(self._rest) > HEAD_BYTES_MAX:
                raise UNREADABLE
            return False
        self._part, self._rest, self._in_head = _part(self._rest[:end]), self._rest[end + 4 :], False
        return True


def _part(head: bytes) -> Part:
    text = head.decode("utf-8", "replace")
    field, declared = _FIELD.search(text), _TYPE.search(text)
    if field is None:
        raise UNREADABLE
    filename = None if field[2] is None else _unescaped(field[2]).replace("\\", "/").rpartition("/")[2]
    return Part(_unescaped(field[1]), filename, declared[1] if declared else "")


def _unescaped(text: str) -> str:
    """Undo what browsers write for quotes and line ends (WHATWG HTML, multipart/form-data encoding)."""
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
