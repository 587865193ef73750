"""Cedar text → policies with their actions and conditions; every problem of every source at once.

A policy carries `@id("…")`, unique over all sources, and its own words in both languages, `@zh("…")` and `@en("…")`:
what a person reads when it decides.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import cedarpy
from cedarpy import pst

from cloudhall.kernel.errors import Problem
from cloudhall.kernel.policy.conditions import ActionIs, KindIs, Of, all_of, depth, walk
from cloudhall.kernel.policy.rules import Policy
from cloudhall.kernel.policy.schema import PolicySchema, pointer
from cloudhall.kernel.policy.subset import Translator, cedar_text
from cloudhall.kernel.text import T

MAX_DEPTH = 8
"""How deeply `&&`, `||`, `!` and `if` may alternate; a list condition may grow by 1.6 with each (see `where`)."""


class Read(NamedTuple):
    """A policy as we and as Cedar hold it."""

    policy: Policy
    template: pst.Template


def parse(sources: Mapping[str, str], schema: PolicySchema) -> tuple[list[Policy], list[Problem]]:
    """Read every source, in the order of their names; Cedar checks the types of what has no other problem."""
    read: list[Read] = []
    problems: list[Problem] = []
    for source, text in sorted(sources.items()):
        templates = _templates(source, text, problems)
        read += [Read(_Reader(source, template, schema, problems).policy(), template) for template in templates]
    policies = [policy for policy, _ in read]
    problems += _duplicates(policies)
    refused = {problem.pointer for problem in problems}
    sound = [r for r in read if pointer(r.policy.source, r.policy.id) not in refused]
    return policies, [*problems, *_type_problems(sound, schema)]


def _type_problems(read: Iterable[Read], schema: PolicySchema) -> Iterator[Problem]:
    """Cedar's validator over all policies; it tries each on every action of its schema, so each sees but its kinds."""
    groups: dict[frozenset[str], list[Read]] = defaultdict(list)
    for one in read:
        groups[_kinds_named(one.policy, schema)].append(one)
    for kinds, members in groups.items():
        text = "\n".join(cedar_text(template) for _, template in members)
        errors = cedarpy.validate_policies(text, schema.only(kinds).cedar()).errors
        for number, error in dict.fromkeys((e.policy_id.removeprefix("policy"), e.error) for e in errors):
            yield _type_problem(members[int(number)].policy, error.partition("`, ")[2] or error)


def _type_problem(policy: Policy, error: str) -> Problem:
    said = T(f"策略 {policy.id} 未通过类型检查：{error}", f"policy {policy.id} fails the type check: {error}")
    return Problem("TYPE", pointer(policy.source, policy.id), said)


def _kinds_named(policy: Policy, schema: PolicySchema) -> frozenset[str]:
    """Kinds of the actions in scope, and those that the condition names."""
    kinds = {schema.actions[action] for action in policy.actions}
    for node in walk(policy.condition):
        match node:
            case KindIs(kind):
                kinds.add(kind)
            case ActionIs(actions):
                kinds.update(schema.actions[action] for action in actions)
    return frozenset(kinds)


def _templates(source: str, text: str, problems: list[Problem]) -> Iterable[pst.Template]:
    try:
        found = cedarpy.policies_to_pst(text)
    except ValueError as error:
        said = T(f"{source} 不是合法的 Cedar 文本：{error}", f"{source} is not Cedar text: {error}")
        problems.append(Problem("SYNTAX", pointer(source, ""), said))
        return ()
    for name in found.templates:
        said = T(f"{source} 中的 {name} 是模板，不受支持", f"{name} in {source} is a template, which is not supported")
        problems.append(Problem("UNSUPPORTED", pointer(source, name), said))
    return found.static_policies.values()


def _duplicates(policies: Iterable[Policy]) -> Iterable[Problem]:
    first: dict[str, str] = {}
    for policy in policies:
        if policy.id in first:
            said = f"{policy.id} ({first[policy.id]}, {policy.source})"
            text = T(f"策略编号重复：{said}", f"policy id used twice: {said}")
            yield Problem("DUPLICATE", pointer(policy.source, policy.id), text)
        first.setdefault(policy.id, policy.source)


