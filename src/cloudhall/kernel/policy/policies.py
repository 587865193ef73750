"""A set of policies: compiled once, then decides, filters lists, explains.

Only `compile` makes a set, and it refuses what a list could not answer from an index, so `decide` and `where` always
agree. A set never changes; `digest` names it, and its `body`, texts and vocabulary, compiles to it again, so that any
past decision can be decided again.

Cost: `decide` runs the policies of one action, a few µs whatever the number of resources; `where` renders them in
some 100 µs. A set holds a few closures for each pair of policy and action it applies to.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Self

import msgspec

from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.policy.closures import env_of
from cloudhall.kernel.policy.conditions import Attr, Has, HasRole, walk
from cloudhall.kernel.policy.explain import explain
from cloudhall.kernel.policy.model import PLATFORM, Clause, Context, Decision, Explanation, Object, Subject, Where
from cloudhall.kernel.policy.rules import Policy, Rule, Rules, compiled, together
from cloudhall.kernel.policy.schema import PolicySchema, nearest, pointer, verb_of
from cloudhall.kernel.policy.where import NoIndex
from cloudhall.kernel.policy.words import words_of
from cloudhall.kernel.text import T


class PolicySet:
    """Cedar policies over one schema."""

    def __init__(
        self, sources: Mapping[str, str], schema: PolicySchema, policies: Iterable[Policy], rules: Mapping[str, Rules]
    ) -> None:
        """Call `compile` instead."""
        self.sources: Mapping[str, str] = MappingProxyType(dict(sources))
        self.schema = schema
        self.policies: Mapping[str, Policy] = MappingProxyType({policy.id: policy for policy in policies})
        self.body = body_of(sources, schema)
        self.digest = hashlib.sha256(self.body.encode()).hexdigest()
        self._rules = rules

    @classmethod
    def compile(cls, sources: Mapping[str, str], schema: PolicySchema) -> Self:
        """Compile Cedar texts, each under its name; raises Invalid with every problem of every policy."""
        from cloudhall.kernel.policy.parse import parse

        policies, problems = parse(sources, schema)
        rules, no_index = _compiled(policies, schema, {problem.pointer for problem in problems})
        problems += no_index
        if problems:
            raise Invalid(T("策略未被接受", "The policies are not accepted"), problems=tuple(problems))
        return cls(sources, schema, policies, rules)

    def decide(self, subject: Subject, action: str, resource: Object, context: Context) -> Decision:
        """Allow or deny, with the policies that determined it; the same answer as Cedar's."""
        return self._of(action).decide(env_of(subject, resource, context))

    def where(self, subject: Subject, action: str, kind: str, columns: Mapping[str, str], context: Context) -> Where:
        """Filter a list of `kind` as `decide` would row by row.

        `columns` gives the SQL expression of each indexed attribute, of `id`, and of `place` (the resource's own
        place). The statement needs the closure table `place(descendant, ancestor)`, each place its own ancestor.
        """
        rules, known = self._of(action), self.schema.kinds[kind]
        if self.schema.actions[action] != kind or verb_of(action) not in known.lists:
            raise Invalid(T(f"动作 {action} 不用于 {kind} 的列表", f"Action {action} does not filter lists of {kind}"))
        if unknown := ", ".join(sorted({"place", *known.columns} - columns.keys())):
            raise Invalid(T(f"{kind} 缺少列：{unknown}", f"Columns of {kind} are missing: {unknown}"))
        return rules.where(env_of(subject, Object(kind, "", (PLATFORM,), {}), context), columns)

    def explain(self, subject: Subject, action: str, resource: Object, context: Context) -> Explanation:
        """Say why, and what would change the answer."""
        return explain(self._of(action), env_of(subject, resource, context))

    def reads(self, action: str) -> frozenset[str]:
        """Attributes of the resource that policies of an action read, `id` among them."""
        return self._of(action).reads

    def gives(self, kind: str) -> dict[str, frozenset[str]]:
        """Verbs that each role may permit on a row that is there."""
        found: dict[str, set[str]] = {}
        for action in self._upon(kind):
            for role in (role for rule in self._of(action).permits for role in _roles(rule)):
                found.setdefault(role, set()).add(verb_of(action))
        return {role: frozenset(verbs) for role, verbs in found.items()}

    def besides(self, kind: str) -> tuple[Clause, ...]:
        """Policies of a kind that ask for no role: forbids, and permits to whoever fits."""
        rules = (rule for action in self._upon(kind) for rule in (*self._of(action).forbids, *self._of(action).permits))
        return tuple(dict.fromkeys(Clause(r.id, r.policy.text) for r in rules if not any(_roles(r))))

    def _upon(self, kind: str) -> list[str]:
        """Actions on a row that is there; an operation that creates has none yet."""
        return [a for a, k in self.schema.actions.items() if k == kind and verb_of(a) != "create"]

    def roles_on(self, kind: str) -> frozenset[str]:
        """Roles that permit something on a row that is there."""
        return frozenset(self.gives(kind))

    def _of(self, action: str) -> Rules:
        try:
            return self._rules[action]
        except KeyError:
            raise Invalid(T(f"没有动作 {action}", f"No action {action}"), mend=nearest(action, self._rules)) from None


