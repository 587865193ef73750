"""Conditions as Python closures: what a decision runs.

A closure takes one tuple (`Env`), laid out by the constants below, and answers a bool, or raises `Missing`. Evaluation
follows Cedar: from the left, lazily, an error ends the policy. Built when policies are written, so a decision walks
no tree and looks up no name but the attribute's.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from cloudhall.kernel.policy.conditions import (
    And,
    Attr,
    Choose,
    Compare,
    CompareOp,
    Condition,
    Const,
    Contains,
    Fixed,
    Has,
    HasRole,
    If,
    InPlace,
    Like,
    Not,
    Of,
    Or,
    PrincipalIs,
    SetOf,
    Truth,
    Value,
)
from cloudhall.kernel.policy.model import PLATFORM, Context, Object, Subject
from cloudhall.kernel.policy.schema import BareType

Env: TypeAlias = tuple[Any, ...]
Test: TypeAlias = Callable[[Env], bool]
Read: TypeAlias = Callable[[Env], Any]

SLOT: Mapping[Of, int] = {"principal": 0, "resource": 1, "context": 2}
ID_SLOT: Mapping[Of, int] = {"principal": 3, "resource": 4}
GRANTED, ANCESTORS, PRINCIPAL_TYPE = 5, 6, 7

_NOWHERE: frozenset[str] = frozenset()
_CLASSES: Mapping[BareType | None, Any] = {
    "string": str,
    "long": int,
    "bool": bool,
    "set": (frozenset, set, tuple, list),
    None: (),
}
_OPERATORS: Mapping[CompareOp, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


Missing = KeyError
"""An attribute that the policy reads is not there: what the mapping raises by itself."""


def env_of(subject: Subject, resource: Object, context: Context) -> Env:
    """Lay a request out as closures read it."""
    return (
        subject.attrs,
        resource.attrs,
        context,
        subject.id,
        resource.id,
        subject.granted,
        resource.ancestors,
        subject.type,
    )


def test_of(condition: Condition) -> Test:
    """Closure of a condition that has been specialised for its action."""
    match condition:
        case Fixed(value):
            return lambda _env: value
        case And(items):
            return _all(tuple(map(test_of, items)))
        case Or(items):
            return _any(tuple(map(test_of, items)))
        case Not(item):
            return _not(test_of(item))
        case If(when, then, other):
            return _if(test_of(when), test_of(then), test_of(other))
        case _:
            return _atom(condition)


def _atom(atom: Condition) -> Test:
    match atom:
        case Truth(value):
            return read_of(value)
        case Compare(op, left, right):
            return _compare(_OPERATORS[op], left, right)
        case Contains(how, left, right):
            return _contains(how, read_of(left), read_of(right))
        case Has(of, name):
            return _has(SLOT[of], name)
        case Like(value, pieces):
            return _like(read_of(value), pieces)
        case HasRole(role, at_platform):
            return _holds_at_platform(role) if at_platform else _holds(role)
        case InPlace(place):
            return lambda env: place in env[ANCESTORS]
        case PrincipalIs(type_):
            return lambda env: bool(env[PRINCIPAL_TYPE] == type_)
        case _:
            raise AssertionError(f"not specialised: {atom!r}")


def read_of(value: Value) -> Read:
    """Closure of a value."""
    match value:
        case Const(const):
            return lambda _env: const
        case Attr(of, "id") if of in ID_SLOT:
            return operator.itemgetter(ID_SLOT[of])
        case Attr(of, name, type_):
            return _attr(SLOT[of], name, type_)
        case SetOf(items):
            return _set(tuple(map(read_of, items)))
        case Choose(when, then, other):
            return _if(test_of(when), read_of(then), read_of(other))


def _attr(slot: int, name: str, type_: BareType | None) -> Read:
    accepted = _CLASSES[type_]

    def read(env: Env) -> Any:
        value = env[slot][name]
        if isinstance(value, accepted):
            return value
        raise Missing(name)

    return (lambda env: frozenset(read(env))) if type_ == "set" else read


def _set(reads: tuple[Read, ...]) -> Read:
    return lambda env: frozenset(read(env) for read in reads)


def _compare(op: Callable[[Any, Any], bool], left: Value, right: Value) -> Test:
    first = read_of(left)
    if isinstance(right, Const):
        const = right.value
        return lambda env: op(first(env), const)
    second = read_of(right)
    return lambda env: op(first(env), second(env))


def _contains(how: str, left: Read, right: Read) -> Test:
    if how == "one":
        return lambda env: _member(left(env), right(env))
    if how == "all":
        return lambda env: left(env) >= right(env)
    return lambda env: not left(env).isdisjoint(right(env))


def _member(members: frozenset[Any], item: Any) -> bool:
    return item in members


def _has(slot: int, name: str) -> Test:
    return lambda env: env[slot].get(name) is not None


def _like(read: Read, pieces: tuple[str, ...]) -> Test:
    return lambda env: matches(read(env), pieces)


def matches(text: str, pieces: tuple[str, ...]) -> bool:
    """Whether the text is the pieces in order with anything between them; linear, so no pattern makes it slow."""
    first, *middle = pieces
    if not middle:
        return text == first
    last = middle.pop()
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _holds(role: str) -> Test:
    return lambda env: not env[GRANTED].get(role, _NOWHERE).isdisjoint(env[ANCESTORS])


def _holds_at_platform(role: str) -> Test:
    return lambda env: PLATFORM in env[GRANTED].get(role, _NOWHERE)


def _not(item: Test) -> Test:
    return lambda env: not item(env)


def _if(when: Test, then: Read, other: Read) -> Read:
    return lambda env: then(env) if when(env) else other(env)


def _all(tests: tuple[Test, ...]) -> Test:
    first, *others = tests
    rest = others[0] if len(others) == 1 else _all(tuple(others))
    return lambda env: first(env) and rest(env)


def _any(tests: tuple[Test, ...]) -> Test:
    first, *others = tests
    rest = others[0] if len(others) == 1 else _any(tuple(others))
    return lambda env: first(env) or rest(env)
