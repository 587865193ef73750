"""What one resource has cost this month so far: its rows of the running statement."""

from typing import TYPE_CHECKING, Any

from cloudhall.domains.market import rules
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
    """Amount in fen with a line a meter, as of the last rating; None where nothing was rated."""
    statement = statement_of(kernel, resource.place)
    if statement is None:
        return None
    lines: list[dict[str, Any]] = [
        {
            "title": line.title,
            "unit": line.counted,
            "quantity_micro": row.quantity_micro * line.lot,
            "amount_fen": row.amount_fen,
        }
        for line in statement.status.lines
        for row in line.rows
        if row.resource == resource.id
    ]
    if not lines:
        return None
    total = sum(line["amount_fen"] for line in lines)
    return {"total_fen": total, "as_of_us": statement.status.as_of_us, "statement": statement.id, "lines": lines}
