"""One question to a kind's list: the interface's own filter, order and page, read from the address of a console page.

The query is that of `GET /api/v1/<plural>`, so that "as API" shows the very same request; `in`, `after` and `before`
are the console's. Cost: a page walks an index; a count reads the index entries that the filter leaves.
"""

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from cloudhall.api import params
from cloudhall.api.filters import IDS
from cloudhall.api.params import Param
from cloudhall.api.problems import refuse
from cloudhall.api.saying import few
from cloudhall.console.places import place_kind
from cloudhall.kernel.commands import Planner
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.kinds import Kind, Meta
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store.dialect import SQLITE
from cloudhall.kernel.store.tables import Sort, Where
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

PAGE_SIZE = 100
OURS = tuple(
    Param(name=name, title=title)
    for name, title in (
        ("in", T("单位或项目", "Organisation or project")),
        ("after", T("从此处往后", "Behind this row")),
        ("before", T("从此处往前", "Before this row")),
        ("done", T("刚做完的事", "What was just done")),
    )
)
COLUMNS = T("显示的列", "Columns to show")
OF_THE_KERNEL = {"conditions", "observed_generation"}
NOT_OURS = {"page_size", "page_token", "facets"}  # of the interface; the console pages by its own links
PAGING = {"after", "before", "lang", "done"}


class Asked:
    """One question to one kind's list, as the address says it."""

    def __init__(self, visit: "Visit", kind: AnyKind, *, picks: bool = False) -> None:
        """Raises `Invalid` with everything that is wrong with the address; with `picks` it may name single rows."""
        self.visit, self.kind, self.filters = visit, kind, visit.console.filters[kind]
        found: list[Problem] = []
        mine = tuple(p for p in self.filters.params if p.name not in NOT_OURS)
        shown = Param(name="columns", title=COLUMNS, shape="choice", choices=paths_of(kind.meta), many=True)
        self.query = params.read(visit.request, (*mine, *OURS, shown, *([IDS] if picks else [])), found)
        planner = Planner(visit.kernel, visit.tx, visit.caller)
        self.within = self._within()
        self.where = self.filters.where(planner, self.query, found, self.within)
        refuse(found)
        self.sort, self.sort_path = self.filters.sort(self.query)

    @property
    def narrowed(self) -> bool:
        """Whether anything but the place narrows the list."""
        return any(name in self.query for name in ("q", "name", "label", *self.filters.indexes))

    def address(self, suffix: str = "", /, **changes: Any) -> str:
        """Address of this question with some parts changed; a part set to None goes, and paging begins anew."""
        pairs = _pairs({k: v for k, v in self.query.items() if k not in PAGING} | changes)
        path = f"/{self.kind.meta.plural}{suffix}"
        return f"{path}?{urlencode(pairs)}" if pairs else path

    @property
    def sorted(self) -> str:
        """Order as the address names it."""
        return str(self.query.get("sort", "-created_at"))

    def kept(self) -> list[tuple[str, str]]:
        """Parts of the question that a new text to find leaves as they are."""
        return _pairs({k: v for k, v in self.query.items() if k not in {*PAGING, "q"}})

    def api_query(self) -> list[tuple[str, str]]:
        """Same question as the interface takes it."""
        place = self.visit.place.id_for(self.kind.meta)
        scope = place_kind(self.visit.kernel.registry, self.kind.meta.scope)
        mine = scope is not None and place.startswith(scope.meta.prefix)
        named = [(self.kind.meta.scope, self.visit.place_name(place))] if mine else []
        return named + _pairs({k: v for k, v in self.query.items() if k not in {*PAGING, "in", "columns"}})

    def narrowing(self) -> list[tuple[str, str]]:
        """Same filter as the interface takes it, without an order."""
        return [(name, value) for name, value in self.api_query() if name != "sort"]

    def without(self, name: str) -> Where:
        """Condition of all filters but one, for the counts of its facet."""
        query = {k: v for k, v in self.query.items() if k != name}
        planner = Planner(self.visit.kernel, self.visit.tx, self.visit.caller)
        return self.filters.where(planner, query, [], self.within)

    def _within(self) -> Where:
        """Rows of the place in use.

        Where many lie in it, SQLite is told to walk the order asked for past the others: by itself it would sort them.
        """
        kernel, where = self.visit.kernel, self.visit.place.where(self.kind.meta)
        if not where.params or kernel.store.dialect is not SQLITE or few(kernel, self.visit.caller, self.kind, where):
            return where
        return Where(f"+{where.sql}", where.params)

    def rows(self) -> tuple[list[Kind[Any, Any]], bool, bool]:
        """One page; whether there are rows before it, and behind it."""
        kernel, caller = self.visit.kernel, self.visit.caller
        if "before" in self.query:
            back = Sort(self.sort.column, descending=not self.sort.descending)
            found = kernel.page(caller, self.kind, self.where, back, position(self.query["before"]), PAGE_SIZE + 1)
            return found[:PAGE_SIZE][::-1], len(found) > PAGE_SIZE, True
        after = position(self.query["after"]) if "after" in self.query else None
        found = kernel.page(caller, self.kind, self.where, self.sort, after, PAGE_SIZE + 1)
        return found[:PAGE_SIZE], after is not None, len(found) > PAGE_SIZE

    def token(self, row: Kind[Any, Any]) -> str:
        """Where a page ends, for the address."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self.filters.position(row, self.sort_path))).decode()


def paths_of(meta: Meta) -> tuple[str, ...]:
    """Every column that a list of a kind can show: what all resources have, its spec and its status."""
    spec = (f"spec.{name}" for name in fields_of(meta.spec))
    status = (f"status.{name}" for name in fields_of(meta.status) if name not in OF_THE_KERNEL)
    state = ["state"] if meta.controller else []
    return ("name", *state, *spec, *status, "place", "labels", "id", "created", "updated")


def position(token: str) -> list[Any] | None:
    """Where a page begins; a token that is none begins at the first."""
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError):
        return None
    plain = isinstance(found, list) and len(found) == 2 and all(isinstance(v, str | int | None) for v in found)
    return found if plain else None


def text_of(value: Any) -> str:
    """Value as addresses and CSV hold it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _pairs(query: dict[str, Any]) -> list[tuple[str, str]]:
    """Query as pairs; a part set to None is left out."""
    several = ((k, v if isinstance(v, list) else [v]) for k, v in query.items())
    return [(k, text_of(v)) for k, vs in several for v in vs if v is not None]
