"""The subset of Cedar that is decided here, as a tree of values.

Two sorts of node: a `Value` (what is compared) and a `Condition` (true, false, or an error when an attribute is not
there). `&&` and `||` are flat lists, read from the left, and stop where Cedar stops: `false && error` is false,
`error && false` is an error. Every function here keeps errors as they are; nothing here evaluates.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from cloudhall.kernel.policy.schema import BareType, PolicySchema, bare

Of = Literal["principal", "resource", "context"]
CompareOp = Literal["==", "!=", "<", "<=", ">", ">="]
NEGATED: Mapping[CompareOp, CompareOp] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
MIRRORED: Mapping[CompareOp, CompareOp] = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


class Const(msgspec.Struct, frozen=True):
    """A literal."""

    value: str | int | bool


class Attr(msgspec.Struct, frozen=True):
    """`resource.grade`; the type is known once the kind is (`specialise`)."""

    of: Of
    name: str
    type: BareType | None = None


class SetOf(msgspec.Struct, frozen=True):
    """`["a", principal.organisation]`."""

    items: tuple["Value", ...]


class Choose(msgspec.Struct, frozen=True):
    """`if … then 900 else 3600`, as a value."""

    when: "Condition"
    then: "Value"
    other: "Value"


class Fixed(msgspec.Struct, frozen=True):
    """Always true, or always false."""

    value: bool


class And(msgspec.Struct, frozen=True):
    """All, from the left."""

    items: tuple["Condition", ...]


class Or(msgspec.Struct, frozen=True):
    """Any, from the left."""

    items: tuple["Condition", ...]


class Not(msgspec.Struct, frozen=True):
    """The opposite."""

    item: "Condition"


class If(msgspec.Struct, frozen=True):
    """`if … then … else …`, as a condition."""

    when: "Condition"
    then: "Condition"
    other: "Condition"


class Truth(msgspec.Struct, frozen=True):
    """A value of type bool, as a condition."""

    value: "Value"


class Compare(msgspec.Struct, frozen=True):
    """`left op right`."""

    op: CompareOp
    left: "Value"
    right: "Value"


class Contains(msgspec.Struct, frozen=True):
    """`left.contains(right)`; of `all` and `any`, right is a set as well."""

    how: Literal["one", "all", "any"]
    left: "Value"
    right: "Value"


class Has(msgspec.Struct, frozen=True):
    """`resource has owner`."""

    of: Of
    name: str


class Like(msgspec.Struct, frozen=True):
    """`value like "a*b"`: the pieces between the wildcards, so `("a", "b")`."""

    value: "Value"
    pieces: tuple[str, ...]


class HasRole(msgspec.Struct, frozen=True):
    """`principal in resource.role.developer`; with `at_platform`, `principal in Role::"developer@platform"`."""

    role: str
    at_platform: bool = False


class InPlace(msgspec.Struct, frozen=True):
    """`resource in Place::"chongqing"`: there or below."""

    place: str


class PrincipalIs(msgspec.Struct, frozen=True):
    """`principal is Person`."""

    type: str


class KindIs(msgspec.Struct, frozen=True):
    """`resource is storage::bucket`."""

    kind: str


class ActionIs(msgspec.Struct, frozen=True):
    """`action in […]`, as full names."""

    actions: frozenset[str]


Value: TypeAlias = Const | Attr | SetOf | Choose
Atom: TypeAlias = (
    Truth | Compare | Contains | Has | Like | HasRole | InPlace | PrincipalIs | KindIs | ActionIs
)  # fmt: skip
Condition: TypeAlias = Fixed | And | Or | Not | If | Atom
TRUE, FALSE = Fixed(value=True), Fixed(value=False)


def all_of(items: Iterable[Condition]) -> Condition:
    """Conjunction without what does not count: a true member, and all behind a false one."""
    return _joined(And, items, neutral=TRUE, final=FALSE)


def any_of(items: Iterable[Condition]) -> Condition:
    """Disjunction without what does not count: a false member, and all behind a true one."""
    return _joined(Or, items, neutral=FALSE, final=TRUE)


def _joined(join: type[And] | type[Or], items: Iterable[Condition], *, neutral: Fixed, final: Fixed) -> Condition:
    kept: list[Condition] = []
    for item in items:
        kept.extend(item.items if isinstance(item, join) else () if item == neutral else (item,))
        if kept and kept[-1] == final:
            break
    return join(tuple(kept)) if len(kept) > 1 else kept[0] if kept else neutral


def not_(item: Condition) -> Condition:
    """Negation; of a constant, the other constant."""
    return Fixed(not item.value) if isinstance(item, Fixed) else Not(item)


def if_(when: Condition, then: Condition, other: Condition) -> Condition:
    """Choice; of a constant, the branch taken."""
    if isinstance(when, Fixed):
        return then if when.value else other
    return If(when, then, other)


def walk(node: Any) -> Iterator[Any]:
    """The node and all below it."""
    if isinstance(node, tuple):
        for item in node:
            yield from walk(item)
    elif isinstance(node, msgspec.Struct):
        yield node
        for name in node.__struct_fields__:
            yield from walk(getattr(node, name))


def reads_resource(node: Any) -> bool:
    """Whether the answer may differ from one resource of a kind to the next."""
    return any(_reads_resource(n) for n in walk(node))


def _reads_resource(node: Any) -> bool:
    if isinstance(node, HasRole):
        return not node.at_platform
    return isinstance(node, InPlace) or (isinstance(node, Attr | Has) and node.of == "resource")


def depth(condition: Condition) -> int:
    """How deeply `&&`, `||`, `!` and `if` nest."""
    match condition:
        case And(items) | Or(items):
            return 1 + max(map(depth, items))
        case Not(item):
            return 1 + depth(item)
        case If(when, then, other):
            return 1 + max(map(depth, (when, then, other)))
        case _:
            return 0


def specialise(node: Any, action: str, schema: PolicySchema) -> Any:
    """The same condition for one action: kind and action are known, attributes get their types, constants fold."""
    kind = schema.actions[action]
    match node:
        case KindIs(wanted):
            return Fixed(wanted == kind)
        case ActionIs(actions):
            return Fixed(action in actions)
        case Has("principal" | "resource", "id"):
            return TRUE
        case Has(of, name):
            return node if name in schema.attributes(of, kind) else FALSE
        case Attr(of, name):
            declared = schema.attributes(of, kind).get(name)
            return Attr(of, name, declared and bare(declared))
        case tuple():
            return tuple(specialise(item, action, schema) for item in node)
        case msgspec.Struct():
            return _folded(type(node)(*(specialise(getattr(node, f), action, schema) for f in node.__struct_fields__)))
    return node


def _folded(node: Any) -> Any:
    match node:
        case And(items):
            return all_of(items)
        case Or(items):
            return any_of(items)
        case Not(item):
            return not_(item)
        case If(when, then, other):
            return if_(when, then, other)
        case Choose(Fixed(value), then, other):
            return then if value else other
    return node
