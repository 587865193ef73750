"""The page of one resource: state with its reason, properties, conditions, what belongs to it, what happened.

How to get rid of it stands last. A domain's own page takes the place of the middle; head, status line and end stay.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import Response

from cloudhall.console import documents, formats, navigation, permissions, standing, timeline, values
from cloudhall.console.names import Named, display
from cloudhall.console.pages import joined
from cloudhall.console.places import path_to
from cloudhall.kernel import quotas
from cloudhall.kernel.access import access
from cloudhall.kernel.authority import verb_title
from cloudhall.kernel.fields import FieldInfo, fields_of
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import STATES, deciding, state_of

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

CHILDREN_SHOWN = 5
OF_THE_KERNEL = {"conditions", "observed_generation"}
TONES = {"ready": "ok", "working": "run", "attention": "warn", "failed": "bad", "deleting": "run", "binned": "off"}


class State(NamedTuple):
    """Status line: state in a word, why, since when."""

    key: str
    tone: str
    word: T
    reason: T | None
    code: str
    since: formats.Moment | None


class Property(NamedTuple):
    """One field with its value."""

    title: T
    shown: values.Shown


class ConditionRow(NamedTuple):
    """One condition; failing ones come first."""

    type: str
    holds: bool
    reason: str
    text: T
    since: formats.Moment


class Room(NamedTuple):
    """A quota that the resource draws on, in its place."""

    title: T
    unit: str
    used: int
    room: int
    mine: int


class Related(NamedTuple):
    """Resources of one kind that refer to this one."""

    title: T
    icon: str
    number: int
    rows: tuple[tuple[Named, str], ...]
    all_href: str
    create_href: str


def detail(visit: "Visit", kind: AnyKind, target: str) -> Response:
    """Page of a resource, by name or id."""
    r = visit.kernel.find(visit.caller, kind, target)
    meta = kind.meta
    offers = permissions.offers(visit, r)
    seen = (i for i in fields_of(meta.status).values() if i.name not in OF_THE_KERNEL)
    context = joined(
        visit,
        kind,
        "detail",
        r,
        visit.query,
        **frame(visit, r),
        offers=[o for o in offers if o.reason is None],
        off=[o for o in offers if o.reason is not None],
        deletion=permissions.deletion(visit, r),
        spec=_properties(visit, fields_of(meta.spec).values(), r.spec),
        seen=_properties(visit, seen, r.status),
        conditions=_conditions(visit, r),
        standing=standing.of(visit, r),
        related=[x for x in (_related(visit, r, k, path) for k, path in _children(visit, kind)) if x],
        rooms=_rooms(visit, r),
        cost=_cost(visit, r),
        history=timeline.of_resource(visit, r),
        documents=documents.of_resource(visit, r),
        done=visit.query.get("done", ""),
        **access_of(visit, r),
    )
    return visit.page("detail.html", call=visit.console.equivalents.get(meta, visit.target(r)), **context)


def access_of(visit: "Visit", r: Kind[Any, Any]) -> dict[str, Any]:
    """Who can do what here, and why; and where one may share it."""
    grants = next((k for k in visit.kernel.registry if k.meta.grants), None)
    share = ""
    if grants is not None and grants.meta.grants is not None and _may_share(visit, r, grants):
        share = f"/{grants.meta.plural}:create?{grants.meta.grants.resource}={r.id}&{grants.meta.scope}={r.place}"
    meta = type(r).meta
    return {
        "access": access(visit.kernel, visit.tx, visit.caller, r),
        "say_verb": lambda verb: verb_title(meta, verb),
        "needs": lambda verb: permissions.needs_role(permissions.allowed(meta, verb)),
        "roles": ROLES,
        "share": share,
    }


def _may_share(visit: "Visit", r: Kind[Any, Any], grants: AnyKind) -> bool:
    return not type(r).meta.place and r.deleting_us is None and permissions.may_create(visit, grants)


def frame(visit: "Visit", r: Kind[Any, Any]) -> dict[str, Any]:
    """What every page about one resource shows at its head."""
    meta = type(r).meta
    title = display(r, visit.language)
    return {
        "r": r,
        "meta": meta,
        "title": title,
        "plural": navigation.plural(meta),
        "crumbs": crumbs(visit, r),
        "href": f"/{meta.plural}/{r.id}",
        "state": _state(visit, r),
    }


def crumbs(visit: "Visit", r: Kind[Any, Any]) -> list[tuple[str, str]]:
    """Path to the place that a resource lies in."""
    return path_to(visit, "" if type(r).meta.scope == "platform" else r.place)


def _state(visit: "Visit", r: Kind[Any, Any]) -> State:
    """Reason and time come from the condition that decided the state."""
    key = state_of(r)
    said = deciding(r)
    since = formats.moment(said.since_us, visit.language, visit.now_us) if said else None
    reason, code = (said.text, said.reason) if said and said.reason else (None, "")
    return State(key, TONES[key], STATES[key], reason, code, since)


def _properties(visit: "Visit", infos: Iterable[FieldInfo], part: Any) -> list[Property]:
    show = values.Values(visit.language, visit.now_us, visit.names)
    return [Property(info.title, show.show(info, getattr(part, info.name))) for info in infos]


def _conditions(visit: "Visit", r: Kind[Any, Any]) -> list[ConditionRow]:
    """`Stalled` is the one condition that is bad when it holds."""
    rows = [
        ConditionRow(
            c.type,
            c.status == (c.type != "Stalled"),
            c.reason,
            c.text,
            formats.moment(c.since_us, visit.language, visit.now_us),
        )
        for c in r.status.conditions
    ]
    return sorted(rows, key=lambda c: c.holds)


def _children(visit: "Visit", kind: AnyKind) -> list[tuple[AnyKind, str]]:
    return [(k, p) for k, p in visit.kernel.registry.children(kind.meta.key) if permissions.may_read_any(visit, k)]


def _related(visit: "Visit", r: Kind[Any, Any], kind: AnyKind, path: str) -> Related | None:
    """Children under one reference; nothing where there are none and none can be made."""
    where = Where(f"{path.replace('.', '_')} = ?", (r.id,))
    rows = visit.kernel.page(visit.caller, kind, where, limit=CHILDREN_SHOWN)
    may_create = r.deleting_us is None and permissions.may_create(visit, kind)
    if not rows and not may_create:
        return None
    meta = kind.meta
    asks = {index.path: name for name, (index, _) in visit.console.filters[kind].indexes.items()}
    return Related(
        title=navigation.plural(meta),
        icon=meta.icon,
        number=visit.kernel.count(visit.caller, kind, where),
        rows=tuple((visit.names.resource(c), state_of(c)) for c in rows),
        all_href=f"/{meta.plural}?{asks[path]}={r.id}",
        create_href=f"/{meta.plural}:create?{path}={r.id}" if may_create else "",
    )


def _cost(visit: "Visit", r: Kind[Any, Any]) -> dict[str, Any] | None:
    """Cost this month, for whoever may read the statement that says so."""
    found = visit.kernel.costs(r) if visit.kernel.costs else None
    return found if found and visit.names.of(found["statement"]).href else None


def _rooms(visit: "Visit", r: Kind[Any, Any]) -> list[Room]:
    found = []
    for quota in type(r).meta.quotas:
        room = quotas.room(visit.tx, r.place, quota)
        mine = int(values.at(r, quota.path))
        found.append(Room(quota.title, quota.unit, room.used, room.room, mine))
    return found
