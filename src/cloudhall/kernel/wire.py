"""How a resource looks on the wire: the same object for API, SDK, command line, stored answers and "as API".

Times are RFC 3339 in UTC; integers beyond 2^53 are strings, so that no client rounds them.
"""

import datetime
from typing import Any

import msgspec

from cloudhall.kernel.events import Event
from cloudhall.kernel.fields import JSON_SAFE_INTEGER
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.outcomes import Condition
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

STATES: dict[str, T] = {
    "ready": T("就绪", "Ready"),
    "working": T("进行中", "Working"),
    "attention": T("需注意", "Needs attention"),
    "failed": T("失败", "Failed"),
    "deleting": T("删除中", "Deleting"),
    "binned": T("在回收站", "In the recycle bin"),
}


def state_of(r: Kind[Any, Any]) -> str:
    """Derive one word for people from the conditions; never stored."""
    if r.kept is not None and r.deleting_us is None:
        return "binned"
    stalled, ready = r.condition("Stalled"), r.condition("Ready")
    if stalled and stalled.status:
        return "failed"
    if ready and ready.blocked and ready.observed_generation == r.generation:
        return "attention"
    if r.deleting_us is not None:
        return "deleting"
    if any(not c.status for c in r.status.conditions if c.type not in {"Ready", "Stalled"}):
        return "attention"
    return "ready" if r.ready else "working"


def deciding(r: Kind[Any, Any]) -> Condition | None:
    """Return the condition that makes the state what it is: its reason and its time are those of the state."""
    state = state_of(r)
    failing: list[Condition] = [c for c in r.status.conditions if not c.status and c.type not in {"Ready", "Stalled"}]
    if state == "attention" and failing and r.ready:
        return failing[0]
    return r.condition("Stalled" if state == "failed" else "Ready")


def to_wire(r: Kind[Any, Any]) -> dict[str, Any]:
    """Return the resource as JSON-ready values."""
    meta = type(r).meta
    status = msgspec.to_builtins(r.status)
    status.pop("conditions")
    observed = status.pop("observed_generation")
    wire: dict[str, Any] = {"id": r.id, "kind": meta.key, "name": r.name}
    if meta.scope != "platform":
        wire[meta.scope] = r.place
    wire |= {
        "labels": r.labels,
        "spec": safe_integers(msgspec.to_builtins(r.spec)),
        "status": safe_integers(status),
        "conditions": [condition_to_wire(c) for c in r.status.conditions],
        "state": state_of(r),
        "generation": r.generation,
        "observed_generation": observed,
        "revision": r.revision,
        "created_at": rfc3339(r.created_us),
        "updated_at": rfc3339(r.updated_us),
    }
    if r.deleting_us is not None:
        wire["deleting_at"] = rfc3339(r.deleting_us)
    if r.kept is not None:
        wire["bin"] = {
            "by": r.kept.actor,
            "at": rfc3339(r.kept.at_us),
            "until": rfc3339(r.kept.until_us),
            "withdrawn": r.kept.withdrawn_us is not None,
        }
    return wire


def condition_to_wire(c: Condition) -> dict[str, Any]:
    """Return one condition; reason and message only when it does not hold."""
    wire: dict[str, Any] = {"type": c.type, "status": c.status, "since": rfc3339(c.since_us)}
    if c.reason:
        wire |= {"reason": c.reason, "message": c.text.both()}
        wire["reason_since"] = rfc3339(c.reason_since_us or c.since_us)
    return wire | {"observed_generation": c.observed_generation}


def event_to_wire(event: Event) -> dict[str, Any]:
    """Return an event as JSON-ready values; `spec` is what people wished then, absent where the program only looked."""
    wire: dict[str, Any] = {
        "revision": event.revision,
        "type": event.type,
        "at": rfc3339(event.at_us),
        "kind": event.kind,
        "id": event.id,
        "name": event.name,
        "place": event.place,
        "verb": event.verb,
        "actor": event.actor,
        "request": event.request,
        "generation": event.generation,
        "changed": event.changed,
    }
    return wire if event.spec is None else wire | {"spec": msgspec.Raw(event.spec.encode())}


def rfc3339(at_us: int) -> str:
    """Microseconds UTC as RFC 3339."""
    moment = datetime.datetime.fromtimestamp(at_us // SECOND_US, datetime.UTC).replace(microsecond=at_us % SECOND_US)
    return moment.isoformat().replace("+00:00", "Z")


def to_us(moment: datetime.datetime) -> int:
    """Microseconds UTC of an aware time, exactly."""
    delta = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND_US + delta.microseconds


def safe_integers(value: Any) -> Any:
    """Turn integers that JavaScript would round into strings."""
    if isinstance(value, dict):
        return {k: safe_integers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [safe_integers(v) for v in value]
    if isinstance(value, int) and not -JSON_SAFE_INTEGER <= value <= JSON_SAFE_INTEGER:
        return str(value)
    return value
