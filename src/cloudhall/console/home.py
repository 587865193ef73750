"""Home: what runs and how it is, what changed, what it costs, and where to begin.

What it costs is a domain's own page of the view `home`; the console knows no bill. Cost: for each kind with a
controller at most `STATES_OF_MAX` rows are read to count their states; beyond that only their number is shown.
"""

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from cloudhall.console import formats, permissions, timeline
from cloudhall.console.equivalents import Call
from cloudhall.console.names import display
from cloudhall.console.navigation import GROUPS, plural
from cloudhall.console.pages import joined
from cloudhall.console.values import WORST_FIRST
from cloudhall.kernel.kinds import Meta
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import STATES, state_of

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

STATES_OF_MAX = 500
HISTORY_MAX = 10
ORDER = {key: i for i, key in enumerate(sorted(GROUPS, key=lambda key: key != "use"))}  # what people come for first


class Count(NamedTuple):
    """How many resources are in a state."""

    state: str
    word: T
    n: int


class Running(NamedTuple):
    """One kind: how many there are, in which states, the worst first."""

    title: T
    icon: str
    href: str
    number: int
    states: tuple[Count, ...]
    runs: bool


class Begin(NamedTuple):
    """Something to rent or make."""

    title: T
    doc: T
    icon: str
    href: str


def home(visit: "Visit") -> Response:
    """Page of the place in use."""
    kinds = sorted((k for k in visit.kernel.registry if k.meta.group), key=lambda k: ORDER[k.meta.group])
    counted = [_running(visit, k) for k in kinds if permissions.may_read_any(visit, k)]
    narrow = visit.place.project or visit.place.organisation
    above = visit.place.organisation if visit.place.project else None
    return visit.page(
        "home.html",
        call=Call("GET", "/whoami", ("whoami",)),
        title=display(narrow, visit.language) if narrow else "",
        above=display(above, visit.language) if above else "",
        today=formats.day(visit.now_us, visit.language),
        running=[r for r in counted if r.runs and r.number],
        registered=[r for r in counted if not r.runs and r.number],
        begin=[_begin(k.meta) for k in kinds if permissions.may_create(visit, k)],
        history=timeline.latest(visit, HISTORY_MAX),
        panels=_panels(visit),
    )


def _running(visit: "Visit", kind: AnyKind) -> Running:
    meta = kind.meta
    where = visit.place.where(meta)
    count = visit.kernel.count(visit.caller, kind, where)
    states: Counter[str] = Counter()
    if meta.controller and count <= STATES_OF_MAX:
        states.update(state_of(r) for r in visit.kernel.page(visit.caller, kind, where, limit=STATES_OF_MAX))
    shown = tuple(Count(s, STATES[s], states[s]) for s in WORST_FIRST if states[s])
    return Running(plural(meta), meta.icon, f"/{meta.plural}", count, shown, meta.controller is not None)


def _begin(meta: Meta) -> Begin:
    return Begin(meta.title, meta.doc, meta.icon, f"/{meta.plural}:create")


def _panels(visit: "Visit") -> list[Markup]:
    """Sections that domains add, each from a template of its own."""
    kinds = [visit.kernel.registry.kind(key) for key, view in visit.console.pages if view == "home"]
    query = {**visit.query, "in": visit.place.id}
    pages = [joined(visit, k, "home", None, query) for k in kinds if permissions.may_read_any(visit, k)]
    return [visit.html(page["body"], **page) for page in pages]
