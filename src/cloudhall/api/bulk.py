"""One change to everything that a filter finds: `POST /<plural>:bulk_delete` and `:bulk_label`.

The query is that of the list. With `validate_only=true` the answer is the plan: each resource, what goes with it, what
is refused and why, what is given back, and a token. The change itself carries that token and is refused where it would
do anything else than was shown.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cloudhall.api import bodies, mutations
from cloudhall.api.answers import reply
from cloudhall.api.batch import problem, replayed, result, results
from cloudhall.api.filters import Filters
from cloudhall.api.mutations import VALIDATE_ONLY
from cloudhall.api.params import Param
from cloudhall.api.problems import refuse
from cloudhall.kernel import bulk
from cloudhall.kernel.batches import Outcome
from cloudhall.kernel.bulk import Bulk, Foreseen
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Planner
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import safe_integers

MEMBERS = {"bulk_delete": ("plan",), "bulk_label": ("labels", "plan")}
ACCEPTED, DONE = 202, 200


class Asked(NamedTuple):
    """What was asked: the change, its plan, and the request as a key stands for it."""

    bulk: Bulk
    validate_only: bool
    token: str
    key: str
    said: Any


def params_of(filters: Filters) -> tuple[Param, ...]:
    """Query parameters: whatever narrows the list."""
    return (VALIDATE_ONLY, *filters.narrowing)


async def change(kernel: Kernel, filters: Filters, caller: Caller, request: Request, verb: str) -> Response:
    """Answer the plan, or do what it says: 202 where everything goes, else 200 with a status each."""
    asked = await _read(kernel, filters, caller, request, verb)
    if asked.validate_only:
        foreseen = await asyncio.wrap_future(bulk.foresee(kernel, caller, asked.bulk))
        return reply(_plan(kernel, request, asked.bulk, foreseen))
    if not asked.token:
        text = T("缺少 plan：先以 validate_only=true 查看计划", "plan is missing: look at it first, with validate_only")
        refuse([Problem("MISSING", "/plan", text)])
    made = bulk.execute(kernel, caller, asked.bulk, asked.token, key=asked.key, asked=asked.said)
    outcomes = await asyncio.wrap_future(made)
    status = ACCEPTED if verb == "bulk_delete" else DONE
    shown = [result(request, o, status, o.error) for o in outcomes.items]
    return reply(results(outcomes, shown), DONE if outcomes.refused else status, replayed(outcomes))


async def _read(kernel: Kernel, filters: Filters, caller: Caller, request: Request, verb: str) -> Asked:
    """Read the request; raises `Invalid` with everything that is wrong with it."""
    found: list[Problem] = []
    query = filters.read(request, found, params_of(filters))
    key = bodies.idempotency_key(request, found)
    given = await bodies.read_object(request)
    labels = _labels(given, found) if verb == "bulk_label" else None
    token = given.get("plan", "")
    if not isinstance(token, str):
        found.append(Problem("TYPE", "/plan", T("plan 应为文字", "plan must be text")))
    found += [mutations.unknown(member, MEMBERS[verb]) for member in given if member not in MEMBERS[verb]]
    refuse(found)
    where = filters.where(Planner(kernel, kernel.store.read(), caller), query, found)
    refuse(found)
    wanted = Bulk(kind=filters.kind, where=where, verb="delete" if labels is None else "update", labels=labels)
    narrowed = {p.name: query[p.name] for p in filters.narrowing if p.name in query}
    return Asked(wanted, bool(query.get("validate_only")), token, key, [filters.kind.meta.key, verb, narrowed, given])


def _labels(given: Mapping[str, Any], found: list[Problem]) -> Mapping[str, str | None]:
    """Read a merge patch of labels."""
    labels = given.get("labels")
    if isinstance(labels, dict) and labels and all(isinstance(v, str | None) for v in labels.values()):
        return labels
    text = T("labels 是文字键值对，值为 null 表示去掉", "labels map text to text, or to null to take one off")
    found.append(Problem("TYPE", "/labels", text))
    return {}


def _plan(kernel: Kernel, request: Request, asked: Bulk, foreseen: Foreseen) -> dict[str, Any]:
    pairs = list(zip(foreseen.rows, foreseen.outcomes.items, strict=True))
    refused = foreseen.outcomes.refused
    plan: dict[str, Any] = {
        "plan": foreseen.token,
        "operation": f"{asked.kind.meta.key}:{asked.verb}",
        "items": [_item(request, r, outcome) for r, outcome in pairs],
        "done": len(pairs) - refused,
        "refused": refused,
    }
    return plan | (_given_back(kernel, foreseen) if asked.verb == "delete" else {})


def _item(request: Request, r: Kind[Any, Any], outcome: Outcome) -> dict[str, Any]:
    item: dict[str, Any] = {"id": r.id, "name": r.name, "place": r.place, "revision": r.revision}
    if outcome.error is not None:
        return item | {"problem": problem(request, outcome.error)}
    goes_too = outcome.plan.goes_too if outcome.plan else ()
    return item | {"goes_too": [{"kind": type(g).meta.key, "id": g.id, "name": g.name} for g in goes_too]}


def _given_back(kernel: Kernel, foreseen: Foreseen) -> dict[str, Any]:
    """Room and, where the installation sells, what a full month of all this costs today."""
    back = bulk.given_back(foreseen)
    quota = [{"key": q.key, "title": q.title, "unit": q.unit, "given_back": amount} for q, amount in back.quotas]
    going = next((o.plan for o in foreseen.outcomes.items if o.plan), None)
    if kernel.pricing is None or going is None:
        return {"quota": quota}
    price = kernel.pricing(msgspec.structs.replace(going, rates=back.rates)) | {"by_use": []}
    return {"quota": quota, "price": safe_integers(price)}
