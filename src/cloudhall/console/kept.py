"""What a visitor keeps of a list: filters under a name, and the columns that they like. Each button is a post."""

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from cloudhall.console.asked import Asked, paths_of
from cloudhall.domains.identity import views
from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


class Saved(NamedTuple):
    """A named filter as a chip; `here` says that the list shows it now."""

    name: str
    href: str
    here: bool


def saved(asked: Asked) -> list[Saved]:
    """Filters that the visitor named for this list."""
    meta, visit = asked.kind.meta, asked.visit
    here, found = _query(asked), views.named(visit.tx, visit.caller.id, meta.key)
    return [Saved(v.name, f"/{meta.plural}?{v.query}", v.query == here) for v in found]


def keep(visit: "Visit", kind: AnyKind) -> Response:
    """Keep the filter of the address under a name, or take a name away."""
    asked, person, key = Asked(visit, kind), visit.caller.id, kind.meta.key
    if gone := visit.posted("forget"):
        visit.kernel.store.write(lambda tx: views.forget(tx, person, key, gone)).result()
        return visit.go(asked.address())
    view = views.View(_named(visit.posted("name").strip()), _query(asked))
    visit.kernel.store.write(lambda tx: views.keep(tx, person, key, view)).result()
    return visit.go(asked.address())


def choose(visit: "Visit", kind: AnyKind) -> Response:
    """Remember the columns that were ticked, and show them; without any, the kind's own again."""
    asked, person, key = Asked(visit, kind), visit.caller.id, kind.meta.key
    known, ticked = paths_of(kind.meta), {text for name, text in visit.form if name == "columns"}
    chosen = [] if visit.posted("reset") else [path for path in known if path in ticked]
    visit.kernel.store.write(lambda tx: views.choose(tx, person, key, chosen)).result()
    return visit.go(asked.address(columns=chosen or None))


def _query(asked: Asked) -> str:
    """Query of the list's address in one order, without paging; the place stays what the visitor works in."""
    return urlencode(sorted(parse_qsl(asked.address(**{"in": None}).partition("?")[2])))


def _named(name: str) -> str:
    if 0 < len(name) <= views.NAME_LENGTH_MAX:
        return name
    text = T(
        f"筛选的名称应有 1 到 {views.NAME_LENGTH_MAX} 个字",
        f"The name of a filter has 1 to {views.NAME_LENGTH_MAX} letters",
    )
    raise Invalid(text, problems=(Problem("LENGTH", "/name", text),))
