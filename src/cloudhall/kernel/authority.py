"""Authority: may this caller do this to that? One answer for a decision, a list and an explanation.

Default policies are rendered from the `allow=` of each declaration, so that the golden table and the declarations
cannot differ; a domain adds conditions of its own in `policies.cedar`. What one may not see answers 404, not 403.
"""

from collections.abc import Mapping
from typing import Any

from cloudhall.kernel import places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import CloudhallError, Forbidden
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.kinds import Kind, Meta, field_at, value_at
from cloudhall.kernel.policy import Decision, Explanation, KindSchema, Object, PolicySchema, PolicySet, Subject
from cloudhall.kernel.registry import AnyKind, Registry
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.text import T

PRINCIPAL_ATTRS = {"id": "string", "suspended": "bool", "organisation": "string"}
SERVICE = "service:"
_TYPES = {"int": "long", "bool": "bool"}


class Authority:
    """Compiled policies of a registry."""

    def __init__(self, registry: Registry, world: Any) -> None:
        """Render, check and compile; `Invalid` names the policy that is wrong."""
        self.registry, self.world = registry, world
        sources = {f"{m.key}": default_policies(m) for m in (k.meta for k in registry)}
        sources |= {f"{d.name}/policies.cedar": d.policies for d in registry.domains.values() if d.policies}
        self.policies = PolicySet.compile({k: v for k, v in sources.items() if v}, schema_of(registry))

    def decide(self, tx: Tx, caller: Caller, verb: str, resource: Kind[Any, Any]) -> Decision:
        """Decide one operation on one resource (a row, or one about to be made)."""
        operation = f"{type(resource).meta.key}:{verb}"
        return self.policies.decide(self.subject(tx, caller), operation, self.object(tx, resource), {})

    def explain(self, tx: Tx, caller: Caller, verb: str, resource: Kind[Any, Any]) -> Explanation:
        """Why, and what would change the answer."""
        operation = f"{type(resource).meta.key}:{verb}"
        return self.policies.explain(self.subject(tx, caller), operation, self.object(tx, resource), {})

    def require(self, tx: Tx, caller: Caller, verb: str, resource: Kind[Any, Any]) -> tuple[str, ...]:
        """Policies that allow it; raises `Forbidden` with the reasons."""
        operation = f"{type(resource).meta.key}:{verb}"
        if not caller.within_scopes(operation):
            raise out_of_scope(operation)
        decision = self.decide(tx, caller, verb, resource)
        if not decision.allowed:
            raise self._refusal(tx, caller, verb, resource)
        return decision.determining

    def may(self, tx: Tx, caller: Caller, verb: str, resource: Kind[Any, Any]) -> bool:
        """Whether it would be allowed; for buttons and navigation."""
        return (
            caller.within_scopes(f"{type(resource).meta.key}:{verb}")
            and self.decide(tx, caller, verb, resource).allowed
        )

    def visible(self, tx: Tx, caller: Caller, kind: AnyKind) -> Where:
        """Condition that leaves the rows the caller may read: the same policy, as SQL."""
        operation = f"{kind.meta.key}:read"
        if not caller.within_scopes(operation):
            return Where("1 = 0")
        columns = {"place": "id" if kind.meta.place else "place", "id": "id", "name": "name"}
        columns |= {i.path.partition(".")[2]: i.column for i in kind.meta.indexes if i.path.startswith("spec.")}
        where = self.policies.where(self.subject(tx, caller), operation, kind.meta.key, columns, {})
        return Where(where.sql, tuple(where.params))

    def subject(self, tx: Tx, caller: Caller) -> Subject:
        """Caller with the roles held now."""
        attrs = {"id": caller.id, "suspended": False, "organisation": "", **caller.attrs}
        return Subject(caller.type, caller.id, places.granted(tx, caller.id, self.world.now_us()), attrs)

    def object(self, tx: Tx, r: Kind[Any, Any]) -> Object:
        """Resource with its places and declared attributes."""
        meta = type(r).meta
        chain = places.ancestors(tx, r.id) if meta.place else ()
        return Object(meta.key, r.id, chain or places.ancestors(tx, r.place), _attributes(r))

    def _refusal(self, tx: Tx, caller: Caller, verb: str, r: Kind[Any, Any]) -> CloudhallError:
        explanation = self.explain(tx, caller, verb, r)
        meta = type(r).meta
        return Forbidden(
            T(
                f"你不能对{meta.title.zh}“{r.name}”执行 {verb}：",
                f"You may not {verb} the {meta.title.en.lower()} {r.name}: ",
            )
            + explanation.text,
            mend=explanation.mend,
            reason=explanation.reason,
            policies=list(explanation.policies),
        )


def out_of_scope(operation: str) -> Forbidden:
    """Say which scope the token lacks."""
    return Forbidden(
        T(f"令牌的范围不含 {operation}", f"The token's scopes do not cover {operation}"),
        mend=T(f"签发范围包含 {operation} 的令牌", f"Issue a token whose scopes cover {operation}"),
        reason="TOKEN_SCOPE",
    )


def schema_of(registry: Registry) -> PolicySchema:
    """Roles, actions and attributes that a policy may name."""
    kinds = {k.meta.key: KindSchema(_operations(k.meta), _attribute_types(k.meta)) for k in registry}
    return PolicySchema(roles=tuple(ROLES), principal_attrs=PRINCIPAL_ATTRS, kinds=kinds)


def default_policies(meta: Meta) -> str:
    """Cedar text of a declaration's `allow=`: one policy a role, so that a refusal names what is missing."""
    verbs = {**meta.allow, **{a.name: a.allow for a in meta.actions.values()}}
    return "\n".join(_permit(meta, verb, role) for verb, allowed in verbs.items() for role in allowed)


def _permit(meta: Meta, verb: str, holder: str) -> str:
    operation = f"{meta.key}:{verb}"
    title = ROLES.get(holder, T(holder, holder))
    zh, en = f"{title.zh}可对{meta.title.zh}执行 {verb}", f"{title.en} may {verb} {meta.title.en.lower()}"
    note = f'@id("{operation}/{holder}")\n@zh("{zh}")\n@en("{en}")\n'
    who, when = "principal", f" when {{ principal in resource.role.{holder} }}"
    if holder.startswith(SERVICE):
        who, when = f'principal == ServiceAccount::"{holder}"', ""
    return f'{note}permit ({who}, action == Action::"{operation}", resource){when};\n'


def _operations(meta: Meta) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*meta.allow, *meta.actions, "read")))


def _attribute_types(meta: Meta) -> Mapping[str, str]:
    types = {"id": "string", "name": "string"}
    for index in meta.indexes:
        info = field_at(meta, index.path)
        if info and index.path.startswith("spec."):
            types[info.name] = _TYPES.get(info.shape, "string")
    return types


def _attributes(r: Kind[Any, Any]) -> dict[str, Any]:
    meta = type(r).meta
    named = {i.path.partition(".")[2]: value_at(r, i.path) for i in meta.indexes if i.path.startswith("spec.")}
    known = fields_of(meta.spec)
    return {"id": r.id, "name": r.name, **{k: v for k, v in named.items() if v is not None and k in known}}
