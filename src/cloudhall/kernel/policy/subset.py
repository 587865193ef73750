"""Cedar expressions → our conditions; what lies outside the subset is refused, naming the expression.

Cedar's own parser has read the text (`cedarpy.pst`), so no second grammar exists. A refused or unknown part is
reported and stands for `false` until the whole set is refused; nothing is ever decided with it.

Outside the subset: templates, arithmetic, extension functions (ip, decimal, datetime), tags, records, entities as
values, and any walk from one resource to another. This module imports cedarpy at its top: import it where policies
are compiled, nowhere else.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal

import cedarpy
from cedarpy import pst

from cloudhall.kernel.policy.conditions import (
    FALSE,
    ActionIs,
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
    InPlace,
    KindIs,
    Like,
    Of,
    PrincipalIs,
    SetOf,
    Truth,
    Value,
    all_of,
    any_of,
    if_,
    not_,
)
from cloudhall.kernel.policy.model import PLATFORM
from cloudhall.kernel.policy.schema import PRINCIPALS, PolicySchema, nearest
from cloudhall.kernel.text import T

Report = Callable[[str, T, T | None], None]
"""Takes code, text and how to mend it."""

_COMPARE: Mapping[str, CompareOp] = {
    "eq": "==",
    "not_eq": "!=",
    "less": "<",
    "less_eq": "<=",
    "greater": ">",
    "greater_eq": ">=",
}
_CONTAINS: Mapping[str, Literal["one", "all", "any"]] = {
    "contains": "one",
    "contains_all": "all",
    "contains_any": "any",
}
_NOTHING = Const(value=False)


class Translator:
    """Translates the expressions of one policy; `attributes` are the names that exist where it applies."""

    def __init__(self, schema: PolicySchema, attributes: Mapping[Of, frozenset[str]], report: Report) -> None:
        self._schema = schema
        self._attributes = attributes
        self._report = report

    def condition(self, e: pst.Expr) -> Condition:
        """Translate an expression of type bool."""
        match e:
            case pst.BoolLit(value):
                return Fixed(value)
            case pst.UnaryOp("not", arg):
                return not_(self.condition(arg))
            case pst.BinaryOp("and", left, right):
                return all_of((self.condition(left), self.condition(right)))
            case pst.BinaryOp("or", left, right):
                return any_of((self.condition(left), self.condition(right)))
            case pst.IfThenElse(cond, then, other):
                return if_(self.condition(cond), self.condition(then), self.condition(other))
            case _:
                return self._atom(e)

    def _atom(self, e: pst.Expr) -> Condition:
        match e:
            case pst.GetAttr():
                return Truth(self._value(e))
            case pst.HasAttr(pst.Var("principal" | "resource" | "context" as of), (name,)):
                return Has(of, self._attribute(of, name))
            case pst.Like(base, pattern):
                return Like(self._value(base), _pieces(pattern))
            case pst.Is(pst.Var(of), type_, within):
                scope = self._membership(e, of, within) if within else Fixed(value=True)
                return all_of((self._type(e, of, str(type_)), scope))
            case pst.BinaryOp("in", pst.Var(of), right):
                return self._membership(e, of, right)
            case pst.BinaryOp(op, left, right) if op in _COMPARE:
                return self._comparison(e, _COMPARE[op], left, right)
            case pst.BinaryOp(op, left, right) if op in _CONTAINS:
                return Contains(_CONTAINS[op], self._value(left), self._value(right))
        return self._refuse(e)

    def _comparison(self, e: pst.Expr, op: CompareOp, left: pst.Expr, right: pst.Expr) -> Condition:
        match left, right:
            case (pst.Var(of), pst.EntityLit(uid)) | (pst.EntityLit(uid), pst.Var(of)) if op in {"==", "!="}:
                same = self._identity(e, of, uid)
                return same if op == "==" else not_(same)
        return Compare(op, self._value(left), self._value(right))

    def _identity(self, e: pst.Expr, of: pst.VarName, uid: pst.EntityUid) -> Condition:
        if of == "action":
            return ActionIs(self.actions((uid,), verbs=False))
        if of == "context":
            return self._refuse(e)
        return all_of((self._type(e, of, str(uid.type)), Compare("==", Attr(of, "id"), Const(uid.id))))

    def _type(self, e: pst.Expr, of: pst.VarName, type_: str) -> Condition:
        if of == "principal":
            return PrincipalIs(self._known("PRINCIPAL", type_, PRINCIPALS))
        if of == "resource":
            return KindIs(self._schema.kind_of_type.get(self._known("KIND", type_, self._schema.kind_of_type), ""))
        return self._refuse(e)

    def _membership(self, e: pst.Expr, of: pst.VarName, right: pst.Expr) -> Condition:
        members = right.elements if isinstance(right, pst.Set) else (right,)
        if of == "action":
            uids = [m.value for m in members if isinstance(m, pst.EntityLit)]
            return ActionIs(self.actions(uids)) if len(uids) == len(members) else self._refuse(e)
        return any_of(self._member(e, of, member) for member in members)

    def _member(self, e: pst.Expr, of: pst.VarName, target: pst.Expr) -> Condition:
        match of, target:
            case "principal", pst.GetAttr(pst.GetAttr(pst.Var("resource"), "role"), role):
                return HasRole(self._known("ROLE", role, self._schema.roles))
            case "principal", pst.EntityLit(pst.EntityUid(pst.EntityType("Role", ()), id)):
                role, _, place = id.partition("@")
                if place == PLATFORM:
                    return HasRole(self._known("ROLE", role, self._schema.roles), at_platform=True)
            case "resource", pst.EntityLit(pst.EntityUid(pst.EntityType("Place", ()), id)):
                return InPlace(id)
        return self._refuse(e)

    def actions(self, uids: Iterable[pst.EntityUid], *, verbs: bool = True) -> frozenset[str]:
        """Full names of actions; with `in`, a bare verb is the group of that verb of every kind."""
        known = self._schema.groups if verbs else self._schema.actions
        names = [self._known("ACTION", uid.id, known) for uid in uids]
        return frozenset().union(*(self._schema.groups.get(name, ()) for name in names))

    def _value(self, e: pst.Expr) -> Value:
        match e:
            case pst.BoolLit(literal) | pst.LongLit(literal) | pst.StringLit(literal):
                return Const(literal)
            case pst.GetAttr(pst.Var("principal" | "resource" | "context" as of), name):
                return Attr(of, self._attribute(of, name))
            case pst.Set(elements):
                return SetOf(tuple(map(self._value, elements)))
            case pst.IfThenElse(cond, then, other):
                return Choose(self.condition(cond), self._value(then), self._value(other))
        self._refuse(e)
        return _NOTHING

    def _attribute(self, of: Of, name: str) -> str:
        return self._known("ATTRIBUTE", name, self._attributes[of], of)

    def _known(self, what: str, name: str, names: Collection[str], of: str = "") -> str:
        if name not in names:
            zh, en = _UNKNOWN[what]
            subject = f" {of} " if of else " "
            said = T(f"没有{subject}{zh} {name}", f"no{subject}{en} {name}")
            self._report(f"UNKNOWN_{what}", said, nearest(name, names))
        return name

    def _refuse(self, e: pst.Expr) -> Condition:
        text = shown(e)
        self._report(
            "UNSUPPORTED",
            T(
                f"表达式不在支持的 Cedar 子集内：{text}",
                f"the expression is outside the supported subset of Cedar: {text}",
            ),
            T(
                "改用属性比较、has、like、contains、if，或 principal in resource.role.〈角色〉",
                "use comparison of attributes, has, like, contains, if, or principal in resource.role.<role>",
            ),
        )
        return FALSE


_UNKNOWN: Mapping[str, tuple[str, str]] = {
    "ROLE": ("角色", "role"),
    "ACTION": ("动作", "action"),
    "KIND": ("资源种类", "kind"),
    "PRINCIPAL": ("主体类型", "principal type"),
    "ATTRIBUTE": ("属性", "attribute"),
}


def shown(e: pst.Expr) -> str:
    """The expression as Cedar text; Cedar prints it, brackets around plain paths are dropped."""
    scope = pst.ScopeAny()
    text = cedar_text(pst.Template("p", "permit", scope, scope, scope, (pst.When(e),), {}))
    text = text[text.index("{") + 1 : text.rindex("}")].strip()
    plain = re.compile(r"(?<!\w)\(([\w.]+)\)")
    while plain.search(text):
        text = plain.sub(r"\1", text)
    return text


def cedar_text(policy: pst.Template) -> str:
    """One policy as Cedar prints it."""
    return str(cedarpy.PolicySet.from_pst(pst.PolicySet({}, {policy.id: policy}, ())))


def _pieces(pattern: Iterable[pst.PatternElem]) -> tuple[str, ...]:
    pieces = [""]
    for element in pattern:
        if isinstance(element, pst.Char):
            pieces[-1] += element.value
        else:
            pieces.append("")
    return tuple(pieces)
