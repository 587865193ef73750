"""Explaining: may I do this, why (not), what would change it, and who may.

A resource that the caller may not see is never explained: it answers 404, as everywhere.
"""

from typing import Any

from starlette.responses import Response

from cloudhall.api.answers import reply
from cloudhall.api.endpoints import Call, Endpoint
from cloudhall.api.filters import PLACE
from cloudhall.api.params import Param
from cloudhall.api.problems import nearest
from cloudhall.api.sight import kind_named, names_of
from cloudhall.api.standing import held
from cloudhall.kernel import places
from cloudhall.kernel.access import access
from cloudhall.kernel.authority import out_of_scope
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Planner
from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind, Meta
from cloudhall.kernel.policy import Object
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339


async def explain(call: Call) -> Response:
    """Explain one operation, on one resource or on what would be made in a place."""
    kernel, query = call.host.kernel, call.query
    kind, verb = _operation(kernel, query["operation"])
    place = query.get(kind.meta.scope, "")
    object_ = _object(kernel, call.caller, kind, verb, query.get("target", ""), place)
    return reply(_explained(kernel, call.caller, kind.meta, verb, object_))


def _operation(kernel: Kernel, operation: str) -> tuple[AnyKind, str]:
    key, _, verb = operation.partition(":")
    kind = kernel.registry.kinds.get(key)
    if kind is not None and verb in kind.meta.operations:
        return kind, verb
    known = [f"{k.meta.key}:{v}" for k in kernel.registry for v in k.meta.operations]
    text = T(f"没有操作 {operation}", f"There is no operation {operation}")
    mend = nearest(verb, kind.meta.operations) if kind else nearest(operation, known)
    raise Invalid(text, problems=(Problem("UNKNOWN", "?operation", text, mend),))


def _object(kernel: Kernel, caller: Caller, kind: AnyKind, verb: str, target: str, place: str) -> Object:
    tx = kernel.store.read()
    if target and verb != "create":
        return kernel.authority.object(tx, kernel.find(caller, kind, target, place), verb)
    where = Planner(kernel, tx, caller).place_id(kind, place)
    return Object(kind.meta.key, "", places.ancestors(tx, where), {})


def _explained(kernel: Kernel, caller: Caller, meta: Meta, verb: str, object_: Object) -> dict[str, Any]:
    tx, operation = kernel.store.read(), f"{meta.key}:{verb}"
    why = kernel.authority.policies.explain(kernel.authority.subject(tx, caller), operation, object_, {})
    covered = caller.within_scopes(operation)
    text, mend, reason = why.text, why.mend, why.reason
    if why.decision.allowed and not covered:
        denial = out_of_scope(operation)
        text, mend, reason = denial.text, denial.how, denial.reason
    return {
        "operation": operation,
        "target": object_.id or None,
        "places": object_.ancestors,
        "allowed": why.decision.allowed and covered,
        "reason": reason,
        "text": text,
        "mend": mend,
        "allowed_by": why.allowed_by,
        "forbidden_by": why.forbidden_by,
        "missing": why.permits,
        "who": _who(kernel, caller, meta, verb, object_.ancestors),
    }


def _who(kernel: Kernel, caller: Caller, meta: Meta, verb: str, ancestors: tuple[str, ...]) -> list[dict[str, Any]]:
    """Roles of the declaration that may do it."""
    allow = meta.actions[verb].allow if verb in meta.actions else meta.allow.get(verb, ())
    return held(kernel, caller, allow, ancestors)


async def who_may(call: Call) -> Response:
    """Tell who can do what with one resource, and why."""
    kernel, query = call.host.kernel, call.query
    kind = kind_named(kernel, query["kind"])
    row = kernel.find(call.caller, kind, query["target"], query.get(kind.meta.scope, ""))
    return reply(await call.host.read(_access, kernel, call.caller, row))


def _access(kernel: Kernel, caller: Caller, r: Kind[Any, Any]) -> dict[str, Any]:
    found = access(kernel, kernel.store.read(), caller, r)
    names = names_of(kernel, caller, {id_ for h in found.held for id_ in (h.subject, h.node)})
    return {
        "id": r.id,
        "kind": type(r).meta.key,
        "mine": [{"verb": m.verb, "allowed": m.allowed, "why": m.why, "mend": m.mend} for m in found.mine],
        "held": [
            {
                "subject": {"id": h.subject, "name": names.get(h.subject)},
                "role": h.role,
                "title": ROLES[h.role],
                "on": {"id": h.node, "name": names.get(h.node)},
                "grant": h.grant,
                "expires_at": rfc3339(h.expires_us) if h.expires_us else None,
                "may": h.verbs,
            }
            for h in found.held
        ],
        "besides": found.besides,
        "more": found.more,
    }


ENDPOINTS = (
    Endpoint(
        path="/access",
        name="access",
        title=T("谁能对一个资源做什么，为什么", "Who can do what with a resource, and why"),
        run=who_may,
        params=(
            Param(
                name="kind",
                title=T("资源种类", "Kind of resource"),
                required=True,
                example="buckets",
            ),
            Param(name="target", title=T("资源的名称或编号", "Resource, by name or id"), required=True),
            *PLACE.values(),
        ),
    ),
    Endpoint(
        path="/explain",
        name="explain",
        title=T("说明权限", "Explain a permission"),
        run=explain,
        params=(
            Param(
                name="operation",
                title=T("操作", "Operation"),
                required=True,
                example="storage.bucket:create",
            ),
            Param(name="target", title=T("资源的名称或编号", "Resource, by name or id")),
            *PLACE.values(),
        ),
    ),
)
