"""Authority: may this caller do this to that? One answer for a decision, a list and an explanation.

Default policies are rendered from the `allow=` of each declaration, so that the golden table and the declarations
cannot differ; a domain adds conditions of its own in `policies.cedar`. What one may not see answers 404, not 403.
"""

from typing import Any, cast

import msgspec

from cloudhall.kernel import places
from cloudhall.kernel.caller import SERVICE, Attribute, Caller
from cloudhall.kernel.errors import Forbidden
from cloudhall.kernel.facts import Ruling, Seen, object_fact, subject_fact
from cloudhall.kernel.fields import FieldInfo, fields_of
from cloudhall.kernel.kinds import Kind, Meta, Scope
from cloudhall.kernel.policy import (
    AttrType,
    Decision,
    Explanation,
    KindSchema,
    Object,
    PolicySchema,
    PolicySet,
    Subject,
)
from cloudhall.kernel.registry import AnyKind, Registry
from cloudhall.kernel.roles import ROLES, SECURITY_ADMIN
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.text import T

WHERE: dict[Scope, T] = {
    "project": T("所在项目", "its project"),
    "organisation": T("所在单位", "its organisation"),
    "platform": T("平台", "the platform"),
}
PRINCIPAL_ATTRS: dict[str, AttrType] = {"suspended": "bool", "organisation": "string", "real_name_level": "long"}
UNKNOWN: dict[str, Attribute] = {"suspended": False, "organisation": "", "real_name_level": 0}
"""What is known of a caller of whom nothing is said."""

HIDDEN = frozenset({"role", "id"})
PLAIN = {"str": "string", "enum": "string", "int": "long", "bool": "bool"}
"""Shapes of fields that policies may compare, and what Cedar calls them."""
PLAIN_VERBS = {
    "read": T("查看", "see"),
    "create": T("新建", "create"),
    "update": T("修改", "change"),
    "delete": T("删除", "delete"),
    "audit": T("审计", "audit"),
}


