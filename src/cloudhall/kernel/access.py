"""Who can do what with one resource, and why: roles held on it and above it, and what policies say besides.

What the caller may do themselves is told to everybody who sees the resource; of others only those grants that the
caller may read. Cost: one index walk over the grants on its places, and a decision an operation.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.kernel.caller import Caller
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.policy import Clause
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.sight import visible_ids
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

HELD_MAX = 500
ORDER = {role: n for n, role in enumerate(ROLES)}


class Mine(NamedTuple):
    """One operation, whether the caller may do it, and the policies, or what it would take."""

    verb: str
    allowed: bool
    why: tuple[Clause, ...]
    mend: T | None


class Held(NamedTuple):
    """A role that reaches the resource: who holds it, on which node, by which grant, until when, and what for."""

    subject: str
    role: str
    node: str
    grant: str
    expires_us: int | None
    verbs: tuple[str, ...]


class Access(NamedTuple):
    """`besides` are policies of the kind that ask for no role; `more` says that not all who hold one are listed."""

    mine: tuple[Mine, ...]
    held: tuple[Held, ...]
    besides: tuple[Clause, ...]
    more: bool


def access(kernel: "Kernel", tx: Tx, caller: Caller, r: Kind[Any, Any]) -> Access:
    """Tell of a resource that the caller may see."""
    meta, policies = type(r).meta, kernel.authority.policies
    verbs = [verb for verb in meta.operations if verb != "create"]
    gives = policies.gives(meta.key)
    nodes = kernel.authority.object(tx, r, "read").ancestors
    rows = _grants(tx, nodes, kernel.world.now_us())
    keys = [k.meta.key for k in kernel.registry if k.meta.grants]
    seen = visible_ids(kernel, caller, ((key, row[0]) for key in keys for row in rows))
    held = [
        Held(subject, role, node, id_, ends_us, tuple(v for v in verbs if v in gives[role]))
        for id_, subject, role, node, ends_us in rows
        if role in gives and (id_ in seen or subject == caller.id)
    ]
    held.sort(key=lambda h: (nodes.index(h.node), ORDER[h.role], h.subject))
    mine = tuple(_mine(kernel, tx, caller, r, verb) for verb in verbs)
    return Access(mine, tuple(held), policies.besides(meta.key), len(rows) == HELD_MAX)


def _grants(tx: Tx, nodes: tuple[str, ...], now_us: int) -> list[Any]:
    marks = ", ".join("?" * len(nodes))
    live = f"place IN ({marks}) AND (expires_us IS NULL OR expires_us > ?)"
    sql = f"SELECT id, subject, role, place, expires_us FROM role_grant WHERE {live} ORDER BY id LIMIT {HELD_MAX}"
    return tx.execute(sql, (*nodes, now_us)).fetchall()


def _mine(kernel: "Kernel", tx: Tx, caller: Caller, r: Kind[Any, Any], verb: str) -> Mine:
    why = kernel.authority.explain(tx, caller, verb, r)
    allowed = why.decision.allowed and caller.within_scopes(f"{type(r).meta.key}:{verb}")
    return Mine(verb, allowed, (*why.allowed_by, *why.forbidden_by), None if allowed else why.mend)
