"""What comes from law, a standard or a tariff: dated tables with their source, asked as of a day.

A table is a file in `data/rules/` of the kernel or of a domain, and holds rows that follow each other without gap or
overlap. What a row says is law only as far as it is `verified`: compared with the text of its source. Wherever an
unverified value is shown, `Rule.mark` stands beside it.

Invariants: a row never changes its meaning by itself, a new law is a new row; a question names its day, so what was
right in March stays right when asked again. Never here: the clock, or a default where no row is in force.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec

from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.text import T

VERIFIED = T("已核对原文", "Checked against the source")
UNVERIFIED = T("未核对原文", "Not checked against the source")
YES, NO = T("是", "yes"), T("否", "no")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a row comes from: a document, the clause in it, its number or edition, and its day of issue."""

    title: T
    clause: T | None = None
    edition: str = ""
    issued: datetime.date | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: in force from `valid_from` until the day before `valid_to`, or until further notice."""

    valid_from: datetime.date
    valid_to: datetime.date | None = None
    verified: bool
    value: Mapping[str, Any]
    sources: tuple[Source, ...]

    @property
    def mark(self) -> T:
        """Say whether somebody has compared the row with its source; stands wherever a value is shown."""
        return VERIFIED if self.verified else UNVERIFIED

    def holds(self, day: datetime.date) -> bool:
        """Whether it is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of a table's rows; `parts` names the entries of a value that has several."""

    title: T
    unit: T | None = None
    parts: Mapping[str, T] = {}


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one matter, the oldest first."""

    id: str
    title: T
    fields: Mapping[str, Field]
    rules: tuple[Rule, ...]

    def find(self, day: datetime.date) -> Rule | None:
        """Row in force on a day, if there is one. Cost: linear in the rows, of which there are tens."""
        return next((rule for rule in self.rules if rule.holds(day)), None)

    def at(self, day: datetime.date) -> Rule:
        """Row in force on a day; raises `NotFound`."""
        if rule := self.find(day):
            return rule
        first, last = self.rules[0].valid_from, self.rules[-1].valid_to
        text = T(f"{day} 没有“{self.title.zh}”的规则", f"No rule of {self.title.en!r} on {day}")
        until = T(f"，{last} 之前", f" and before {last}") if last else T("", "")
        raise NotFound(text, mend=T(f"改问 {first} 起{until.zh}", f"Ask from {first} on{until.en}"))


class Book:
    """Every table of an installation, by its id."""

    def __init__(self, tables: Iterable[Table]) -> None:
        """Take tables that have been checked, each of an id of its own."""
        self.tables: dict[str, Table] = {table.id: table for table in tables}

    def __iter__(self) -> Iterator[Table]:
        """Tables, by id."""
        return iter(sorted(self.tables.values(), key=lambda table: table.id))

    def table(self, id_: str) -> Table:
        """Table of an id; raises `NotFound`."""
        if id_ not in self.tables:
            mend = T(f"现有：{'、'.join(sorted(self.tables))}", f"There are: {', '.join(sorted(self.tables))}")
            raise NotFound(T(f"没有规则表 {id_}", f"There is no rule table {id_}"), mend=mend)
        return self.tables[id_]

    def at(self, id_: str, day: datetime.date) -> Rule:
        """Row of a table in force on a day; raises `NotFound`."""
        return self.table(id_).at(day)


def told(field: Field, value: Any) -> T:
    """Text of a value for people, with its unit; entries of a value are named."""
    if isinstance(value, Mapping):
        parts = [(field.parts[key], told(field, part)) for key, part in value.items()]
        return T("；".join(f"{t.zh} {v.zh}" for t, v in parts), "; ".join(f"{t.en} {v.en}" for t, v in parts))
    if isinstance(value, list):
        texts = [told(field, item) for item in value]
        return T("、".join(t.zh for t in texts), ", ".join(t.en for t in texts))
    if isinstance(value, bool):
        return YES if value else NO
    text = f"{value:%H:%M}" if isinstance(value, datetime.time) else str(value)
    return T(f"{text} {field.unit.zh}", f"{text} {field.unit.en}") if field.unit else T(text, text)


def wire(table: Table, rule: Rule) -> dict[str, Any]:
    """One row as it goes on the wire, with what people read of it beside the plain values."""
    shown = {n: {"title": f.title, "text": told(f, rule.value[n])} for n, f in table.fields.items()}
    row = {"id": table.id, "title": table.title, "mark": rule.mark, "shown": shown}
    return cast("dict[str, Any]", msgspec.to_builtins(row | msgspec.structs.asdict(rule)))
