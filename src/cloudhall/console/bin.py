"""The recycle bin: what lies in it, back with one click, or destroyed after everything that goes is named."""

from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from cloudhall.console import formats
from cloudhall.console.details import crumbs
from cloudhall.console.equivalents import bin_list
from cloudhall.console.names import Named, display
from cloudhall.console.permissions import needs_role
from cloudhall.kernel import bin as bin_
from cloudhall.kernel import recovery
from cloudhall.kernel.commands import Command, Planner
from cloudhall.kernel.errors import CloudhallError, Conflict, Invalid, Problem
from cloudhall.kernel.kinds import PURGE, RESTORE, Kind
from cloudhall.kernel.recoverable import Content, held_by
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import state_of

if TYPE_CHECKING:
    from typing import Any

    from cloudhall.console.visit import Visit

PAGE = 100


class Entry(NamedTuple):
    """One thing in the bin; `refused` says why the visitor may not have it back."""

    r: "Kind[Any, Any]"
    title: str
    place: Named
    by: Named
    at: formats.Moment
    until: formats.Moment
    state: str
    withdrawn: bool
    holds: tuple[Content, ...]
    with_it: tuple[Named, ...]
    cost_fen: int | None
    href: str
    refused: T | None


def index(visit: "Visit") -> Response:
    """What was deleted, the last first, within the place in use."""
    return _index(visit, None)


def restore(visit: "Visit", kind: AnyKind, target: str) -> Response:
    """Bring something back; what stands in the way is said beside the list."""
    try:
        command = Command(kind=kind, verb=RESTORE, target=target)
        body = visit.kernel.execute(visit.caller, command).result().body
    except CloudhallError as error:
        return _index(visit, error)
    return visit.go(f"/{kind.meta.plural}/{body['id']}?done={RESTORE}")


def purge_form(visit: "Visit", kind: AnyKind, target: str) -> Response:
    """Exactly what would be destroyed, and the name to type."""
    return _purge_page(visit, _found(visit, kind, target), None)


def purge(visit: "Visit", kind: AnyKind, target: str) -> Response:
    """Destroy what was named rightly."""
    r = _found(visit, kind, target)
    try:
        if visit.posted("name").strip() != r.name:
            text = T(f"键入的名称与 {r.name} 不符", f"What was typed is not {r.name}")
            raise Invalid(text, problems=(Problem("NAME", "/name", text),))
        visit.kernel.execute(visit.caller, Command(kind=kind, verb=PURGE, target=r.id)).result()
    except CloudhallError as error:
        return _purge_page(visit, r, error)
    return visit.go(f"/bin?done={PURGE}")


def _index(visit: "Visit", error: CloudhallError | None) -> Response:
    rows = recovery.listing(visit.kernel, visit.caller, PAGE + 1, place=visit.place.id)
    return visit.page(
        "bin.html",
        status=error.status if error else 200,
        call=bin_list(visit.place_name(visit.place.id) if visit.place.id else ""),
        entries=[_entry(visit, r) for r in rows[:PAGE]],
        more=len(rows) > PAGE,
        wrong=error,
        done=visit.query.get("done", ""),
    )


def _entry(visit: "Visit", r: "Kind[Any, Any]") -> Entry:
    kept, meta = r.kept, type(r).meta
    assert kept is not None
    cost = visit.kernel.costs(r) if visit.kernel.costs else None
    may = visit.kernel.authority.may(visit.tx, visit.caller, RESTORE, r)
    return Entry(
        r=r,
        title=display(r, visit.language),
        place=visit.names.of(r.place),
        by=visit.names.of(kept.actor),
        at=formats.moment(kept.at_us, visit.language, visit.now_us),
        until=formats.moment(kept.until_us, visit.language, visit.now_us),
        state=state_of(r),
        withdrawn=kept.withdrawn_us is not None,
        holds=tuple(c for c in held_by(r) if c.amount),
        with_it=_with_it(visit, r),
        cost_fen=cost["total_fen"] if cost else None,
        href=f"/{meta.plural}/{r.id}",
        refused=None if may else needs_role(meta.actions[RESTORE].allow),
    )


def _with_it(visit: "Visit", r: "Kind[Any, Any]") -> tuple[Named, ...]:
    """What went along; it has no page of its own any more."""
    with_it = bin_.with_owner(visit.kernel.tables, visit.tx, r.id)
    return tuple(Named(display(o, visit.language), "", type(o).meta.title) for o in with_it)


def _found(visit: "Visit", kind: AnyKind, target: str) -> "Kind[Any, Any]":
    planner = Planner(visit.kernel, visit.tx, visit.caller)
    return recovery.find(planner, Command(kind=kind, verb=PURGE, target=target))


def _purge_page(visit: "Visit", r: "Kind[Any, Any]", error: CloudhallError | None) -> Response:
    """Dry run of the destruction: what goes, or what stands in the way."""
    meta, refused = type(r).meta, None
    try:
        visit.kernel.plan(visit.caller, Command(kind=type(r), verb=PURGE, target=r.id))
    except Conflict as conflict:
        refused = conflict
    return visit.page(
        "purge.html",
        status=error.status if error else 200,
        call=visit.console.equivalents.act(meta, visit.target(r), PURGE, {}),
        r=r,
        meta=meta,
        title=display(r, visit.language),
        crumbs=crumbs(visit, r),
        href=f"/{meta.plural}/{r.id}",
        holds=held_by(r),
        with_it=_with_it(visit, r),
        refused=refused,
        wrong=None if refused else error,
        typed=visit.posted("name"),
    )
