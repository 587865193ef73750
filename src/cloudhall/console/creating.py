"""Creating in three steps: fill in, check the answers and what will happen, done.

Nothing is kept on the server between the steps: the form travels along, so that back, reload and a second tab work.
The check page carries an idempotency key; sending it twice creates once, and shows the secret again for that key alone.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from starlette.responses import HTMLResponse, Response

from cloudhall.console import forms, navigation, permissions, values
from cloudhall.console.drafts import Draft, call_of, controls_of, draft_of, summary
from cloudhall.console.foresight import Foresight, foresee
from cloudhall.console.forms import Control
from cloudhall.console.names import display
from cloudhall.console.pages import joined
from cloudhall.console.places import place_kind
from cloudhall.kernel import places
from cloudhall.kernel.errors import CloudhallError, Forbidden, Invalid, NotFound
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.ids import new_id
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

NOT_ANSWERS = {"step", "csrf", "key"}


class Answered(NamedTuple):
    """One answer on the check page."""

    control: Control
    shown: values.Shown
    is_default: bool


def form(visit: "Visit", kind: AnyKind) -> Response:
    """Empty form; the address may fill fields in: `?spec.bucket=…`."""
    return _form_page(visit, draft_of(visit, kind, list(visit.query.items())), None, fresh=True)


def submit(visit: "Visit", kind: AnyKind) -> Response:
    """Go one step on: check what was filled in, or create what was checked; or back, to change something."""
    draft, step = draft_of(visit, kind, visit.form), visit.posted("step")
    if step == "form":
        return _form_page(visit, draft, None)
    try:
        if step == "confirm":
            return _create(visit, draft)
        return _check_page(visit, draft, foresee(visit, visit.kernel.plan(visit.caller, draft.command())))
    except CloudhallError as error:
        return _form_page(visit, draft, error)


def preview(visit: "Visit", kind: AnyKind) -> Response:
    """Say beside the form what would happen now; a script asks for it while somebody types."""
    draft = draft_of(visit, kind, visit.form)
    return HTMLResponse(visit.html("verdict.html", call=call_of(visit, draft), **_verdict(visit, draft)))


def _form_page(visit: "Visit", draft: Draft, error: CloudhallError | None, *, fresh: bool = False) -> Response:
    meta = draft.kind.meta
    problems = error.problems if isinstance(error, Invalid) else ()
    fields = forms.with_problems(controls_of(visit, draft, fresh=fresh), problems)
    return visit.page(
        "create.html",
        status=error.status if error else 200,
        call=call_of(visit, draft),
        plural=navigation.plural(meta),
        main=[c for c in fields if c.required],
        more=[c for c in fields if not c.required],
        summary=summary(fields, error),
        **_verdict(visit, draft),
    )


def _check_page(visit: "Visit", draft: Draft, foresight: Foresight) -> Response:
    meta = draft.kind.meta
    show = values.Values(visit.language, visit.now_us, visit.names)
    return visit.page(
        "check.html",
        call=call_of(visit, draft),
        meta=meta,
        plural=navigation.plural(meta),
        answers=[_answered(visit, c, draft, show) for c in controls_of(visit, draft, fresh=False)],
        foresight=foresight,
        payer=_payer(visit, draft),
        fields=len(fields_of(meta.spec)) + 1,
        posted=[(k, v) for k, v in visit.form if k not in NOT_ANSWERS],
        key=new_id("ik", visit.kernel.world),
        at=visit.now_us,
    )


def _payer(visit: "Visit", draft: Draft) -> str:
    """Organisation that a statement with it goes to: the one above its project."""
    above = places.ancestors(visit.tx, draft.place) if draft.place else ()
    organisation = place_kind(visit.kernel.registry, "organisation")
    owner = next((id_ for id_ in above if organisation and id_.startswith(organisation.meta.prefix)), "")
    return visit.names.of(owner).text if owner else ""


def _create(visit: "Visit", draft: Draft) -> Response:
    answer = visit.kernel.execute(visit.caller, draft.command(visit.posted("key"))).result()
    meta, body = draft.kind.meta, answer.body
    if "secret" not in body:
        return visit.go(f"/{meta.plural}/{body['id']}?done=create")
    r = visit.kernel.tables[draft.kind].get(visit.tx, body["id"])
    if r is None:
        raise NotFound(T("它已经被删除", "It has been deleted already"))
    query = {**visit.query, "secret": body["secret"]}
    context = joined(
        visit,
        draft.kind,
        "created",
        r,
        query,
        meta=meta,
        plural=navigation.plural(meta),
        r=r,
        title=display(r, visit.language),
        href=f"/{meta.plural}/{r.id}",
        secret=body["secret"],
    )
    return visit.page("created.html", **context)


def _verdict(visit: "Visit", draft: Draft) -> dict[str, Any]:
    """Dry run of a draft, good or bad; a role that is missing is said before anything is filled in.

    Where nothing but a name is missing, price and quota are told all the same.
    """
    found: dict[str, Any] = {"meta": draft.kind.meta, "foresight": None, "refused": None, "reasons": []}
    try:
        return found | {"foresight": foresee(visit, visit.kernel.plan(visit.caller, draft.command()))}
    except CloudhallError as error:
        if not permissions.may_create(visit, draft.kind):
            needs = permissions.needs_role(draft.kind.meta.allow.get("create", ()))
            return found | {"refused": Forbidden(needs), "reasons": [needs]}
        reasons = [text for _, text in summary(controls_of(visit, draft, fresh=False), error)]
        nameless = not draft.name and all(p.pointer == "/name" for p in error.problems) and error.problems
        foresight = _unnamed(visit, draft) if nameless else None
        return found | {"refused": error, "reasons": reasons, "foresight": foresight}


def _unnamed(visit: "Visit", draft: Draft) -> Foresight | None:
    """What would happen under some name."""
    named = draft._replace(name=f"draft-{visit.kernel.world.random_bytes(6).hex()}")
    try:
        return foresee(visit, visit.kernel.plan(visit.caller, named.command()))
    except CloudhallError:
        return None


def _answered(visit: "Visit", control: Control, draft: Draft, show: values.Values) -> Answered:
    """Answer as it will be stored; what is no field of the spec as it was typed."""
    part, _, name = control.name.partition(".")
    if part != "spec":
        chosen = next((c.title.in_(visit.language) for c in control.choices if c.value == control.text), control.text)
        return Answered(control, values.Shown(chosen or values.ABSENT), is_default=False)
    default = msgspec.to_builtins(control.info.default)
    value = draft.spec.get(name, default)
    return Answered(control, show.show(control.info, value), control.info.has_default and value == default)
