"""Writing a plan: row, event, audit leaf, room, roles, work and stored answer, in one transaction.

Invariant: a plan is written only while nothing has been committed since it was made; a plan that was overtaken has been
made again by then, alone under the writer's lock. So whatever a plan has found (names free, references there, checks of
domains, what goes with an owner, the caller's roles) holds when it is written.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from cloudhall.kernel import bin as bin_
from cloudhall.kernel import credentials, events, labels, places, quotas, work
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.commands import Plan
from cloudhall.kernel.facts import GOES_WITH
from cloudhall.kernel.kinds import PURGE, RESTORE, Kind, value_at
from cloudhall.kernel.store import Tx
from cloudhall.kernel.wire import to_us, to_wire

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel


GOING = frozenset({"delete", PURGE})


def commit(kernel: "Kernel", tx: Tx, plan: Plan) -> dict[str, Any]:
    """Charge and write a plan; answers what `write` does."""
    with charged(tx, plan):
        return write(kernel, tx, plan)


@contextlib.contextmanager
def charged(tx: Tx, plan: Plan) -> Iterator[None]:
    """Take the room that a plan needs, and see only behind all that is written inside whether it was there."""
    wanted = [(plan.new.place, c.quota, c.amount) for c in plan.charges]
    attempts = quotas.attempt_all(tx, wanted)
    yield
    quotas.settle(tx, attempts)


def write(kernel: "Kernel", tx: Tx, plan: Plan) -> dict[str, Any]:
    """Write a plan but for its charges; answers the resource as it goes on the wire, with `secret` where one was made.

    The charges are the caller's to take, in the same transaction.
    """
    now_us = kernel.world.now_us()
    for resource in (*plan.goes_too, plan.new):
        _date(plan, resource, now_us)
        _write(kernel, tx, plan, resource, plan.command.verb)
    for resource in plan.left_behind:
        _write(kernel, tx, plan, resource, PURGE)
    answer = to_wire(plan.new)
    if plan.old is None and type(plan.new).meta.secret:
        answer["secret"] = _issue_secret(kernel, tx, plan.new)
    return answer


def _date(plan: Plan, resource: Kind[Any, Any], now_us: int) -> None:
    """Times are those of the commit, so that they rise with the revision, whoever planned first."""
    resource.updated_us = now_us
    if plan.old is None:
        resource.created_us = now_us
    elif plan.command.verb == "delete" and not plan.kept_us:
        resource.deleting_us = resource.deleting_us or now_us


def _write(kernel: "Kernel", tx: Tx, plan: Plan, resource: Kind[Any, Any], verb: str) -> None:
    meta = type(resource).meta
    spec = msgspec.json.encode(resource.spec).decode()
    event = events.Event(
        at_us=resource.updated_us,
        kind=meta.key,
        id=resource.id,
        place=resource.place,
        name=resource.name,
        verb=verb,
        actor=plan.caller.id,
        request=plan.caller.request,
        generation=resource.generation,
        changed=_changed(plan, resource),
        spec=spec,
    )
    resource.revision = events.append(tx, event)
    table = kernel.tables[type(resource)]
    (table.insert if plan.old is None else table.update)(tx, resource)
    before = plan.old.labels if plan.old else labels.NONE
    if resource is plan.new and resource.labels != before:
        labels.follow(tx, before, resource)
    if plan.kept_us:
        _put_into_the_bin(kernel, tx, plan, resource)
    elif verb == RESTORE:
        _take_out_of_the_bin(kernel, tx, plan, resource)
    if not (verb == PURGE and resource.kept):  # nothing of it counts since it lies in the bin
        _project(kernel, tx, resource, verb)
    kernel.audit.append(tx, _entry(kernel, plan, resource, spec, verb))
    if meta.controller or verb in GOING:
        work.due_now(tx, meta.key, resource.id, resource.updated_us)


def _put_into_the_bin(kernel: "Kernel", tx: Tx, plan: Plan, r: Kind[Any, Any]) -> None:
    """Out of sight, with all that it says; its room is given back."""
    at_us = r.updated_us
    bin_.put(tx, r, bin_.Kept(plan.new.id, plan.caller.id, at_us, at_us + plan.kept_us))
    kernel.tables[type(r)].remove(tx, r.id, at_us)
    labels.forget(tx, r)
    for quota in type(r).meta.quotas:
        quotas.charge(tx, r.place, quota, -int(value_at(r, quota.path)))


def _take_out_of_the_bin(kernel: "Kernel", tx: Tx, plan: Plan, r: Kind[Any, Any]) -> None:
    """In sight again. The plan has charged the room of the resource itself; what comes with it is charged here."""
    bin_.take(tx, r.id)
    kernel.tables[type(r)].remove(tx, r.id, None)
    labels.follow(tx, labels.NONE, r)
    for quota in type(r).meta.quotas if r is not plan.new else ():
        quotas.charge(tx, r.place, quota, int(value_at(r, quota.path)))
    if not type(r).meta.controller:
        work.forget(tx, type(r).meta.key, r.id)


def _project(kernel: "Kernel", tx: Tx, r: Kind[Any, Any], verb: str) -> None:
    """Keep places, roles and room in step with the rows that declare them."""
    meta = type(r).meta
    if meta.place and verb == "create":
        places.add_place(tx, r.id, r.place)
    leaving = r.deleting_us is not None or r.kept is not None
    if meta.grants:
        if leaving:
            places.remove_grant(tx, r.id)
        else:
            ends = value_at(r, meta.grants.expires_at)
            subject, role = value_at(r, meta.grants.subject), value_at(r, meta.grants.role)
            where = value_at(r, meta.grants.resource) or r.place
            places.set_grant(tx, r.id, subject, role, where, to_us(ends) if ends else None)
    for limit in meta.limits:
        key = value_at(r, limit.key_path)
        given = int(value_at(r, limit.amount_path))
        quotas.set_room(tx, r.place, key, given if not leaving else kernel.registry.quotas[key].default)


def _issue_secret(kernel: "Kernel", tx: Tx, r: Kind[Any, Any]) -> str:
    declared = type(r).meta.secret
    assert declared is not None
    secret = credentials.make(declared.prefix, declared.length, kernel.world)
    credentials.keep(tx, kernel.keys, r, secret)
    return secret


def _changed(plan: Plan, resource: Kind[Any, Any]) -> tuple[str, ...]:
    if plan.old is None or resource is not plan.new:
        return ()
    before, after = msgspec.to_builtins(plan.old.spec), msgspec.to_builtins(resource.spec)
    changed = [f"spec.{k}" for k in after if before.get(k) != after[k]]
    changed += [part for part in ("name", "labels") if getattr(plan.old, part) != getattr(resource, part)]
    return tuple(changed)


def _entry(kernel: "Kernel", plan: Plan, resource: Kind[Any, Any], spec: str, verb: str) -> Entry:
    caller = plan.caller
    private = {k: v for k, v in (("name", caller.name), ("address", caller.address), ("agent", caller.agent)) if v}
    return Entry(
        actor=caller.id,
        action=f"{type(resource).meta.key}:{verb}",
        phase="done",
        kind=type(resource).meta.key,
        resource=resource.id,
        project=resource.place,
        revision=resource.revision,
        request=caller.request,
        content=hashlib.sha256(spec.encode()).hexdigest(),
        policies=tuple(plan.policies),
        private=private,
        **_went_by(kernel, plan, resource),
    )


def _went_by(kernel: "Kernel", plan: Plan, resource: Kind[Any, Any]) -> dict[str, Any]:
    """Tie the entry to what the decision saw; what goes with another was decided with that, in the entry behind it."""
    if resource is not plan.new:
        return {"policy_digest": kernel.authority.policies.digest, "reason": f"{GOES_WITH}{plan.new.id}"}
    becomes = plan.new if plan.command.verb == "update" else None
    return kernel.authority.seen(plan.policies, plan.caller, becomes).named()
