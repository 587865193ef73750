"""The numbers of one resource's page as a file, where its domain declares them: `/<plural>/{target}:csv`."""

import csv
import io
from typing import TYPE_CHECKING

from starlette.responses import Response

from cloudhall.console.export import BOM, FORMULA
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


def as_csv(visit: "Visit", kind: AnyKind, target: str) -> Response:
    """File that a spreadsheet opens with its characters right, and of which it runs nothing."""
    r = visit.kernel.find(visit.caller, kind, target)
    page = visit.console.pages.get((kind.meta.key, "detail"))
    if page is None or page.figures is None:
        raise NotFound(T("这里没有数据文件", "There is no file of figures here"))
    out = io.StringIO(BOM)
    out.seek(0, io.SEEK_END)
    rows = page.figures(visit.kernel, visit.caller, r, visit.query)
    csv.writer(out).writerows([_inert(cell) for cell in row] for row in rows)
    named = {"Content-Disposition": f'attachment; filename="{kind.meta.name}-{r.id}.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=named)


def _inert(cell: str) -> str:
    """Keep text from being run as a formula; a negative number is none."""
    is_number = cell.removeprefix("-").isdecimal()
    return f"'{cell}" if cell.startswith(FORMULA) and not is_number else cell
