"""How a resource stands, on the wire: the answer of `GET /<plural>/{id}:explain`.

What the caller may not see is not explained: a resource that another waits for is then said to be one, and no more.
"""

from typing import Any

from cloudhall.api.sight import names_of
from cloudhall.kernel import places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.explaining import Explained, Tried, explain
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import RETRY, Kind
from cloudhall.kernel.outcomes import PEOPLE, PORT
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.wire import rfc3339

EXPLAIN = "explain"


def standing(kernel: Kernel, caller: Caller, r: Kind[Any, Any]) -> dict[str, Any]:
    """Explain a resource that the caller may see."""
    return _wire(kernel, caller, explain(kernel, kernel.store.read(), r))


def _wire(kernel: Kernel, caller: Caller, e: Explained) -> dict[str, Any]:
    r = e.resource
    wire: dict[str, Any] = {"id": r.id, "kind": type(r).meta.key, "name": r.name, "state": e.state}
    if e.text is not None:
        wire |= {"reason": e.reason, "message": e.text.both(), "since": rfc3339(e.since_us)}
        wire |= {"waits_for": _waits_for(kernel, caller, e), "frees": [f.both() for f in e.frees]}
    if e.deadline_us is not None:
        wire["deadline"] = rfc3339(e.deadline_us)
    attempts = {"running": e.running, "failed": max(0, e.tries - e.running), "tried": [_tried(t) for t in e.tried]}
    wire["attempts"] = attempts | ({"parked": e.parked} if e.parked else {})
    if e.next_us is not None:
        wire["next_at"] = rfc3339(e.next_us)
    if e.because and _sees(kernel, caller, e.because.resource):
        wire["because"] = _wire(kernel, caller, e.because)
    return wire


def _waits_for(kernel: Kernel, caller: Caller, e: Explained) -> dict[str, Any]:
    """On whom: another resource, an engine, people with the roles that may act, or the program itself."""
    if e.because:
        other = e.because.resource
        named = {"id": other.id, "kind": type(other).meta.key, "name": other.name}
        return {"type": "resource", **(named if _sees(kernel, caller, other) else {})}
    if e.on.startswith(PORT):
        return {"type": "engine", "name": e.on.removeprefix(PORT)}
    if e.on == PEOPLE:
        actions, chain = type(e.resource).meta.actions, places.ancestors(kernel.store.read(), e.resource.place)
        return {"type": "people", "who": held(kernel, caller, actions[RETRY].allow if RETRY in actions else (), chain)}
    return {"type": "program"}


def held(kernel: Kernel, caller: Caller, roles: tuple[str, ...], ancestors: tuple[str, ...]) -> list[dict[str, Any]]:
    """Roles with some who hold them along a chain of places."""
    now = kernel.world.now_us()
    holders = {role: places.holders(kernel.store.read(), role, ancestors, now) for role in roles if role in ROLES}
    names = names_of(kernel, caller, {id_ for ids in holders.values() for id_ in ids})
    return [
        {"role": role, "title": ROLES[role], "holders": [{"id": i, "name": names.get(i)} for i in ids]}
        for role, ids in holders.items()
    ]


def _tried(tried: Tried) -> dict[str, Any]:
    return {"at": rfc3339(tried.at_us), "call": tried.call, "outcome": tried.outcome}


def _sees(kernel: Kernel, caller: Caller, r: Kind[Any, Any]) -> bool:
    return bool(kernel.authority.may(kernel.store.read(), caller, "read", r))
