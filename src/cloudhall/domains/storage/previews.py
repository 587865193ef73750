"""Objects shown before they are downloaded: what they are, told by their bytes alone, and a piece of them.

Invariants: of no object more is read than `HEAD_BYTES`, of a Parquet file besides its footer and first row group
(`parquet_file`). Nothing of an object is run here: text and tables become text; pictures and PDFs go to the browser as
the formats that their bytes say, in a sandbox that takes our address from them; everything else is offered as a
download. A web page or an SVG is text.

A PDF is shown by the browser's own viewer in a frame whose answer carries the sandbox (`Content-Security-Policy`). With
the attribute `sandbox` on the frame instead, Chromium shows none (156, tried); a browser that shows none under the
header either leaves the download.
"""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple

from cloudhall.domains.storage import parquet_file
from cloudhall.domains.storage.objects import Reached, check_key, told_read
from cloudhall.drivers.objects.contents import Body, Item
from cloudhall.kernel.text import T

Sort = Literal["picture", "pdf", "parquet", "table", "text", "other"]
HEAD_BYTES = 64 << 10
SHOWN_BYTES_MAX = 50 << 20
ROWS, COLUMNS_MAX, CELL_LENGTH_MAX = 20, 50, 200
PDF = "application/pdf"
SHOWN = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", PDF),
)
"""What browsers show without taking it for a page of ours. Not SVG, which is a program."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_WHOLE, _DATE = re.compile(r"[+-]?\d{1,18}"), re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2})?Z?)?")
TYPES = {
    "whole": T("整数", "whole number"),
    "number": T("小数", "number"),
    "date": T("日期", "date"),
    "text": T("文本", "text"),
    "empty": T("空", "empty"),
}


class Column(NamedTuple):
    """One column of a table: its name and type as it is shown."""

    name: str
    type: T
    right: bool


class Table(NamedTuple):
    """First rows of a table. `number` is how many there are, None where that was not read."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    number: int | None
    hidden: int = 0


class Shown(NamedTuple):
    """A picture or a PDF on its way, under the type that its first bytes say."""

    media_type: str
    body: Body


class Preview(NamedTuple):
    """What can be shown of an object; `cut` where the text or table is a piece of it; `trouble` says why nothing is."""

    sort: Sort
    media_type: str
    item: Item
    text: str = ""
    encoding: str = ""
    table: Table | None = None
    cut: bool = False
    trouble: T | None = None


def preview(reached: Reached, key: str, version: str = "") -> Preview:
    """Look into an object. That it was read is written down where anything of it is shown."""
    head, item = _head(reached, check_key(key), version)
    media_type = sniffed(head)
    if media_type:
        trouble = (
            T("过大，请下载", "It is too large to be shown; download it") if item.bytes > SHOWN_BYTES_MAX else None
        )
        return Preview("pdf" if media_type == PDF else "picture", media_type, item, trouble=trouble)
    if parquet_file.is_parquet(head):
        told_read(reached, key)
        return _parquet(reached, item, version)
    text, encoding = decoded(head, cut=item.bytes > len(head))
    if not encoding:
        return Preview("other", "application/octet-stream", item)
    told_read(reached, key)
    cut = item.bytes > len(head)
    table = table_of(text, key, cut=cut)
    if table is not None:
        return Preview("table", "text/csv", item, text, encoding, table, cut=cut)
    return Preview("text", "text/plain", item, text, encoding, cut=cut)


def shown(reached: Reached, key: str, version: str = "") -> Shown | None:
    """Bytes of what browsers may show, with its type; None for anything else."""
    head, item = _head(reached, check_key(key), version)
    media_type = sniffed(head)
    if not media_type or item.bytes > SHOWN_BYTES_MAX:
        return None
    told_read(reached, key)
    return Shown(media_type, reached.contents.open(reached.bucket.name, key, version=version))


