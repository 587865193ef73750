"""What a resource or a project has cost this month so far: its rows of the running statement, or all of it."""

from typing import TYPE_CHECKING, Any

from cloudhall.domains.identity.project import Project
from cloudhall.domains.market import rules
from cloudhall.domains.market.rating import Line
from cloudhall.domains.market.statement import Statement
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.store.tables import Where

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel


def statement_of(kernel: "Kernel", project: str) -> Statement | None:
    """Return the running statement of a project, or None before its first reading."""
    period = rules.period_at(kernel.world.now_us())
    found = kernel.tables[Statement].named(kernel.store.read(), period, Where("place = ?", (project,)), 1)
    return found[0] if found else None


def cost_to_date(kernel: "Kernel", resource: Kind[Any, Any]) -> dict[str, Any] | None:
    """Amount in fen with a line a meter, as of the last rating; None where nothing was rated.

    Who may see it is for the caller to decide: it is told by the statement of the kind and id that stand in it.
    """
    is_project = isinstance(resource, Project)
    statement = statement_of(kernel, resource.id if is_project else resource.place)
    if statement is None:
        return None
    lines = _whole(statement) if is_project else _of(statement, resource.id)
    if not lines:
        return None
    total = statement.status.total_fen if is_project else sum(line["amount_fen"] for line in lines)
    kind, id_ = Statement.meta.key, statement.id
    return {"total_fen": total, "as_of_us": statement.status.as_of_us, "kind": kind, "statement": id_, "lines": lines}


def _of(statement: Statement, resource: str) -> list[dict[str, Any]]:
    """Rows of one resource, a line a meter."""
    found = [(line, row) for line in statement.status.lines for row in line.rows if row.resource == resource]
    return [_line(line, row.quantity_micro, row.amount_fen) for line, row in found]


def _whole(statement: Statement) -> list[dict[str, Any]]:
    """Every line of a statement."""
    lines = statement.status.lines
    return [_line(line, sum(row.quantity_micro for row in line.rows), line.amount_fen) for line in lines]


def _line(line: Line, quantity_micro: int, amount_fen: int) -> dict[str, Any]:
    return {
        "title": line.title,
        "unit": line.counted,
        "quantity_micro": quantity_micro * line.lot,
        "amount_fen": amount_fen,
    }