class Authority:
    """Compiled policies of a registry."""

    def __init__(self, registry: Registry, world: Any) -> None:
        """Render, check and compile; `Invalid` names the policy that is wrong."""
        self.registry, self.world = registry, world
        self._prefixes = frozenset(k.meta.prefix for k in registry if not k.meta.place)
        sources = {f"{m.key}": default_policies(m) for m in (k.meta for k in registry)}
        sources |= {f"{d.name}/policies.cedar": d.policies for d in registry.domains.values() if d.policies}
        self.policies = PolicySet.compile({k: v for k, v in sources.items() if v}, schema_of(registry))

    def decide(self, tx: Tx, caller: Caller, verb: str, resource: Kind[Any, Any]) -> Decision:
        """Decide one operation on one resource (a row, or one about to be made)."""
        operation = f"{type(resource).meta.key}:{verb}"
        return self.policies.decide(self.subject(tx, caller), operation, self.object(tx, resource, verb), {})

    def explain(self, tx: Tx, caller: Caller, verb: str, resource: Kind[Any, Any]) -> Explanation:
        """Why, and what would change the answer."""
        operation = f"{type(resource).meta.key}:{verb}"
        return self.policies.explain(self.subject(tx, caller), operation, self.object(tx, resource, verb), {})

    def require(self, tx: Tx, caller: Caller, verb: str, resource: Kind[Any, Any]) -> Ruling:
        """Policies that allow it, with what they saw; raises `Forbidden` with the reasons, and with the same."""
        meta = type(resource).meta
        operation = f"{meta.key}:{verb}"
        subject, object_ = self.subject(tx, caller), self.object(tx, resource, verb)
        policies: tuple[str, ...] = ()
        if not _offered(meta, verb):
            refusal = never(meta, verb)
        elif not caller.within_scopes(operation):
            refusal = out_of_scope(operation)
        else:
            decision = self.policies.decide(subject, operation, object_, {})
            if decision.allowed:
                return Ruling.of(decision.determining, operation, subject, object_)
            refusal, policies = self._refusal(tx, caller, verb, resource), decision.determining
        seen = self.seen(Ruling.of(policies, operation, subject, object_), caller)
        refusal.ruling = {"policies": policies, **seen.named()}
        raise refusal

    def seen(self, ruling: Ruling, caller: Caller, becomes: Kind[Any, Any] | None = None) -> Seen:
        """What a ruling went by, as the log names it; `becomes` is what an update leads to."""
        read = self._read(ruling.operation)
        after = _attributes(becomes, read) if becomes is not None and read else None
        subject = subject_fact(ruling.subject, caller.scopes)
        return Seen(self.policies.digest, subject, object_fact(ruling.object, read, after))

    def may(self, tx: Tx, caller: Caller, verb: str, resource: Kind[Any, Any]) -> bool:
        """Whether it would be allowed; for buttons and navigation."""
        meta = type(resource).meta
        if not _offered(meta, verb) or not caller.within_scopes(f"{meta.key}:{verb}"):
            return False
        return self.decide(tx, caller, verb, resource).allowed

    def might_create(self, tx: Tx, caller: Caller, kind: AnyKind, place: str) -> bool:
        """Advice: whether a creation in a place may be allowed; a policy that must see the values counts as yes."""
        operation, resource = f"{kind.meta.key}:create", Object(kind.meta.key, "", places.ancestors(tx, place), {})
        decision = self.policies.decide(self.subject(tx, caller), operation, resource, {})
        return decision.allowed or (bool(decision.errors) and not decision.explicit_deny)

    def visible(self, tx: Tx, caller: Caller, kind: AnyKind) -> Where:
        """Condition that leaves the rows the caller may read: the same policy, as SQL."""
        operation = f"{kind.meta.key}:read"
        if not caller.within_scopes(operation):
            return Where("1 = 0")
        columns = {"place": "id" if kind.meta.place else "place", "id": "id"}
        columns |= {name: f"spec_{name}" for name in _indexed(kind.meta)}
        subject = self._in_lists_of(kind.meta, self.subject(tx, caller))
        where = self.policies.where(subject, operation, kind.meta.key, columns, {})
        return Where(where.sql, tuple(where.params))

    def subject(self, tx: Tx, caller: Caller) -> Subject:
        """Caller with the roles held now."""
        attrs = {**UNKNOWN, **caller.attrs}
        organisation = str(attrs["organisation"]) if caller.type == "Person" else ""
        return Subject(caller.type, caller.id, places.granted(tx, caller.id, self.world.now_us(), organisation), attrs)

    def object(self, tx: Tx, r: Kind[Any, Any], verb: str) -> Object:
        """Resource with itself, its places, and what policies of the operation read; what is created is no node yet."""
        meta = type(r).meta
        chain = places.ancestors(tx, r.id) if meta.place else ()
        above = chain or places.ancestors(tx, r.place)
        nodes = above if meta.place or verb == "create" else (r.id, *above)
        return Object(meta.key, r.id, nodes, _attributes(r, self._read(f"{meta.key}:{verb}")))

    def _read(self, operation: str) -> frozenset[str]:
        """Attributes that policies of an operation read; none of one that nobody is offered."""
        return self.policies.reads(operation) if operation in self.policies.schema.actions else frozenset()

    def _in_lists_of(self, meta: Meta, subject: Subject) -> Subject:
        """Leave out the roles on single resources of other kinds, of which no row of a list can be."""
        others = self._prefixes - {meta.prefix}
        held = {r: frozenset(n for n in ns if n.partition("-")[0] not in others) for r, ns in subject.granted.items()}
        return msgspec.structs.replace(subject, granted=held)

    def _refusal(self, tx: Tx, caller: Caller, verb: str, r: Kind[Any, Any]) -> Forbidden:
        """Name the policy, and what would change the answer."""
        meta, why = type(r).meta, self.explain(tx, caller, verb, r)
        nearest = [c for c in why.permits if len(c.lacks) == len(why.permits[0].lacks)]
        clauses = why.forbidden_by or nearest
        roles_ = list(dict.fromkeys(role for c in clauses for lack in c.lacks for role in lack.roles))
        asks = [c.text for c in why.forbidden_by] or _wanted(meta, roles_) or [k.text for c in nearest for k in c.lacks]
        asks = asks or [T("没有任何策略允许", "no policy allows it")]
        deed = _deed(meta, verb, T(f"{meta.title.zh}“{r.name}”", f"the {meta.title.en.lower()} {r.name}"))
        return Forbidden(
            T(
                f"你不能{deed.zh}：{'；'.join(t.zh for t in asks)}",
                f"You may not {deed.en}: {'; '.join(t.en for t in asks)}",
            ),
            reason=clauses[0].policy if clauses else "NO_POLICY",
            policies=[c.policy for c in (*why.forbidden_by, *why.permits)],
            roles=roles_,
            resource="" if verb == "create" else r.id,
            place=r.place,
            ask=places.holders(tx, SECURITY_ADMIN, places.ancestors(tx, r.place), self.world.now_us()),
        )


