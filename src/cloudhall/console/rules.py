"""Rules for people: what is in force on a day, since when, by which source, and whether somebody has checked it."""

import datetime
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from cloudhall.console import equivalents
from cloudhall.kernel import office
from cloudhall.kernel.rules import Rule, Table, told
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


class Row(NamedTuple):
    """A row of a table, ready to be shown; without `rule` the table says nothing of the day."""

    table: Table
    rule: Rule | None
    values: list[tuple[T, T]]


def index(visit: "Visit") -> Response:
    """Every table with the row in force on a day."""
    asked = visit.query.get("as_of", "")
    day = _day(asked) or office.day_of(visit.now_us)
    rows = [_row(table, table.find(day)) for table in visit.kernel.registry.rules]
    return visit.page("rules.html", call=equivalents.rules(asked), table=None, rows=rows, day=day)


def history(visit: "Visit", table: str) -> Response:
    """Every row of one table, the newest first."""
    found = visit.kernel.registry.rules.table(table)
    rows = [_row(found, rule) for rule in reversed(found.rules)]
    day = office.day_of(visit.now_us)
    return visit.page("rules.html", call=equivalents.rule_history(table), table=found, rows=rows, day=day)


def _row(table: Table, rule: Rule | None) -> Row:
    values = [(field.title, told(field, rule.value[name])) for name, field in table.fields.items()] if rule else []
    return Row(table, rule, values)


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
