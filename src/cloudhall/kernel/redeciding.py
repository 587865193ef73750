"""A past decision made again, from what the log names: the policies then, the caller then, the resource then.

Each body is held against the hash in the entry, which the Merkle tree covers; then Cedar's own implementation is asked,
which had no part in the first decision, and our closures beside it, compiled from the stored texts. Nothing of today
is looked at: neither the policies in force, nor roles, nor rows.

Cost: a few milliseconds; the first time under a policy set a tenth of a second, to read its texts.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cloudhall.kernel import audit_search, facts
from cloudhall.kernel.audit import Found, Leaf, decoded
from cloudhall.kernel.caller import scopes_covering
from cloudhall.kernel.errors import Conflict, Invalid, NotFound
from cloudhall.kernel.facts import GOES_WITH
from cloudhall.kernel.policy import Context, Decision, Object, PolicySchema, PolicySet, Subject
from cloudhall.kernel.policy.model import PrincipalType
from cloudhall.kernel.policy.policies import read_body
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.policy.oracle import Oracle

SETS_KEPT = 4
Decide = Callable[[Subject, str, Object, Context], Decision]


class Clause(NamedTuple):
    """A policy that decided: its id and its own words."""

    id: str
    text: T


class Redecided(NamedTuple):
    """What was decided, and what is decided from the same facts.

    `idx` is the entry of the decision: that of the owner, where the entry asked about is of what went along. `reason`
    is empty where policies decided, else NEVER or TOKEN_SCOPE. `agrees`: verdict and policies are the recorded ones, by
    Cedar, and by our own compiler where this release still reads those texts. `facts` are the bodies.
    """

    idx: int
    leaf: Leaf
    allowed_then: bool
    allowed: bool
    policies: tuple[Clause, ...]
    reason: str
    agrees: bool
    facts: dict[str, Any]

    @property
    def text(self) -> T:
        """The outcome in one sentence."""
        zh, en = ("允许", "allowed") if self.allowed else ("拒绝", "denied")
        if self.agrees:
            return T(
                f"按当时的策略和事实重新判定：{zh}，与记录一致",
                f"Decided again from what was known then: {en}, as recorded",
            )
        return T(
            f"按当时的策略和事实重新判定：{zh}，与记录不符",
            f"Decided again from what was known then: {en}, which is not what the log says",
        )


class _Who(msgspec.Struct, frozen=True):
    type: PrincipalType
    attrs: dict[str, Any]
    granted: dict[str, frozenset[str]]
    scopes: tuple[str, ...] | None


class _What(msgspec.Struct, frozen=True):
    places: tuple[str, ...]
    node: bool
    attrs: dict[str, Any]
    becomes: dict[str, Any] | None = None


class _Case(NamedTuple):
    """One operation of one caller; of an update, on the resource as it was and as it would be."""

    operation: str
    subject: Subject
    scopes: tuple[str, ...] | None
    objects: tuple[Object, ...]


class _Verdict(NamedTuple):
    allowed: bool
    policies: frozenset[str]
    reason: str = ""


def redecide(tx: Tx, idx: int) -> Redecided:
    """Decide the decision of an entry again.

    Raises `NotFound` for an entry that records none, `Conflict` (FACTS_CHANGED, FACTS_GONE) where what it went by is
    not what its hashes name.
    """
    idx, leaf = _decided(tx, idx)
    body = _body(tx, leaf.policy_digest)
    who = msgspec.json.decode(_body(tx, leaf.subject_digest), type=dict[str, _Who])["subject"]
    what = msgspec.json.decode(_body(tx, leaf.object_digest), type=dict[str, _What])["object"]
    oracle, schema, ours = _read(body)
    subject = Subject(who.type, leaf.actor, who.granted, who.attrs)
    case = _Case(leaf.action, subject, who.scopes, _objects(leaf, what))
    again = _verdict(case, schema, oracle.decide)
    same = ours is None or _verdict(case, schema, ours.decide) == again
    allowed_then = leaf.phase != "denied"
    return Redecided(
        idx=idx,
        leaf=leaf,
        allowed_then=allowed_then,
        allowed=again.allowed,
        policies=tuple(Clause(id_, oracle.texts[id_]) for id_ in sorted(again.policies)),
        reason=again.reason,
        agrees=same and (again.allowed, again.policies) == (allowed_then, frozenset(leaf.policies)),
        facts={"subject": msgspec.to_builtins(who), "object": msgspec.to_builtins(what)},
    )


def _decided(tx: Tx, idx: int) -> Found:
    """Find the entry that names the facts: this one, or that of the resource with which this one's went."""
    found = _found(audit_search.entry(tx, idx))
    if found is not None and found.leaf.reason.startswith(GOES_WITH):
        found = _found(audit_search.nearest_about(tx, found.leaf.reason.removeprefix(GOES_WITH), idx))
    if found is None or not found.leaf.subject_digest:
        raise NotFound(
            T(f"第 {idx} 条不是一次可以重新判定的判定", f"Entry {idx} records no decision that can be made again"),
            mend=T(
                "登录、程序自身的动作和本功能以前的记录没有这些事实",
                "Log-ins, effects of the program itself and what was recorded before this was kept have no such facts",
            ),
            reason="NO_DECISION",
        )
    return found


def _found(row: Any) -> Found | None:
    return Found(row[0], decoded(*row)) if row else None


def _body(tx: Tx, hash_: str) -> str:
    body = facts.body_of(tx, hash_)
    mend = T(
        "从备份取回表 decision_fact，并查明缘由", "Restore the table decision_fact from a backup, and find out why"
    )
    if body is None:
        text = T(f"判定所依据的事实 {hash_} 不见了", f"The facts {hash_} that the decision went by are gone")
        raise Conflict(text, mend=mend, reason="FACTS_GONE")
    if facts.hash_of(body) != hash_:
        text = T(f"判定所依据的事实 {hash_} 被改动", f"The facts {hash_} that the decision went by were changed")
        raise Conflict(text, mend=mend, reason="FACTS_CHANGED")
    return body


@functools.lru_cache(SETS_KEPT)
def _read(body: str) -> tuple["Oracle", PolicySchema, PolicySet | None]:
    """Cedar over the stored texts, and our compiler, unless it takes those texts no more."""
    from cloudhall.kernel.policy.oracle import Oracle

    sources, schema = read_body(body)
    try:
        ours = PolicySet.compile(sources, schema)
    except Invalid:
        ours = None
    return Oracle(sources, schema), schema, ours


def _objects(leaf: Leaf, what: _What) -> tuple[Object, ...]:
    id_ = str(what.attrs.get("id", leaf.resource))
    nodes = (id_, *what.places) if what.node else what.places
    each = [what.attrs] if what.becomes is None else [what.attrs, what.becomes]
    return tuple(Object(leaf.kind, id_, nodes, {n: v for n, v in attrs.items() if n != "id"}) for attrs in each)


def _verdict(case: _Case, schema: PolicySchema, decide: Decide) -> _Verdict:
    """All objects have to be allowed; the policies are those that refused, or those that allowed the first."""
    if case.operation not in schema.actions:
        return _Verdict(allowed=False, policies=frozenset(), reason="NEVER")
    if case.scopes is not None and scopes_covering(case.operation).isdisjoint(case.scopes):
        return _Verdict(allowed=False, policies=frozenset(), reason="TOKEN_SCOPE")
    decisions = [decide(case.subject, case.operation, object_, {}) for object_ in case.objects]
    decisive = next((d for d in decisions if not d.allowed), decisions[0])
    return _Verdict(decisive.allowed, frozenset(decisive.determining))
