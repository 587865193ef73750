"""Search everything that the visitor may see: resources, kinds, and what can be created. A plain GET page.

Cost: for each kind a scan of the rows that policy leaves, at most `HITS_MAX` of them kept.
"""

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from cloudhall.api.filters import containing
from cloudhall.console import equivalents
from cloudhall.console.names import PAIRS, display
from cloudhall.console.navigation import plural
from cloudhall.console.permissions import may_create, may_read_any
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import state_of

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

HITS_MAX = 8  # of a kind; the link behind them leads to all
ACTIONS = T("操作", "Actions")


class Hit(NamedTuple):
    """One thing found. `text` holds the match; `state` is empty for what is no resource."""

    icon: str
    text: str
    aside: T
    href: str
    state: str = ""


class Group(NamedTuple):
    """Hits of one sort; `more` leads to the list where there may be others."""

    title: T
    hits: tuple[Hit, ...]
    more: str = ""

    @property
    def size(self) -> int:
        """How many are shown."""
        return len(self.hits)


def search(visit: "Visit") -> Response:
    """Page of the results; without a question only the form."""
    text = visit.query.get("q", "").strip()
    groups = [g for g in (*_resources(visit, text), _actions(visit, text)) if g.hits] if text else []
    return visit.page("search.html", call=equivalents.search(text), q=text, groups=groups)


def _resources(visit: "Visit", text: str) -> list[Group]:
    return [_group(visit, kind, text) for kind in visit.kernel.registry if may_read_any(visit, kind)]


def _group(visit: "Visit", kind: AnyKind, text: str) -> Group:
    meta = kind.meta
    rows = visit.kernel.page(visit.caller, kind, _saying(kind, text), limit=HITS_MAX + 1)
    hits = tuple(_hit(visit, r) for r in rows[:HITS_MAX])
    more = f"/{meta.plural}?q={quote(text)}&in=" if len(rows) > HITS_MAX else ""
    return Group(plural(meta), hits, more)


def _hit(visit: "Visit", r: Kind[Any, Any]) -> Hit:
    title = display(r, visit.language)
    aside = "" if title == r.name else r.name
    return Hit(type(r).meta.icon, title, T(aside, aside), visit.names.resource(r).href, state_of(r))


def _saying(kind: AnyKind, text: str) -> Where:
    """As the interface's `q`, and the titles that people know a resource by."""
    where = containing(kind, text)
    titles = [name for pair in PAIRS for name in pair if name in fields_of(kind.meta.spec)]
    if not titles or where.sql.startswith("id"):
        return where
    quoted = msgspec.json.encode(text).decode()[1:-1]
    escaped = quoted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    said = " OR ".join("spec LIKE ? ESCAPE '\\'" for _ in titles)
    return Where(f"{where.sql} OR {said}", (*where.params, *(f'%"{name}":"%{escaped}%' for name in titles)))


def _actions(visit: "Visit", text: str) -> Group:
    """Kinds to create, and lists to open, by their titles in either language."""
    hits = []
    for kind in visit.kernel.registry:
        meta = kind.meta
        if not any(text.lower() in title.lower() for title in (*meta.title, *plural(meta))):
            continue
        if may_read_any(visit, kind):
            hits.append(
                Hit(meta.icon, plural(meta).in_(visit.language), T("打开列表", "open the list"), f"/{meta.plural}")
            )
        if may_create(visit, kind):
            new = T(f"新建{meta.title.zh}", f"New {meta.title.en}").in_(visit.language)
            hits.append(Hit("plus", new, T("", ""), f"/{meta.plural}:create"))
    return Group(ACTIONS, tuple(hits))