class _Reader:
    """Reads one policy; knows which kinds it may speak of, so that it can name what they do not have."""

    def __init__(self, source: str, template: pst.Template, schema: PolicySchema, problems: list[Problem]) -> None:
        self._source = source
        self._template = template
        self._schema = schema
        self._problems = problems
        self._id = template.annotations.get("id") or template.id

    def policy(self) -> Policy:
        template = self._template
        names = self._translator(self._schema.kinds)
        actions = self._actions(names)
        kinds = {self._schema.actions[action] for action in actions} & self._kinds_in_scope()
        translator = self._translator(kinds or self._schema.kinds)
        conditions = [translator.condition(e) for e in _expressions(template)]
        if max(map(depth, conditions)) > MAX_DEPTH:
            self._report("TOO_DEEP", T(f"条件嵌套超过 {MAX_DEPTH} 层", f"conditions nest deeper than {MAX_DEPTH}"))
        return Policy(self._id, self._source, self._text(), template.effect == "forbid", actions, all_of(conditions))

    def _translator(self, kinds: Iterable[str]) -> Translator:
        attributes: dict[Of, frozenset[str]] = {
            "principal": frozenset({"id", *self._schema.principal_attrs}),
            "resource": frozenset({"id"}).union(*(self._schema.kinds[kind].attrs for kind in kinds)),
            "context": frozenset(self._schema.context_attrs),
        }
        return Translator(self._schema, attributes, self._report)

    def _actions(self, names: Translator) -> frozenset[str]:
        match self._template.action:
            case pst.ActionEq(uid):
                return names.actions((uid,), verbs=False)
            case pst.ActionIn(uids):
                return names.actions(uids)
        return frozenset(self._schema.actions)

    def _kinds_in_scope(self) -> frozenset[str]:
        match self._template.resource:
            case pst.ScopeIs(type_) | pst.ScopeIsIn(type_) | pst.ScopeEq(pst.EntityUid(type_)):
                return frozenset({self._schema.kind_of_type.get(str(type_), "")}) - {""}
        return frozenset(self._schema.kinds)

    def _text(self) -> T:
        notes = self._template.annotations
        for name in ("id", "zh", "en"):
            if not notes.get(name):
                self._report("REQUIRED", T(f'缺少注解 @{name}("…")', f'annotation @{name}("…") is missing'))
        return T(notes.get("zh", ""), notes.get("en", ""))

    def _report(self, code: str, text: T, mend: T | None = None) -> None:
        said = T(f"策略 {self._id}：{text.zh}", f"policy {self._id}: {text.en}")
        self._problems.append(Problem(code, pointer(self._source, self._id), said, mend))


def _expressions(template: pst.Template) -> Iterable[pst.Expr]:
    """Scope and clauses as expressions, in Cedar's order of evaluation; the action's scope is an index, not a test."""
    yield _scope("principal", template.principal)
    yield _scope("resource", template.resource)
    for clause in template.clauses:
        yield clause.expr if isinstance(clause, pst.When) else pst.UnaryOp("not", clause.expr)


def _scope(of: pst.VarName, constraint: pst.PrincipalOrResourceConstraint) -> pst.Expr:
    var = pst.Var(of)
    match constraint:
        case pst.ScopeEq(pst.EntityUid() as uid):
            return pst.BinaryOp("eq", var, pst.EntityLit(uid))
        case pst.ScopeIn(pst.EntityUid() as uid):
            return pst.BinaryOp("in", var, pst.EntityLit(uid))
        case pst.ScopeIs(type_):
            return pst.Is(var, type_, None)
        case pst.ScopeIsIn(type_, pst.EntityUid() as uid):
            return pst.Is(var, type_, pst.EntityLit(uid))
    return pst.BoolLit(value=True)
