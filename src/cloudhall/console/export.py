"""Everything that a list's filter leaves, with the columns that it shows: CSV for programs, XLSX for people.

Values are raw: no units, no rounding, times in UTC. The workbook says on a sheet of its own what was asked, by whom and
when, and whether the file is cut. Cost: a page of `PAGE_SIZE` rows at a time, at most `ROWS_MAX`.
"""

import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from cloudhall.console import formats, values, xlsx
from cloudhall.console.asked import PAGE_SIZE, Asked, text_of
from cloudhall.console.columns import columns_of
from cloudhall.console.navigation import plural
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339, state_of

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

ROWS_MAX = 100_000
BOM = "\ufeff"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run
FIXED = {"id", "name", "state", "created"}
IN_MEMORY_BYTES = 1 << 20
ABOUT, EVERYWHERE, NO_FILTER = T("说明", "About"), T("全部", "Everywhere"), T("无", "none")
CUT = T("未列完，只有前几条", "Cut: only so many rows")
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def as_csv(visit: "Visit", kind: AnyKind) -> Response:
    """File that a spreadsheet opens with its characters right."""
    asked = Asked(visit, kind)
    lines = (_line([text_of(cell) for cell in row]) for row in _rows(asked, _paths(asked)))
    return StreamingResponse(_joined(lines), media_type="text/csv; charset=utf-8", headers=_named(kind, "csv"))


def as_xlsx(visit: "Visit", kind: AnyKind) -> Response:
    """Workbook: the rows, and where they come from."""
    asked = Asked(visit, kind)
    file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115  closed when it has been sent
    title = plural(kind.meta).in_(visit.language)
    counted = [0]
    rows = xlsx.Sheet(title, _counting(_rows(asked, _paths(asked)), counted))
    xlsx.write(file, [rows, xlsx.Sheet(_said(visit, ABOUT), _about(asked, title, counted))])
    file.seek(0)
    done = BackgroundTask(file.close)
    return StreamingResponse(file, media_type=WORKBOOK, headers=_named(kind, "xlsx"), background=done)


def _rows(asked: Asked, paths: Sequence[str]) -> Iterator[list[Any]]:
    """Head, then a row of plain values for each resource."""
    yield ["id", "name", "state", *paths, "created_at"]
    after: list[Any] | None = None
    for _ in range(ROWS_MAX // PAGE_SIZE):
        rows = asked.visit.kernel.page(asked.visit.caller, asked.kind, asked.where, asked.sort, after, PAGE_SIZE)
        yield from (_cells(r, paths) for r in rows)
        if len(rows) < PAGE_SIZE:
            return
        after = asked.filters.position(rows[-1], asked.sort_path)


def _paths(asked: Asked) -> list[str]:
    return [c.path for c in columns_of(asked) if c.path not in FIXED]


def _cells(r: Kind[Any, Any], paths: Sequence[str]) -> list[Any]:
    plain = (msgspec.to_builtins(values.at(r, path)) for path in paths)
    return [r.id, r.name, state_of(r), *plain, rfc3339(r.created_us)]


def _counting(rows: Iterator[list[Any]], counted: list[int]) -> Iterator[list[xlsx.Cell]]:
    for row in rows:
        yield [cell if isinstance(cell, int) and not isinstance(cell, bool) else text_of(cell) for cell in row]
        counted[0] += 1


def _about(asked: Asked, title: str, counted: list[int]) -> Iterator[list[xlsx.Cell]]:
    """What was asked, by whom and when; said last, when the rows have been counted."""
    visit, filtered = asked.visit, asked.address().partition("?")[2]
    told: list[tuple[T, xlsx.Cell]] = [
        (T("内容", "What"), title),
        (T("所在", "Place"), visit.names.of(visit.place.id).text if visit.place.id else _said(visit, EVERYWHERE)),
        (T("筛选", "Filter"), filtered or _said(visit, NO_FILTER)),
        (T("条数", "Rows"), counted[0] - 1),
        (T("导出人", "Exported by"), visit.names.of(visit.caller.id).text),
        (T("导出时间", "Exported at"), f"{formats.precise(visit.now_us)} {_said(visit, formats.ZONE_NAME)}"),
        (T("请求号", "Request"), visit.id),
        (T("地址", "Address"), f"{visit.origin}{asked.address()}"),
    ]
    if counted[0] > ROWS_MAX:
        told.append((CUT, ROWS_MAX))
    yield from ([_said(visit, name), cell] for name, cell in told)


def _said(visit: "Visit", text: T) -> str:
    return text.in_(visit.language)


def _joined(lines: Iterator[str]) -> Iterator[str]:
    """Lines in pieces of a page, so that a long file is not sent word by word."""
    piece = [BOM]
    for line in lines:
        piece.append(line)
        if len(piece) > PAGE_SIZE:
            yield "".join(piece)
            piece = []
    yield "".join(piece)


def _named(kind: AnyKind, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{kind.meta.plural}.{ending}"'}


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(["'" + c if c.startswith(FORMULA) else c for c in cells])
    return out.getvalue()
