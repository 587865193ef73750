"""Opens a month's statement for every project that has used something: the market's reader of usage."""

import contextlib
from typing import TYPE_CHECKING

from cloudhall.domains.market import rules
from cloudhall.domains.market.statement import Statement
from cloudhall.kernel.caller import service
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.store import Tx

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

OPEN_EVERY_S = 15.0


def open_statements(kernel: "Kernel") -> int:
    """Open what is missing for the month that runs; answers how many. Cost: the projects in use."""
    period = rules.period_at(kernel.world.now_us())
    projects = _projects_in_use(kernel.store.read(), rules.period_of(period))
    for project in projects:
        command = Command(
            kind=Statement,
            verb="create",
            place=project,
            name=period,
            spec={"period": period},
            key=f"statement/{project}/{period}",
        )
        with contextlib.suppress(NotFound):  # the first reading came after its project was gone
            kernel.execute(service(Statement.meta.key), command).result()
    return len(projects)


def _projects_in_use(tx: Tx, period: rules.Period) -> list[str]:
    in_use = (
        "SELECT project FROM meter_level UNION SELECT project FROM usage WHERE from_us >= ? AND from_us < ?"
        " UNION SELECT project FROM usage_amendment WHERE recorded_us >= ?"  # its difference needs a statement
    )
    rows = tx.execute(in_use, (*period, period.from_us)).fetchall()
    table = f"SELECT place FROM {Statement.meta.table} WHERE spec_period = ? AND deleted IS NULL"  # noqa: S608  a declared name
    opened = {row[0] for row in tx.execute(table, (rules.period_at(period.from_us),))}
    return sorted({row[0] for row in rows} - opened)
