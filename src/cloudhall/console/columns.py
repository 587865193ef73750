"""Columns of a list: those that its address names, else those that the visitor chose before, else the kind's own."""

from typing import NamedTuple

from cloudhall.api.saying import TITLES
from cloudhall.console import values
from cloudhall.console.asked import Asked, paths_of
from cloudhall.domains.identity import views
from cloudhall.kernel.fields import FieldInfo, fields_of
from cloudhall.kernel.kinds import Meta
from cloudhall.kernel.text import T

DEFAULT_COLUMNS = 4
UNDER_THE_NAME = {name for pair in TITLES for name in pair}


class Column(NamedTuple):
    """One column; `sort` is the name that the interface orders it by, empty where no index helps."""

    path: str
    info: FieldInfo
    title: T
    right: bool
    sort: str


class Choice(NamedTuple):
    """A column that may be shown, and whether it is."""

    path: str
    title: T
    shown: bool


def columns_of(asked: Asked) -> tuple[Column, ...]:
    """Columns that the list shows now; the name is always the first."""
    meta = asked.kind.meta
    by = {index.path: name for name, (index, _) in asked.filters.indexes.items()}
    orders = by | {"name": "name", "created": "created_at"}
    found = []
    for path in dict.fromkeys(("name", *_paths(asked))):
        info = values.info_at(meta, path)
        if info is not None and path.rpartition(".")[2] not in UNDER_THE_NAME:
            found.append(Column(path, info, values.head(info), values.is_number(info), orders.get(path, "")))
    return tuple(found)


def choices_of(asked: Asked, shown: tuple[Column, ...]) -> tuple[Choice, ...]:
    """Every column but the name, which cannot be left out."""
    there = {c.path for c in shown}
    found = []
    for path in paths_of(asked.kind.meta):
        info = values.info_at(asked.kind.meta, path)
        if info is not None and path != "name" and path.rpartition(".")[2] not in UNDER_THE_NAME:
            found.append(Choice(path, values.head(info), path in there))
    return tuple(found)


def _paths(asked: Asked) -> list[str]:
    if chosen := asked.query.get("columns"):
        return list(chosen)
    meta, visit = asked.kind.meta, asked.visit
    known = set(paths_of(meta))
    remembered = [path for path in views.columns(visit.tx, visit.caller.id, meta.key) if path in known]
    return remembered or _declared(asked, meta)


def _declared(asked: Asked, meta: Meta) -> list[str]:
    """State, what the kind declares, the place where several are shown, and the age."""
    declared = meta.columns or tuple(f"spec.{name}" for name in fields_of(meta.spec))[:DEFAULT_COLUMNS]
    state = ["state"] if meta.controller else []
    where = [] if asked.visit.place.is_one_for(meta) else ["place"]
    return [*state, *(p for p in declared if p != "place"), *where, "created"]
