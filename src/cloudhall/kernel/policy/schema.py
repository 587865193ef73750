"""What policies may speak of: roles, attributes of caller, request and kinds, actions; and its Cedar schema.

    storage.bucket            kind       Cedar entity type  storage::bucket
    storage.bucket:read       action     Action::"storage.bucket:read", a member of Action::"read"
    resource.role.developer   role       Role::"developer@<place of the resource>"
    resource in Place::"x"    place      the resource lies in x or below

`resource.role` is a record with one `Role` for each role. The tree of places is the hierarchy of roles: who holds
`developer@org` is a member of `developer@project` for each project below, so `principal in resource.role.developer`
says in Cedar's own words that a grant stands on the resource's place or above it.

Invariant: `id` (the id of caller and resource, a string) and `resource.role` are ours; no kind declares `role`.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, Literal, cast

import msgspec

from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.text import T

AttrType = Literal["string", "long", "bool", "set", "string?", "long?", "bool?", "set?"]
"""`set` is a set of strings; `?` marks what may be absent, which a policy must guard with `has`."""

BareType = Literal["string", "long", "bool", "set"]
PRINCIPALS = ("Person", "ServiceAccount")
BASE_TYPES = (*PRINCIPALS, "Role", "Place", "Action")
RESERVED_WORDS = frozenset({"true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"})
CEDAR_TYPES: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "String"},
    "long": {"type": "Long"},
    "bool": {"type": "Boolean"},
    "set": {"type": "Set", "element": {"type": "String"}},
}


class KindSchema(msgspec.Struct, frozen=True):
    """A kind as policies see it.

    `actions` are verbs (`read`). `indexed` names the attributes that have an index column; None means all. `id` and
    the place always have one. `lists` are the verbs that also filter lists, so that a policy on them must become SQL.
    `prefix` begins the ids of its rows where a role may be granted on one row alone; a place has its own column.
    """

    actions: tuple[str, ...]
    attrs: Mapping[str, AttrType]
    indexed: frozenset[str] | None = None
    lists: frozenset[str] = frozenset({"read"})
    prefix: str = ""

    @property
    def columns(self) -> frozenset[str]:
        """Attributes that a list condition may compare."""
        return frozenset(self.attrs if self.indexed is None else self.indexed) | {"id"}


class PolicySchema(msgspec.Struct, frozen=True, dict=True):
    """The vocabulary of one policy set. Person and ServiceAccount share `principal_attrs`."""

    roles: Collection[str]
    principal_attrs: Mapping[str, AttrType]
    kinds: Mapping[str, KindSchema]
    context_attrs: Mapping[str, AttrType] = {}

    def __post_init__(self) -> None:
        """Refuse what Cedar could not tell apart."""
        problems = [*self._reserved(), *self._collisions()]
        if problems:
            raise Invalid(T("策略词汇表有误", "The vocabulary of policies is wrong"), problems=tuple(problems))

    def _reserved(self) -> Iterable[Problem]:
        for name in (name for name, kind in self.kinds.items() if "role" in kind.attrs):
            text = T(f"{name} 不能声明保留属性 role", f"{name} may not declare the reserved attribute role")
            yield Problem("RESERVED", f"/kinds/{name}/attrs/role", text)

    def _collisions(self) -> Iterable[Problem]:
        seen = dict.fromkeys(BASE_TYPES, "Cedar")
        for kind in self.kinds:
            other = seen.setdefault(cedar_type(kind), kind)
            if other != kind:
                text = T(f"{kind} 与 {other} 的 Cedar 名称相同", f"{kind} and {other} share one Cedar name")
                yield Problem("TAKEN", f"/kinds/{kind}", text)

    @cached_property
    def actions(self) -> Mapping[str, str]:
        """Every action with its kind: `{"storage.bucket:read": "storage.bucket"}`."""
        return {f"{name}:{verb}": name for name, kind in self.kinds.items() for verb in kind.actions}

    @cached_property
    def groups(self) -> Mapping[str, frozenset[str]]:
        """Every name that `action in` understands, with the actions that it stands for: a verb, or one action."""
        verbs: dict[str, set[str]] = {}
        for action in self.actions:
            verbs.setdefault(verb_of(action), set()).add(action)
        each = {action: frozenset({action}) for action in self.actions}
        return each | {verb: frozenset(actions) for verb, actions in verbs.items()}

    @cached_property
    def kind_of_type(self) -> Mapping[str, str]:
        """`{"storage::bucket": "storage.bucket"}`."""
        return {cedar_type(kind): kind for kind in self.kinds}

    def attributes(self, of: str, kind: str) -> Mapping[str, AttrType]:
        """Attributes that may be read of `principal`, `resource` (of that kind) or `context`."""
        if of == "context":
            return self.context_attrs
        return {**(self.principal_attrs if of == "principal" else self.kinds[kind].attrs), "id": "string"}

    def only(self, kinds: Collection[str]) -> "PolicySchema":
        """Return the same vocabulary with these kinds alone."""
        return msgspec.structs.replace(self, kinds={kind: self.kinds[kind] for kind in kinds})

    def cedar(self) -> dict[str, Any]:
        """Render the schema in Cedar's JSON format."""
        spaces: dict[str, Any] = {"": self._base()}
        for kind in self.kinds:
            space, _, name = cedar_type(kind).rpartition("::")
            types = spaces.setdefault(space, {"entityTypes": {}, "actions": {}})["entityTypes"]
            types[name] = {"memberOfTypes": ["Place"], "shape": self._shape(self.kinds[kind].attrs, roles=True)}
        return spaces

    def _base(self) -> dict[str, Any]:
        principal = {"memberOfTypes": ["Role"], "shape": self._shape(self.principal_attrs, roles=False)}
        return {
            "commonTypes": {"Request": _record(self.context_attrs)},
            "entityTypes": {
                **dict.fromkeys(PRINCIPALS, principal),
                "Role": {"memberOfTypes": ["Role"]},
                "Place": {"memberOfTypes": ["Place"]},
            },
            "actions": {**self._verbs(), **{action: self._action(action) for action in self.actions}},
        }

    def _verbs(self) -> dict[str, Any]:
        return {verb: {} for kind in self.kinds.values() for verb in kind.actions}

    def _action(self, action: str) -> dict[str, Any]:
        applies = {
            "principalTypes": list(PRINCIPALS),
            "resourceTypes": [cedar_type(self.actions[action])],
            "context": {"type": "Request"},
        }
        return {"memberOf": [{"id": verb_of(action)}], "appliesTo": applies}

    def _shape(self, attrs: Mapping[str, AttrType], *, roles: bool) -> dict[str, Any]:
        shape = _record({**attrs, "id": "string"})
        if roles:
            role = {name: {"type": "Entity", "name": "Role"} for name in sorted(self.roles)}
            shape["attributes"]["role"] = {"type": "Record", "attributes": role}
        return shape


