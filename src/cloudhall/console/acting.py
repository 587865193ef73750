"""Actions and deletion: what is asked, what would happen, and the deed."""

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from cloudhall.console import drafts, forms, permissions
from cloudhall.console.details import frame
from cloudhall.console.foresight import Foresight, foresee
from cloudhall.console.names import Named
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import CloudhallError, Conflict, Invalid, NotFound, Problem
from cloudhall.kernel.kinds import Action, Kind
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


def action_form(visit: "Visit", kind: AnyKind, target: str, verb: str) -> Response:
    """What an action asks, and what it will do."""
    r = visit.kernel.find(visit.caller, kind, target)
    return _action_page(visit, r, _action(kind, verb), None)


def act(visit: "Visit", kind: AnyKind, target: str, verb: str) -> Response:
    """Run an action, or say only what it would change."""
    r, action = visit.kernel.find(visit.caller, kind, target), _action(kind, verb)
    command = _command(visit, r, action)
    try:
        if visit.posted("step") == "check":
            visit.kernel.plan(visit.caller, command)
            return _action_page(visit, r, action, None)
        visit.kernel.execute(visit.caller, command).result()
    except Invalid as error:
        return _action_page(visit, r, action, error)
    return visit.go(f"/{kind.meta.plural}/{r.id}?done={verb}")


def deletion_form(visit: "Visit", kind: AnyKind, target: str) -> Response:
    """What goes along, and the name to type."""
    return _deletion_page(visit, visit.kernel.find(visit.caller, kind, target), None)


def delete(visit: "Visit", kind: AnyKind, target: str) -> Response:
    """Delete what was named rightly."""
    r = visit.kernel.find(visit.caller, kind, target)
    try:
        _require_name(r, visit.posted("name"))
        visit.kernel.execute(visit.caller, Command(kind=kind, verb="delete", target=r.id)).result()
    except CloudhallError as error:
        return _deletion_page(visit, r, error)
    return visit.go(f"/{'bin' if kind.meta.recoverable_days else kind.meta.plural}?done=delete")


def _action(kind: AnyKind, verb: str) -> Action:
    action = kind.meta.actions.get(verb)
    if action is None:
        title = kind.meta.title
        raise NotFound(T(f"{title.zh}没有操作 {verb}", f"{title.en} has no action {verb}"))
    return action


def _command(visit: "Visit", r: Kind[Any, Any], action: Action) -> Command:
    args = forms.read(action.args, "args", visit.form)
    return Command(kind=type(r), verb=action.name, target=r.id, args=args)


def _foreseen(visit: "Visit", r: Kind[Any, Any], action: Action) -> Foresight | CloudhallError | None:
    """What it would change as it stands, or why not; nothing while answers are missing."""
    try:
        return foresee(visit, visit.kernel.plan(visit.caller, _command(visit, r, action)))
    except Invalid:
        return None
    except CloudhallError as error:
        return error


def _action_page(visit: "Visit", r: Kind[Any, Any], action: Action, error: Invalid | None) -> Response:
    meta = type(r).meta
    unticked = forms.unticked(action.args, "args") if visit.form else {}
    fields = forms.controls(action.args, "args", unticked | forms.texts_posted(visit.form), {})
    offer = next(o for o in permissions.offers(visit, r) if o.verb == action.name)
    foreseen = None if error or offer.reason else _foreseen(visit, r, action)
    return visit.page(
        "action.html",
        status=error.status if error else 200,
        call=visit.console.equivalents.act(meta, visit.target(r), action.name, _command(visit, r, action).args),
        action=action,
        offer=offer,
        foresight=foreseen if isinstance(foreseen, Foresight) else None,
        refused=foreseen if isinstance(foreseen, CloudhallError) else None,
        controls=forms.with_problems(fields, error.problems if error else ()),
        summary=drafts.summary(fields, error),
        **frame(visit, r),
    )


def _deletion_page(visit: "Visit", r: Kind[Any, Any], error: CloudhallError | None) -> Response:
    """Dry run of the deletion: what goes along, or what stands in the way."""
    meta = type(r).meta
    foresight: Foresight | None = None
    refused: Conflict | None = None
    try:
        foresight = foresee(visit, visit.kernel.plan(visit.caller, Command(kind=type(r), verb="delete", target=r.id)))
    except Conflict as conflict:
        refused = conflict
    return visit.page(
        "delete.html",
        status=error.status if error else 200,
        call=visit.console.equivalents.delete(meta, visit.target(r)),
        foresight=foresight,
        refused=refused,
        blocking=_blocking(visit, refused),
        wrong=None if refused else error,
        typed=visit.posted("name"),
        **frame(visit, r),
    )


def _blocking(visit: "Visit", refused: Conflict | None) -> list[Named]:
    """What must go first, each with its page; what lies in the bin leads there."""
    found = []
    for b in refused.details.get("blocking", ()) if refused else ():
        named = visit.names.of(b["id"])
        in_bin = b.get("in_bin")
        text = named.text if named.href else b["name"]
        found.append(Named(text, "/bin" if in_bin else named.href, b["title"]))
    return found


def _require_name(r: Kind[Any, Any], typed: str) -> None:
    """A deletion is confirmed by the name: no click lands on the wrong thing."""
    if typed.strip() != r.name:
        text = T(f"键入的名称与 {r.name} 不符", f"What was typed is not {r.name}")
        raise Invalid(text, problems=(Problem("NAME", "/name", text),))
