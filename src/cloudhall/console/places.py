"""Where a visitor works: an organisation, a project, or everywhere that they may see.

A place narrows lists and counts; it never widens what policy allows.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.console.names import Named, display
from cloudhall.kernel import places
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.kinds import Kind, Meta
from cloudhall.kernel.registry import AnyKind, Registry
from cloudhall.kernel.store.tables import LIVE, Sort, Where
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

SHOWN_MAX = 100
PLATFORM = T("平台", "Platform")  # the one place that every installation has; there are no regions
BY_NAME = Sort("name", descending=False)
_BELOW = "{column} IN (SELECT descendant FROM place WHERE ancestor = ?)"


class Place(NamedTuple):
    """Organisation and project in use; None is all of them. `id` is the narrower of the two, empty for everywhere."""

    organisation: Kind[Any, Any] | None = None
    project: Kind[Any, Any] | None = None

    @property
    def id(self) -> str:
        """Place that lists are narrowed to."""
        narrow = self.project or self.organisation
        return narrow.id if narrow else ""

    def id_for(self, meta: Meta) -> str:
        """Place that counts for a kind: people of an organisation are not people of its project."""
        if meta.scope == "platform":
            return ""
        if meta.scope == "project":
            return self.id
        return self.organisation.id if self.organisation else ""

    def is_one_for(self, meta: Meta) -> bool:
        """Whether all rows of a kind that are shown lie in one and the same place."""
        chosen = self.project if meta.scope == "project" else self.organisation
        return meta.scope == "platform" or chosen is not None

    def where(self, meta: Meta) -> Where:
        """Condition that leaves a kind's rows in and below the place."""
        place = self.id_for(meta)
        column = "id" if meta.place else "place"
        return Where(_BELOW.format(column=column), (place,)) if place else LIVE


class Switch(NamedTuple):
    """One switcher of the top bar: what is chosen, and what may be chosen."""

    chosen: str
    options: tuple[Named, ...]


def place_kind(registry: Registry, scope: str) -> AnyKind | None:
    """Kind whose rows are the places of a scope."""
    return next((k for k in registry if k.meta.place and k.meta.name == scope), None)


def place_of(visit: "Visit", asked: str) -> Place:
    """Place behind an id that was asked for or remembered; else the only one; else everywhere."""
    projects, organisations = (place_kind(visit.kernel.registry, s) for s in ("project", "organisation"))
    if projects is None or organisations is None:
        return Place()
    project = _found(visit, projects, asked) or (None if asked else _only(visit, projects))
    organisation = _found(visit, organisations, project.place if project else asked)
    return Place(organisation or (None if asked else _only(visit, organisations)), project)


def switches(visit: "Visit") -> tuple[tuple[str, Switch], ...]:
    """Switchers that have something to switch: organisations that may be seen, and projects of the chosen one."""
    found = []
    for scope, chosen in (("organisation", visit.place.organisation), ("project", visit.place.project)):
        kind = place_kind(visit.kernel.registry, scope)
        options = _options(visit, kind) if kind else ()
        if options:
            found.append((scope, Switch(display(chosen, visit.language) if chosen else "", options)))
    return tuple(found)


def path_to(visit: "Visit", place: str) -> list[tuple[str, str]]:
    """Platform, organisation and project down to a place, as far as the visitor may see them: text and address."""
    found = []
    for scope in ("project", "organisation"):
        kind = place_kind(visit.kernel.registry, scope)
        if kind and place.startswith(kind.meta.prefix):
            named = visit.names.of(place)
            row = visit.kernel.tables[kind].get(visit.tx, place)
            found += [(named.text, f"/?in={place}")] if named.href else []
            place = row.place if row else ""
    return [(PLATFORM.in_(visit.language), "/?in="), *reversed(found)]


def projects_of(visit: "Visit", limit: int) -> list[Kind[Any, Any]]:
    """Projects in and below the place in use, by name, as far as the visitor may read them."""
    kind = place_kind(visit.kernel.registry, "project")
    return visit.kernel.page(visit.caller, kind, visit.place.where(kind.meta), BY_NAME, limit=limit) if kind else []


def creatable(visit: "Visit", kind: AnyKind) -> list[Kind[Any, Any]]:
    """Places in which a kind can lie and that the visitor may see, the one in use first.

    What lies in organisations may lie in a project as well (a role granted on one project), places themselves not.
    """
    scopes = [kind.meta.scope, *(["project"] if kind.meta.scope == "organisation" and not kind.meta.place else [])]
    kinds = [k for k in (place_kind(visit.kernel.registry, s) for s in scopes) if k]
    rows = [r for k in kinds for r in visit.kernel.page(visit.caller, k, sort=BY_NAME, limit=SHOWN_MAX)]
    chosen = visit.place.id_for(kind.meta)
    return sorted(rows, key=lambda r: (r.id != chosen, chosen not in places.ancestors(visit.tx, r.id)))


def _options(visit: "Visit", kind: AnyKind) -> tuple[Named, ...]:
    within = visit.place.where(kind.meta) if kind.meta.name == "project" else LIVE
    rows = visit.kernel.page(visit.caller, kind, within, BY_NAME, limit=SHOWN_MAX)
    return tuple(Named(display(r, visit.language), r.id) for r in rows)


def _only(visit: "Visit", kind: AnyKind) -> Kind[Any, Any] | None:
    """Return the one place of its kind, where the visitor sees no other."""
    few = visit.kernel.page(visit.caller, kind, limit=2)
    return few[0] if len(few) == 1 else None


def _found(visit: "Visit", kind: AnyKind, id_: str) -> Kind[Any, Any] | None:
    try:
        return visit.kernel.find(visit.caller, kind, id_) if id_.startswith(kind.meta.prefix) else None
    except NotFound:
        return None
