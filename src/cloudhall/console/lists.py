"""The list of a kind: facets with counts, columns, order, pages, what one keeps of it, and what to do when it is empty.

Cost: a page walks an index; nothing counts further than `FEW_MAX`, whatever the size of the table.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import Response

from cloudhall.api import shelf
from cloudhall.api.saying import FEW_MAX
from cloudhall.console import bulk, columns, facets, formats, kept, navigation, permissions, values
from cloudhall.console.asked import Asked
from cloudhall.console.names import display, href
from cloudhall.console.pages import joined
from cloudhall.console.places import path_to
from cloudhall.kernel.batches import ITEMS_MAX
from cloudhall.kernel.kinds import Kind, Meta
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.wire import state_of

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

LOOKED_AT = 10


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
    count = visit.kernel.count(visit.caller, kind, asked.where, FEW_MAX)
    show = values.Values(visit.language, visit.now_us, visit.names)
    shown = columns.columns_of(asked)
    found = facets.facets_of(asked, show, many=count >= FEW_MAX)
    sees = permissions.may_read_any(visit, kind)
    context = joined(
        visit,
        kind,
        "list",
        None,
        visit.query,
        meta=meta,
        title=navigation.plural(meta),
        crumbs=path_to(visit, visit.place.id_for(meta)),
        count=count,
        counted=formats.counted(count, FEW_MAX),
        columns=shown,
        choices=columns.choices_of(asked, shown),
        rows=[_row(visit, r, shown, show) for r in rows],
        facets=found,
        chosen=facets.chosen(found),
        saved=kept.saved(asked),
        asked=asked,
        sees=sees,
        reads=permissions.needs_role(meta.allow.get("read", ())),
        ask=[] if sees else permissions.whom_to_ask(visit),
        creates=_people_create(meta),
        may_create=permissions.may_create(visit, kind),
        needs=permissions.needs_role(meta.allow.get("create", ())),
        first=asked.address() if earlier else "",
        before=asked.address(before=asked.token(rows[0])) if earlier and rows else "",
        after=asked.address(after=asked.token(rows[-1])) if later and rows else "",
        noun=visit.console.equivalents.noun(meta),
        reference=shelf.kind_page(meta.domain),
        many=_many(visit, kind, rows),
        whole=count <= ITEMS_MAX,
    )
    return visit.page("list.html", call=visit.console.equivalents.list(meta, asked.api_query()), **context)


def _row(visit: "Visit", r: Kind[Any, Any], shown: Sequence[columns.Column], show: values.Values) -> Row:
    title = display(r, visit.language)
    cells = tuple(show.show(c.info, values.at(r, c.path), unit=False) for c in shown)
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