def _wanted(meta: Meta, holders: list[str]) -> list[T]:
    """Say which role would do, and where, in the words that people know them by."""
    if not holders:
        return []
    titles, where = [ROLES[role] for role in holders], WHERE[meta.scope]
    zh, en = "或".join(t.zh for t in titles), " or ".join(t.en for t in titles)
    return [T(f"需要在{where.zh}担任{zh}", f"it takes the role {en} on {where.en}")]


def out_of_scope(operation: str) -> Forbidden:
    """Say which scope the token lacks."""
    return Forbidden(
        T(f"令牌的范围不含 {operation}", f"The token's scopes do not cover {operation}"),
        mend=T(f"签发范围包含 {operation} 的令牌", f"Issue a token whose scopes cover {operation}"),
        reason="TOKEN_SCOPE",
    )


def never(meta: Meta, verb: str) -> Forbidden:
    """Say that a kind does not offer an operation to anybody: statements are not edited, price plans not deleted."""
    offered = "、".join(meta.verbs), ", ".join(meta.verbs)
    return Forbidden(
        T(f"谁都不能{verb_title(meta, verb).zh}{meta.title.zh}", f"Nobody may {verb} a {meta.title.en.lower()}"),
        mend=T(f"可用的操作：{offered[0]}", f"What can be done: {offered[1]}"),
        reason="NEVER",
    )


def _offered(meta: Meta, verb: str) -> bool:
    return verb == "read" or verb in meta.allow or verb in meta.actions


def verb_title(meta: Meta, verb: str) -> T:
    """Say an operation in words: the plain ones here, an action or a use by its own title."""
    action = meta.actions.get(verb)
    return action.title if action else meta.uses.get(verb) or PLAIN_VERBS.get(verb, T(verb, verb))


def _deed(meta: Meta, verb: str, thing: T) -> T:
    """Say an operation on a thing: `删除存储桶`, `delete bucket`; a use of it: `read objects in bucket`."""
    if use := meta.uses.get(verb):
        return T(f"在{thing.zh}中{use.zh}", f"{use.en[:1].lower()}{use.en[1:]} in {thing.en}")
    return T(f"{verb_title(meta, verb).zh}{thing.zh}", f"{verb} {thing.en}")


def schema_of(registry: Registry) -> PolicySchema:
    """Roles, actions and attributes that a policy may name."""
    kinds = {k.meta.key: _kind_schema(k.meta) for k in registry}
    return PolicySchema(roles=frozenset(ROLES), principal_attrs=PRINCIPAL_ATTRS, kinds=kinds)


def default_policies(meta: Meta) -> str:
    """Cedar text of a declaration's `allow=`: one policy a role, so that a refusal names what is missing."""
    verbs = {**meta.allow, **{a.name: a.allow for a in meta.actions.values()}}
    return "\n".join(_permit(meta, verb, role) for verb, allowed in verbs.items() for role in allowed)


def _permit(meta: Meta, verb: str, holder: str) -> str:
    operation = f"{meta.key}:{verb}"
    title = ROLES.get(holder, T("程序自身", "the program itself"))
    deed = _deed(meta, verb, T(meta.title.zh, meta.title.en.lower()))
    note = f'@id("{operation}/{holder}")\n@zh("{title.zh}可{deed.zh}")\n@en("{title.en} may {deed.en}")\n'
    who, when = "principal", f" when {{ principal in resource.role.{holder} }}"
    if holder.startswith(SERVICE):
        who, when = f'principal == ServiceAccount::"{holder}"', ""
    return f'{note}permit ({who}, action == Action::"{operation}", resource){when};\n'


def _kind_schema(meta: Meta) -> KindSchema:
    actions = tuple(dict.fromkeys((*meta.allow, *meta.actions, "read")))
    attrs = {name: _attr_type(info) for name, info in _readable(meta).items()}
    return KindSchema(actions, attrs, frozenset(_indexed(meta)), prefix="" if meta.place else f"{meta.prefix}-")


def _readable(meta: Meta) -> dict[str, FieldInfo]:
    """Policies see the plain fields of a spec, but `role`: in a policy that word means the roles on the resource."""
    return {name: info for name, info in fields_of(meta.spec).items() if name not in HIDDEN and info.shape in PLAIN}


def _indexed(meta: Meta) -> list[str]:
    """Those of them that have a column, which lists may be filtered by."""
    return [name for name in _readable(meta) if any(index.path == f"spec.{name}" for index in meta.indexes)]


def _attr_type(info: FieldInfo) -> AttrType:
    return cast("AttrType", PLAIN[info.shape] + "?" * info.nullable)


def _attributes(r: Kind[Any, Any], read: frozenset[str]) -> dict[str, Any]:
    values = {name: getattr(r.spec, name) for name in read if name != "id"}
    return {name: value for name, value in values.items() if value is not None}