def nearest(name: str, names: Iterable[str]) -> T:
    """Name the one that was perhaps meant."""
    import difflib

    near = difflib.get_close_matches(name, sorted(names), 1, 0.0) or ["—"]
    return T(f"最接近的是 {near[0]}", f"the nearest is {near[0]}")


def pointer(source: str, policy: str) -> str:
    """JSON pointer of a policy: the name of its source, its id."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in (source, policy) if part)


def verb_of(action: str) -> str:
    """`storage.bucket:read` → `read`."""
    return action.rpartition(":")[2]


def bare(type_: AttrType) -> BareType:
    """Drop the mark of what may be absent."""
    return cast("BareType", type_.rstrip("?"))


def cedar_type(kind: str) -> str:
    """`storage.access-key` → `storage::access_key`; a reserved word of Cedar gets an underscore."""
    return "::".join(_identifier(part) for part in kind.split("."))


def _identifier(part: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]", "_", part)
    return f"{name}_" if name in RESERVED_WORDS else re.sub(r"^(?=\d)", "_", name)


def _record(attrs: Mapping[str, AttrType]) -> dict[str, Any]:
    members = {name: {**CEDAR_TYPES[bare(t)], "required": not t.endswith("?")} for name, t in attrs.items()}
    return {"type": "Record", "attributes": members}
