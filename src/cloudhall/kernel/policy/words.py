"""What a condition asks for, in Chinese and English: `role developer on p1`, `grade of the resource must be "open"`.

Says what must hold, never what a resource holds now: whoever reads it may not be allowed to see that. Conditions have
been specialised for their action, so that nothing is said of kind and action, which the reader knows.
"""

import json
from collections.abc import Iterable, Mapping

from cloudhall.kernel.policy.conditions import (
    MIRRORED,
    NEGATED,
    And,
    Attr,
    Choose,
    Compare,
    CompareOp,
    Condition,
    Const,
    Contains,
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
from cloudhall.kernel.policy.model import PLATFORM
from cloudhall.kernel.text import T

_WHOSE: Mapping[Of, T] = {
    "principal": T("申请者", "the caller"),
    "resource": T("资源", "the resource"),
    "context": T("请求", "the request"),
}
_MUST: Mapping[CompareOp, T] = {
    "==": T("须为", "must be"),
    "!=": T("不得为", "must not be"),
    "<": T("须小于", "must be less than"),
    "<=": T("不得大于", "must be at most"),
    ">": T("须大于", "must be more than"),
    ">=": T("不得小于", "must be at least"),
}
_CONTAINS = {
    "one": (T("须包含", "must contain"), T("不得包含", "must not contain")),
    "all": (T("须包含全部", "must contain all of"), T("不得同时包含", "must not contain all of")),
    "any": (T("须包含其一", "must contain one of"), T("不得包含任何", "must contain none of")),
}


def words_of(condition: Condition, here: str, *, wanted: bool = True) -> T:
    """Say what must hold for the condition to be `wanted`; `here` names the place of the resource."""
    match condition:
        case Not(item):
            return words_of(item, here, wanted=not wanted)
        case And(items):
            return joined((words_of(i, here, wanted=wanted) for i in items), together=wanted)
        case Or(items):
            return joined((words_of(i, here, wanted=wanted) for i in items), together=not wanted)
        case If(when, then, other):
            branches = ((when, then), (Not(when), other))
            return joined((_branch(w, b, here, wanted=wanted) for w, b in branches), together=False)
        case _:
            return _atom(condition, here, wanted=wanted)


def _branch(when: Condition, then: Condition, here: str, *, wanted: bool) -> T:
    return joined((words_of(when, here), words_of(then, here, wanted=wanted)), together=True)


def joined(parts: Iterable[T], *, together: bool) -> T:
    """All of the parts, or any of them."""
    texts = tuple(dict.fromkeys(parts))
    zh, en = ("，且", ", and ") if together else ("，或", ", or ")
    return T(zh.join(t.zh for t in texts), en.join(t.en for t in texts))


def missing(attr: Attr) -> T:
    """Say that an attribute which the policy reads is not there."""
    name = value_words(attr)
    return T(f"缺少{name.zh}", f"{name.en} is missing")


def value_words(value: Value) -> T:
    """Name a value."""
    match value:
        case Const(literal):
            text = json.dumps(literal, ensure_ascii=False)
            return T(text, text)
        case Attr(of, name):
            return T(f"{_WHOSE[of].zh}的 {name}", f"{name} of {_WHOSE[of].en}")
        case SetOf(items):
            named = [value_words(item) for item in items]
            return T("、".join(n.zh for n in named), ", ".join(n.en for n in named))
        case Choose(when, then, other):
            when_, then_, other_ = words_of(when, "…"), value_words(then), value_words(other)
            return T(f"{then_.zh}（若{when_.zh}）或 {other_.zh}", f"{then_.en} (if {when_.en}) or else {other_.en}")


def _atom(atom: Condition, here: str, *, wanted: bool) -> T:
    match atom:
        case HasRole(role, at_platform):
            return _role(role, PLATFORM if at_platform else here, wanted=wanted)
        case Truth(value):
            return _said(value, _MUST["=="], Const(wanted))
        case Compare(op, Const() as left, right):
            return words_of(Compare(MIRRORED[op], right, left), here, wanted=wanted)
        case Compare(op, left, right):
            return _said(left, _MUST[op if wanted else NEGATED[op]], right)
        case Contains("one", SetOf() as members, item):
            verb = T("须为其一：", "must be one of") if wanted else T("不得为其一：", "must be none of")
            return _said(item, verb, members)
        case Contains(how, left, right):
            return _said(left, _CONTAINS[how][0 if wanted else 1], right)
        case _:
            return _plain(atom, wanted=wanted)


def _plain(atom: Condition, *, wanted: bool) -> T:
    match atom:
        case Has(of, name):
            verb = T("须填写", "must be set") if wanted else T("不得填写", "must not be set")
            subject = value_words(Attr(of, name))
            return T(f"{subject.zh} {verb.zh}", f"{subject.en} {verb.en}")
        case Like(value, pieces):
            verb = T("须符合", "must match") if wanted else T("不得符合", "must not match")
            return _said(value, verb, Const("*".join(pieces)))
        case InPlace(place):
            verb = T("须位于", "must lie in") if wanted else T("不得位于", "must not lie in")
            return T(f"资源{verb.zh} {place}", f"the resource {verb.en} {place}")
        case PrincipalIs(type_):
            verb = _MUST["==" if wanted else "!="]
            return T(f"申请者{verb.zh} {type_}", f"the caller {verb.en} {type_}")
    raise AssertionError(f"not specialised: {atom!r}")


def _role(role: str, place: str, *, wanted: bool) -> T:
    if wanted:
        return T(f"在 {place} 上的角色 {role}", f"role {role} on {place}")
    return T(f"不得持有在 {place} 上的角色 {role}", f"must not hold role {role} on {place}")


def _said(subject: Value, verb: T, value: Value) -> T:
    left, right = value_words(subject), value_words(value)
    return T(f"{left.zh} {verb.zh} {right.zh}", f"{left.en} {verb.en} {right.en}")
