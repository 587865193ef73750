"""Everything that a list's filter leaves, as CSV that a spreadsheet opens with its characters right."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response, StreamingResponse

from cloudhall.console import values
from cloudhall.console.asked import PAGE_SIZE, Asked, text_of
from cloudhall.console.lists import columns_of
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.wire import rfc3339, state_of

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

ROWS_MAX = 100_000
BOM = "\ufeff"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run
FIXED = {"id", "name", "state", "created"}


def export(visit: "Visit", kind: AnyKind) -> Response:
    """File of a list: raw values of its columns, without units or rounding, at most `ROWS_MAX` rows."""
    headers = {"Content-Disposition": f'attachment; filename="{kind.meta.plural}.csv"'}
    return StreamingResponse(_file(Asked(visit, kind)), media_type="text/csv; charset=utf-8", headers=headers)


def _file(asked: Asked) -> Iterator[str]:
    paths = [c.path for c in columns_of(asked) if c.path not in FIXED]
    yield BOM + _line(["id", "name", "state", *paths, "created_at"])
    after: list[Any] | None = None
    for _ in range(ROWS_MAX // PAGE_SIZE):
        rows = asked.visit.kernel.page(asked.visit.caller, asked.kind, asked.where, asked.sort, after, PAGE_SIZE)
        yield "".join(_line(_cells(r, paths)) for r in rows)
        if len(rows) < PAGE_SIZE:
            return
        after = asked.filters.position(rows[-1], asked.sort_path)


def _cells(r: Kind[Any, Any], paths: Sequence[str]) -> list[str]:
    plain = (msgspec.to_builtins(values.at(r, path)) for path in paths)
    return [r.id, r.name, state_of(r), *(text_of(value) for value in plain), rfc3339(r.created_us)]


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(["'" + c if c.startswith(FORMULA) else c for c in cells])
    return out.getvalue()
