"""Many resources of one kind in one request: `POST /<plural>:batch_create`.

The answer has one entry an item, in the order of the items: its own status, and the resource or the problem. Problems
point into the body as it was sent (`/items/3/spec/quota_gib`).
"""

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cloudhall.api import bodies, mutations, params
from cloudhall.api.answers import reply
from cloudhall.api.bodies import language_of
from cloudhall.api.dry_run import to_preview
from cloudhall.api.mutations import VALIDATE_ONLY
from cloudhall.api.problems import problem_of, refuse
from cloudhall.kernel import batches
from cloudhall.kernel.batches import Batch, Item, Outcome, Outcomes
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import CloudhallError, Problem
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T

PARAMS = (VALIDATE_ONLY,)
MEMBERS = ("items", "atomic")
CREATED, DONE = 201, 200


async def create(kernel: Kernel, caller: Caller, request: Request, kind: AnyKind) -> Response:
    """Create several at once: 201 where all were, else 200 with a status each; atomic: 201 or a problem."""
    found: list[Problem] = []
    query = params.read(request, PARAMS, found)
    key = bodies.idempotency_key(request, found)
    given = await bodies.read_object(request)
    batch = _batch(kind, given, found, key=key, dry=bool(query.get("validate_only")))
    refuse(found)
    outcomes = await asyncio.wrap_future(batches.execute(kernel, caller, batch))
    shown = [_shown(kernel, request, n, o) for n, o in enumerate(outcomes.items)]
    status = CREATED if not (outcomes.refused or batch.dry) else DONE
    return reply(results(outcomes, shown), status, replayed(outcomes))


def results(outcomes: Outcomes, shown: list[dict[str, Any]]) -> dict[str, Any]:
    """Body of an answer: what became of each, and how many went which way."""
    return {"items": shown, "done": len(shown) - outcomes.refused, "refused": outcomes.refused}


def replayed(outcomes: Outcomes) -> dict[str, str]:
    """Header of an answer that was given before."""
    return {"Idempotency-Replayed": "true"} if outcomes.replayed else {}


def result(request: Request, outcome: Outcome, status: int, error: CloudhallError | None) -> dict[str, Any]:
    """One item's entry: the resource, or the problem that a request of its own would have been answered with."""
    named = {"id": outcome.id, "name": outcome.name} if outcome.id else {"name": outcome.name}
    if error is None:
        return {"status": status, **named, "resource": outcome.body}
    return {"status": error.status, **named, "problem": problem(request, error)}


def problem(request: Request, error: CloudhallError) -> dict[str, Any]:
    """Render an item's problem in the language of the request."""
    return problem_of(error, language_of(request), request.state.request_id)


def _batch(kind: AnyKind, given: dict[str, Any], found: list[Problem], *, key: str, dry: bool) -> Batch:
    """Read the body; what is wrong with it as a whole goes to `found`, what is wrong with an item stays with it."""
    found += [mutations.unknown(member, MEMBERS) for member in given if member not in MEMBERS]
    listed, atomic = given.get("items"), given.get("atomic", False)
    if not isinstance(listed, list):
        found.append(Problem("TYPE", "/items", T("items 应是一个数组", "items must be an array")))
        listed = []
    else:
        found += batches.size_problems(len(listed))
    if not isinstance(atomic, bool):
        found.append(Problem("TYPE", "/atomic", T("atomic 应为 true 或 false", "atomic must be true or false")))
    items: tuple[Item, ...] = () if found else tuple(mutations.item(kind, one) for one in listed)
    return Batch(items=items, atomic=atomic is True, dry=dry, key=key, asked=[kind.meta.key, "create", given])


def _shown(kernel: Kernel, request: Request, n: int, outcome: Outcome) -> dict[str, Any]:
    if outcome.body is None and outcome.plan is not None:
        return {"status": DONE, "name": outcome.name, "preview": to_preview(kernel, outcome.plan)}
    error = _placed(n, outcome.error) if outcome.error else None
    return result(request, outcome, CREATED, error)


def _placed(n: int, error: CloudhallError) -> CloudhallError:
    """Let the problems of an item point into the request as it was sent."""
    moved = tuple(msgspec.structs.replace(p, pointer=f"/items/{n}{p.pointer}") for p in error.problems)
    return type(error)(error.text, mend=error.how, problems=moved, reason=error.reason, **error.details)
