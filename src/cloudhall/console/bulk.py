"""Delete or label all that a list's filter leaves, or the rows that were picked in it.

First the plan on a page, then exactly that, or the difference.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from starlette.responses import Response

from cloudhall.console import drafts, forms, navigation
from cloudhall.console.asked import Asked
from cloudhall.console.foresight import Price, price_of
from cloudhall.console.names import Named
from cloudhall.console.places import path_to
from cloudhall.kernel import bulk
from cloudhall.kernel.bulk import Bulk, Foreseen
from cloudhall.kernel.errors import CloudhallError, Conflict, Invalid, Problem
from cloudhall.kernel.kinds import Spec, field
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

VERBS = {"bulk_delete": "delete", "bulk_label": "update"}


class Labelling(Spec, frozen=True, kw_only=True):
    """What the form of labels asks."""

    put: Annotated[
        dict[str, str], field("加上的标签", "Labels to put on", T("每行一个 键=值", "key=value, one a line"))
    ] = {}  # noqa: RUF012  msgspec gives each instance its own
    take: Annotated[list[str], field("去掉的标签", "Labels to take off", T("每行一个键", "keys, one a line"))] = []  # noqa: RUF012  as above


class Line(NamedTuple):
    """One resource of a plan: what goes along with it, or why it stays as it is."""

    what: Named
    goes_too: tuple[Named, ...]
    refused: T | None


class Shown(NamedTuple):
    """A plan as a page shows it; `back` is room given back: title, amount, unit."""

    token: str
    lines: tuple[Line, ...]
    done: int
    back: tuple[tuple[T, int, str], ...]
    price: Price | None


def form(visit: "Visit", kind: AnyKind, verb: str) -> Response:
    """Page of a deletion with its plan, or the form of labels."""
    return _page(visit, kind, verb, {}, None, planned=verb == "bulk_delete")


def submit(visit: "Visit", kind: AnyKind, verb: str) -> Response:
    """Show the plan again (`step=check`), or do what it said."""
    labels: Mapping[str, Any] = {}
    try:
        labels = _labels(visit) if verb == "bulk_label" else {}
        if visit.posted("step") == "check":
            return _page(visit, kind, verb, labels, None, planned=True)
        _require_count(visit.posted("count"), visit.posted("typed"))
        asked = _bulk(_asked(visit, kind), verb, labels)
        bulk.execute(visit.kernel, visit.caller, asked, visit.posted("plan")).result()
    except (Conflict, Invalid) as error:
        return _page(visit, kind, verb, labels, error, planned=bool(labels) or verb == "bulk_delete")
    return visit.go(f"/{kind.meta.plural}?done={VERBS[verb]}")


def _page(
    visit: "Visit", kind: AnyKind, verb: str, labels: Mapping[str, Any], error: CloudhallError | None, *, planned: bool
) -> Response:
    asked, meta, refused = _asked(visit, kind), kind.meta, None
    plan: Shown | None = None
    if planned:
        try:
            plan = _shown(visit, bulk.foresee(visit.kernel, visit.caller, _bulk(asked, verb, labels)).result())
        except Invalid as too_many:
            refused = too_many
    controls = forms.controls(Labelling, "labels", forms.texts_posted(visit.form), {}) if verb == "bulk_label" else []
    call = visit.console.equivalents.bulk(meta, verb, asked.narrowing(), labels, plan.token if plan else "")
    return visit.page(
        "bulk.html",
        status=error.status if error else 200,
        call=call,
        meta=meta,
        verb=verb,
        title=navigation.plural(meta),
        crumbs=path_to(visit, visit.place.id_for(meta)),
        asked=asked,
        plan=plan,
        refused=refused,
        wrong=error,
        controls=controls,
        summary=drafts.summary(controls, error if isinstance(error, Invalid) else None),
    )


def _asked(visit: "Visit", kind: AnyKind) -> Asked:
    """What the list's filter leaves; where rows were to be picked, those of them alone, and nothing where none was.

    The form of the list sends an empty id beside those that were ticked, so that no tick is not no filter.
    """
    asked = Asked(visit, kind, picks=True)
    if picked := [id_ for id_ in asked.query.get("id", ()) if id_]:
        asked.query["id"] = picked
    return asked


def _bulk(asked: Asked, verb: str, labels: Mapping[str, Any]) -> Bulk:
    if verb == "bulk_delete":
        return Bulk(kind=asked.kind, where=asked.where, verb="delete")
    return Bulk(kind=asked.kind, where=asked.where, verb="update", labels=labels)


def _shown(visit: "Visit", foreseen: Foreseen) -> Shown:
    pairs = list(zip(foreseen.rows, foreseen.outcomes.items, strict=True))
    lines = tuple(
        Line(
            visit.names.resource(r),
            tuple(visit.names.resource(g) for g in o.plan.goes_too) if o.plan else (),
            o.error.text if o.error else None,
        )
        for r, o in pairs
    )
    deleting = [o.plan for _, o in pairs if o.plan and o.plan.command.verb == "delete"]
    back = bulk.given_back(foreseen) if deleting else None
    return Shown(
        token=foreseen.token,
        lines=tuple(sorted(lines, key=lambda line: line.refused is None)),
        done=len(pairs) - foreseen.outcomes.refused,
        back=tuple((q.title, amount, q.unit) for q, amount in back.quotas) if back else (),
        price=price_of(visit, deleting[0], back.rates) if back else None,
    )


def _labels(visit: "Visit") -> Mapping[str, Any]:
    """Merge patch of the labels that were typed; raises `Invalid` where nothing was, or not as pairs."""
    given = forms.read(Labelling, "labels", visit.form)
    put, take = given.get("put") or {}, given.get("take") or []
    if not isinstance(put, dict):
        text = T("每行应为 键=值", "Each line must be key=value")
        raise Invalid(text, problems=(Problem("TYPE", "/labels/put", text),))
    if not (put or take):
        text = T("没有写明加上或去掉什么标签", "No label to put on or take off was given")
        raise Invalid(text, problems=(Problem("MISSING", "/labels/put", text),))
    return {**dict.fromkeys(take), **put}


def _require_count(count: str, typed: str) -> None:
    """Many are confirmed by their number: no click does it by mistake."""
    if typed.strip() != count:
        text = T(f"键入的数目与 {count} 不符", f"What was typed is not {count}")
        raise Invalid(text, problems=(Problem("COUNT", "/typed", text),))
