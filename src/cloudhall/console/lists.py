"""The list of a kind: facets with counts, declared columns, order, pages, and what to do when it is empty."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import Response

from cloudhall.console import bulk, facets, navigation, permissions, values
from cloudhall.console.asked import Asked
from cloudhall.console.names import PAIRS, display, href
from cloudhall.console.pages import joined
from cloudhall.kernel.batches import ITEMS_MAX
from cloudhall.kernel.fields import FieldInfo, fields_of
from cloudhall.kernel.kinds import Kind, Meta
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import state_of

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

FACETS_ROWS_MAX = 20_000  # counting by a field reads every row that the filter leaves
DEFAULT_COLUMNS = 4
LOOKED_AT = 10
TITLES = {name for pair in PAIRS for name in pair}  # stand under the name, not beside it


class Column(NamedTuple):
    """One column; `sort` is the name that the interface orders it by, empty where no index helps."""

    path: str
    info: FieldInfo
    title: T
    right: bool
    sort: str


class Row(NamedTuple):
    """One resource of a list."""

    id: str
    name: str
    title: str
    href: str
    state: str
    cells: tuple[values.Shown, ...]


def index(visit: "Visit", kind: AnyKind) -> Response:
    """Page of a list; a domain's own page takes the place of the table."""
    asked, meta = Asked(visit, kind), kind.meta
    rows, earlier, later = asked.rows()
    count = visit.kernel.count(visit.caller, kind, asked.where)
    show = values.Values(visit.language, visit.now_us, visit.names)
    columns = columns_of(asked)
    found = facets.facets_of(asked, show) if count <= FACETS_ROWS_MAX else ()
    context = joined(
        visit,
        kind,
        "list",
        None,
        visit.query,
        meta=meta,
        title=navigation.plural(meta),
        count=count,
        columns=columns,
        rows=[_row(visit, r, columns, show) for r in rows],
        facets=found,
        chosen=facets.chosen(found),
        too_many=count > FACETS_ROWS_MAX,
        asked=asked,
        creates=_people_create(meta),
        may_create=permissions.may_create(visit, kind),
        needs=permissions.needs_role(meta.allow.get("create", ())),
        first=asked.address() if earlier else "",
        before=asked.address(before=asked.token(rows[0])) if earlier and rows else "",
        after=asked.address(after=asked.token(rows[-1])) if later and rows else "",
        noun=visit.console.equivalents.noun(meta),
        many=_many(visit, kind, rows) if count <= ITEMS_MAX else (),
    )
    return visit.page("list.html", call=visit.console.equivalents.list(meta, asked.api_query()), **context)


def columns_of(asked: Asked) -> tuple[Column, ...]:
    """Columns of a list: name and state, what the kind declares, the place where several are shown, and the age."""
    meta = asked.kind.meta
    declared = meta.columns or tuple(f"spec.{name}" for name in fields_of(meta.spec))[:DEFAULT_COLUMNS]
    state = ["state"] if meta.controller else []
    where = [] if asked.visit.place.is_one_for(meta) else ["place"]
    paths = ["name", *state, *(p for p in declared if p != "place"), *where, "created"]
    by = {index.path: name for name, (index, _) in asked.filters.indexes.items()}
    orders = by | {"name": "name", "created": "created_at"}
    found = []
    for path in dict.fromkeys(p for p in paths if p.rpartition(".")[2] not in TITLES):
        info = values.info_at(meta, path)
        if info is not None:
            right = values.is_number(info)
            found.append(Column(path, info, values.head(info), right, orders.get(path, "")))
    return tuple(found)


def _row(visit: "Visit", r: Kind[Any, Any], columns: Sequence[Column], show: values.Values) -> Row:
    title = display(r, visit.language)
    cells = tuple(show.show(c.info, values.at(r, c.path), unit=False) for c in columns)
    return Row(r.id, r.name, "" if title == r.name else title, href(r), state_of(r), cells)


def _many(visit: "Visit", kind: AnyKind, rows: Sequence[Kind[Any, Any]]) -> list[str]:
    """What can be done to all that the filter leaves, as far as the first few rows tell."""
    may, tx = visit.kernel.authority.may, visit.tx
    possible = [verb for verb, needed in bulk.VERBS.items() if needed in kind.meta.verbs]
    return [v for v in possible if any(may(tx, visit.caller, bulk.VERBS[v], r) for r in rows[:LOOKED_AT])]


def _people_create(meta: Meta) -> bool:
    """Whether creating is anything for people; some kinds are made by the program alone."""
    allowed = meta.allow.get("create")
    return allowed is not None and (not allowed or any(not role.startswith("service:") for role in allowed))