def sniffed(head: bytes) -> str:
    """Media type of a picture or a PDF by its first bytes; empty for everything else."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for mark, media_type in SHOWN if head.startswith(mark)), "")


def decoded(head: bytes, *, cut: bool) -> tuple[str, str]:
    """Text of the first bytes, and its encoding; that is empty where they are no text."""
    marked = next((e for mark, e in _MARKS if head.startswith(mark)), "")
    for encoding in (marked,) if marked else ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            text = decoder.decode(head, final=not cut)
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text):
            return text.removeprefix("\ufeff"), encoding.removesuffix("-sig").upper()
    return "", ""


def table_of(text: str, key: str, *, cut: bool) -> Table | None:
    """Table of a CSV or TSV; None for a text that is none by its name, or has one column."""
    suffix = key.lower().rpartition(".")[2]
    if suffix not in ("csv", "tsv", "tab"):
        return None
    first = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first.count) if suffix == "csv" else "\t"
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        return None
    rows = [row for row in (rows[:-1] if cut else rows) if row]
    if not rows or len(rows[0]) < 2:
        return None
    return _table(rows[0], rows[1:], None if cut else len(rows) - 1)


def type_of(values: Sequence[str]) -> str:
    """Type that all values of a column have; empty ones have any."""
    found = {_type(value.strip()) for value in values} - {"empty"}
    if found == {"whole", "number"}:
        return "number"
    return found.pop() if len(found) == 1 else "text" if found else "empty"


def _type(value: str) -> str:
    if not value:
        return "empty"
    if _WHOLE.fullmatch(value):
        return "text" if len(value) > 1 and value.lstrip("+-").startswith("0") else "whole"
    if _DATE.fullmatch(value):
        return "date"
    try:
        return "number" if Decimal(value).is_finite() else "text"
    except InvalidOperation:
        return "text"


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], count: int | None) -> Table:
    """First rows; types are those of all rows at hand. A code with a leading zero is text."""
    width = min(len(names), COLUMNS_MAX)
    full = [[row[n] if n < len(row) else "" for n in range(width)] for row in rows]
    types = [type_of([row[n] for row in full]) for n in range(width)]
    columns = tuple(
        Column(shortened(name), TYPES[type_], type_ in ("whole", "number"))
        for name, type_ in zip(names[:width], types, strict=True)
    )
    shown = tuple(tuple(shortened(cell) for cell in row) for row in full[:ROWS])
    return Table(columns, shown, count, len(names) - width)


def shortened(text: str) -> str:
    """Return a cell that fits into a table."""
    return text if len(text) <= CELL_LENGTH_MAX else text[: CELL_LENGTH_MAX - 1] + "…"


def _parquet(reached: Reached, item: Item, version: str) -> Preview:
    def fetch(first: int, count: int) -> bytes:
        return _read(reached, item.key, version, first, count)[0]

    found = parquet_file.read(reached.kernel.home, item.bytes, fetch, rows=ROWS, columns=COLUMNS_MAX)
    if isinstance(found, T):
        return Preview("parquet", parquet_file.MEDIA_TYPE, item, trouble=found)
    columns = tuple(Column(shortened(c.name), T(c.type, c.type), parquet_file.is_number(c.type)) for c in found.columns)
    rows = tuple(tuple(shortened(cell) for cell in row) for row in found.rows)
    table = Table(columns, rows, found.count, found.width - len(columns))
    return Preview("parquet", parquet_file.MEDIA_TYPE, item, table=table, cut=found.count > len(rows))


def _head(reached: Reached, key: str, version: str) -> tuple[bytes, Item]:
    item = reached.contents.head(reached.bucket.name, key, version)
    return _read(reached, key, version, 0, min(HEAD_BYTES, item.bytes)) if item.bytes else (b"", item)


def _read(reached: Reached, key: str, version: str, first: int, count: int) -> tuple[bytes, Item]:
    body = reached.contents.open(reached.bucket.name, key, version=version, first=first, last=first + count - 1)
    try:
        found = bytearray()
        while block := body.read(count - len(found)):
            found += block
        return bytes(found), body.item
    finally:
        body.close()


_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