def body_of(sources: Mapping[str, str], schema: PolicySchema) -> str:
    """Texts and vocabulary as JSON, everything sorted; its SHA-256 is the digest."""
    return msgspec.json.encode({"policies": dict(sources), "schema": schema}, order="sorted").decode()


def read_body(body: str) -> tuple[dict[str, str], PolicySchema]:
    """Texts and vocabulary that a set was made of."""
    kept = msgspec.json.decode(body, type=_Kept)
    return kept.policies, kept.schema


class _Kept(msgspec.Struct, frozen=True):
    policies: dict[str, str]
    schema: PolicySchema


def _compiled(
    policies: Iterable[Policy], schema: PolicySchema, refused: set[str]
) -> tuple[dict[str, Rules], list[Problem]]:
    found: dict[str, list[Rule]] = {action: [] for action in schema.actions}
    problems: list[Problem] = []
    for policy in policies:
        if pointer(policy.source, policy.id) in refused:
            continue
        for action, rule in _rules_of(policy, schema, problems):
            found[action].append(rule)
    return {action: together(rules, schema.kinds[schema.actions[action]]) for action, rules in found.items()}, problems


def _roles(rule: Rule) -> Iterator[str]:
    """Roles on the resource that a rule asks for."""
    return (n.role for n in walk(rule.condition) if isinstance(n, HasRole) and not n.at_platform)


def _rules_of(policy: Policy, schema: PolicySchema, problems: list[Problem]) -> Iterator[tuple[str, Rule]]:
    """Compile a policy for each of its actions; the first that no index can answer is told, and ends it."""
    for action in sorted(policy.actions):
        try:
            rule = compiled(policy, action, schema)
        except NoIndex as error:
            problems.append(_no_index(policy, action, error, schema))
            return
        if rule:
            yield action, rule


def _no_index(policy: Policy, action: str, error: NoIndex, schema: PolicySchema) -> Problem:
    words, kind = words_of(error.condition, "…"), schema.actions[action]
    return Problem(
        "NO_INDEX",
        pointer(policy.source, policy.id),
        T(
            f"策略 {policy.id} 用于 {kind} 的列表（{action}），但没有索引可以回答：{words.zh}",
            f"policy {policy.id} filters lists of {kind} ({action}), but no index can answer: {words.en}",
        ),
        _indexable(error, kind, schema.kinds[kind].columns),
    )


def _indexable(error: NoIndex, kind: str, columns: frozenset[str]) -> T:
    """Say what would make a list condition answerable: an index where one is missing, else another form."""
    named = {n.name for n in walk(error.condition) if isinstance(n, Attr | Has) and n.of == "resource"}
    if missing := ", ".join(sorted(named - columns)):
        known = ", ".join(sorted(columns))
        return T(
            f"为 {kind} 的 {missing} 声明索引（已有：{known}），或把条件限制在不用于列表的动作上",
            f"declare an index on {missing} of {kind} (there are: {known}), or keep the condition to actions that do "
            "not filter lists",
        )
    return T(
        '改为将属性与已知的值比较、has、like "前缀*" 或 […].contains(属性)，或把条件限制在不用于列表的动作上',
        'compare the attribute with what is known, or use has, like "prefix*" or [...].contains(attribute), or keep '
        "the condition to actions that do not filter lists",
    )
