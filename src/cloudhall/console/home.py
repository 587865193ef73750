"""Home: what needs the visitor, what runs and how it is, what it costs, what changed, and where to begin.

What it costs is a domain's own page of the view `home`; the console knows no bill. Cost: for each kind with a
controller at most `STATES_OF_MAX` rows are read to count their states; beyond that only their number is shown.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from cloudhall.console import formats, needs, permissions, timeline
from cloudhall.console.equivalents import Call
from cloudhall.console.names import Named, display
from cloudhall.console.navigation import COUNTED_MAX, GROUPS, plural
from cloudhall.console.pages import joined
from cloudhall.console.places import path_to
from cloudhall.console.values import WORST_FIRST
from cloudhall.kernel import places, witnesses
from cloudhall.kernel.kinds import Kind, Meta
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.roles import AUDIT_ADMIN, ROLES
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import STATES, state_of

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

STATES_OF_MAX = 500
HISTORY_MAX = 10
ROLES_MAX = 8
ORDER = {key: i for i, key in enumerate(sorted(GROUPS, key=lambda key: key != "use"))}  # what people come for first


class Count(NamedTuple):
    """How many resources are in a state."""

    state: str
    word: T
    n: int


class Running(NamedTuple):
    """One kind: how many there are, in which states, the worst first; `rows` are those that were read for it."""

    title: T
    icon: str
    href: str
    number: int
    counted: str
    states: tuple[Count, ...]
    rows: Sequence[Kind[Any, Any]]
    runs: bool
    listed: bool


class Begin(NamedTuple):
    """Something to make; what is rented comes first, and has the page's own button."""

    title: T
    doc: T
    icon: str
    href: str
    rents: bool


class Role(NamedTuple):
    """A role that the visitor holds, and where."""

    title: T
    where: Named


class Log(NamedTuple):
    """How the audit log stands, for whoever watches over it."""

    size: int
    at: formats.Moment
    witnesses: int
    alarms: int


def home(visit: "Visit") -> Response:
    """Page of the place in use."""
    kinds = sorted(visit.kernel.registry, key=lambda k: ORDER.get(k.meta.group, len(ORDER)))
    counted = [_running(visit, k) for k in kinds if permissions.may_read_any(visit, k)]
    narrow = visit.place.project or visit.place.organisation
    above = visit.place.organisation if visit.place.project else None
    begin = [_begin(k.meta) for k in kinds if k.meta.group and permissions.may_create(visit, k)]
    held = _roles(visit)
    return visit.page(
        "home.html",
        call=Call("GET", "/whoami", ("whoami",)),
        crumbs=path_to(visit, visit.place.id)[:-1],
        title=display(narrow, visit.language) if narrow else "",
        above=display(above, visit.language) if above else "",
        today=formats.day(visit.now_us, visit.language),
        needs=needs.of(visit, (r for k in counted for r in k.rows)),
        running=[r for r in counted if r.runs and r.number and r.listed],
        registered=[r for r in counted if not r.runs and r.number and r.listed],
        begin=begin,
        roles=held,
        ask=[] if held else permissions.whom_to_ask(visit),
        log=_log(visit),
        history=timeline.latest(visit, HISTORY_MAX),
        panels=_panels(visit),
    )


def _running(visit: "Visit", kind: AnyKind) -> Running:
    meta = kind.meta
    where = visit.place.where(meta)
    count = visit.kernel.count(visit.caller, kind, where, COUNTED_MAX)
    few = meta.controller is not None and count <= STATES_OF_MAX
    rows = visit.kernel.page(visit.caller, kind, where, limit=STATES_OF_MAX) if few else []
    return Running(
        title=plural(meta),
        icon=meta.icon,
        href=f"/{meta.plural}",
        number=count,
        counted=formats.counted(count, COUNTED_MAX),
        states=_states(rows),
        rows=rows,
        runs=meta.controller is not None,
        listed=bool(meta.group),
    )


def _states(rows: Iterable[Kind[Any, Any]]) -> tuple[Count, ...]:
    states = Counter(state_of(r) for r in rows)
    return tuple(Count(s, STATES[s], states[s]) for s in WORST_FIRST if states[s])


def _begin(meta: Meta) -> Begin:
    return Begin(meta.title, meta.doc, meta.icon, f"/{meta.plural}:create", meta.group == "use")


def _roles(visit: "Visit") -> list[Role]:
    """Roles that the visitor holds, themselves or with their organisation."""
    granted = visit.kernel.authority.subject(visit.tx, visit.caller).granted
    pairs = [(role, where) for role, wheres in granted.items() for where in sorted(wheres) if role in ROLES]
    return [Role(ROLES[role], visit.names.of(where)) for role, where in pairs[:ROLES_MAX]]


def _log(visit: "Visit") -> Log | None:
    """How the log stands, for an auditor of the platform; nothing before its first signature."""
    held = visit.kernel.authority.subject(visit.tx, visit.caller).granted
    head = visit.kernel.audit.latest(visit.tx) if places.PLATFORM in held.get(AUDIT_ADMIN, ()) else None
    if head is None:
        return None
    standings = [witnesses.standing(visit.tx, witness) for witness in visit.kernel.witnesses]
    at = formats.moment(head.at_us, visit.language, visit.now_us)
    return Log(head.size, at, len(standings), sum(s.alarm for s in standings))


def _panels(visit: "Visit") -> list[Markup]:
    """Sections that domains add, each from a template of its own."""
    kinds = [visit.kernel.registry.kind(key) for key, view in visit.console.pages if view == "home"]
    query = {**visit.query, "in": visit.place.id}
    pages = [joined(visit, k, "home", None, query) for k in kinds if permissions.may_read_any(visit, k)]
    return [visit.html(page["body"], **page) for page in pages]
