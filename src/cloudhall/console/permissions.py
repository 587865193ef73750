"""What a visitor may do, for links and buttons: an off button says why, a list that could only be empty is not offered.

Advice only: the command itself decides again.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.kernel import places
from cloudhall.kernel.kinds import RETRY, Kind, Meta
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.roles import ADMINISTRATORS, ROLES, SECURITY_ADMIN
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

NEVER = "FALSE"  # what a policy that allows nothing leaves of a filter


class Offer(NamedTuple):
    """One thing to do on a page: on, or off with the reason."""

    verb: str
    title: T
    href: str
    reason: T | None = None
    danger: bool = False
    asks: bool = False


def may_read_any(visit: "Visit", kind: AnyKind) -> bool:
    """Whether policy leaves the visitor any row of a kind, if there were one."""
    return visit.kernel.authority.visible(visit.tx, visit.caller, kind).sql != NEVER


def may_create(visit: "Visit", kind: AnyKind, place: str = "") -> bool:
    """Whether the visitor might create a kind in a place, else where they work now.

    A policy that must see the values first counts as yes.
    """
    if "create" not in kind.meta.allow:
        return False
    authority = visit.kernel.authority
    chosen = place or (visit.place.id_for(kind.meta) if visit.place.id else "")
    granted = authority.subject(visit.tx, visit.caller).granted
    wheres = {chosen} if chosen else {p for held in granted.values() for p in held}
    asked = wheres if place else {*wheres, places.PLATFORM}
    return any(authority.might_create(visit.tx, visit.caller, kind, where) for where in sorted(asked))


def may_reset(visit: "Visit") -> bool:
    """Whether the visitor may reset passwords of some people: a security administrator, wherever."""
    return SECURITY_ADMIN in places.granted(visit.tx, visit.caller.id, visit.now_us)


def operates(visit: "Visit") -> bool:
    """Whether the visitor is one of the installation's own administrators, who see how it runs."""
    held = places.granted(visit.tx, visit.caller.id, visit.now_us)
    return any(places.PLATFORM in held.get(role, ()) for role in ADMINISTRATORS)


def allowed(meta: Meta, verb: str) -> tuple[str, ...]:
    """Roles that a kind gives an operation to."""
    action = meta.actions.get(verb)
    return tuple(action.allow if action else meta.allow.get(verb, ()))


def needs_role(allowed: Iterable[str]) -> T:
    """Say which role would do."""
    titles = [ROLES[role] for role in allowed if role in ROLES]
    if not titles:
        return T("没有任何角色可以执行", "No role may do this")
    return T("需要角色：" + "、".join(t.zh for t in titles), "Needs the role " + " or ".join(t.en for t in titles))


def whom_to_ask(visit: "Visit") -> list[str]:
    """Names of those who give roles in the place in use: the kernel names these people to everybody whom it refuses."""
    place = visit.place.id or str(visit.caller.attrs.get("organisation", "")) or places.PLATFORM
    above = places.ancestors(visit.tx, place)
    holders = places.holders(visit.tx, SECURITY_ADMIN, above, visit.now_us)
    return [visit.names.contact(id_) for id_ in holders if id_ != visit.caller.id]


def offers(visit: "Visit", r: Kind[Any, Any]) -> list[Offer]:
    """Actions and the edit of a resource, each on or off with its reason."""
    meta, found = type(r).meta, []
    base = f"/{meta.plural}/{r.id}"
    for action in meta.actions.values():
        reason = _refusal(visit, r, action.name, action.allow)
        if not action.when(r):
            if action.shy:
                continue
            reason = reason or action.why_not
        asks = action.danger or bool(action.args.__struct_fields__)
        found.append(Offer(action.name, action.title, f"{base}:{action.name}", reason, action.danger, asks))
    if "update" in meta.allow:
        reason = _refusal(visit, r, "update", meta.allow["update"])
        found.append(Offer("update", T("编辑", "Edit"), f"{base}:update", reason, asks=True))
    return found


def deletion(visit: "Visit", r: Kind[Any, Any]) -> Offer | None:
    """Deletion of a resource, or None where the kind knows none."""
    meta = type(r).meta
    if "delete" not in meta.allow:
        return None
    reason = _refusal(visit, r, "delete", meta.allow["delete"])
    return Offer("delete", T("删除…", "Delete…"), f"/{meta.plural}/{r.id}:delete", reason, danger=True, asks=True)


def _refusal(visit: "Visit", r: Kind[Any, Any], verb: str, allowed: Iterable[str]) -> T | None:
    if r.deleting_us is not None and verb != RETRY:
        return T("正在删除", "It is being deleted")
    may = visit.kernel.authority.may(visit.tx, visit.caller, verb, r)
    return None if may else needs_role(allowed)
