"""Policies compiled for one action: what a decision runs and a list renders.

Cedar's rule: an action is allowed where some permit is true and no forbid is; a policy that reads what is not there
is skipped. All policies of the action are always asked, so that the reasons are complete.
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from cloudhall.kernel.policy.closures import Env, Missing, Test, test_of
from cloudhall.kernel.policy.conditions import FALSE, Attr, Condition, Has, HasRole, specialise, walk
from cloudhall.kernel.policy.model import Decision, Where
from cloudhall.kernel.policy.schema import KindSchema, PolicySchema, verb_of
from cloudhall.kernel.policy.where import Plan, filter_of, holding, plan_of
from cloudhall.kernel.text import T


class Policy(msgspec.Struct, frozen=True):
    """One policy as written: `source` names the text it stands in, `actions` are full names."""

    id: str
    source: str
    text: T
    forbid: bool
    actions: frozenset[str]
    condition: Condition


class Rule(msgspec.Struct, frozen=True):
    """One policy for one action; `plan` only where the action filters lists."""

    id: str
    policy: Policy
    condition: Condition
    test: Test
    plan: Plan | None


class Rules(msgspec.Struct, frozen=True):
    """All rules of one action, forbids and permits apart.

    `permitting` are the plans of the permits, where it lists; `reads` the attributes of the resource in any condition.
    """

    forbids: tuple[Rule, ...]
    permits: tuple[Rule, ...]
    permitting: tuple[Plan, ...] = ()
    reads: frozenset[str] = frozenset()

    def decide(self, env: Env) -> Decision:
        """Ask every rule."""
        errors: list[str] = []
        forbidding = _true(self.forbids, env, errors)
        permitting = _true(self.permits, env, errors)
        if forbidding:
            return Decision(False, tuple(forbidding), True, tuple(errors))  # noqa: FBT003  the hot path
        return Decision(bool(permitting), tuple(permitting), False, tuple(errors))  # noqa: FBT003  the hot path

    def where(self, env: Env, columns: Mapping[str, str]) -> Where:
        """Render every rule; all have plans, since the action filters lists."""
        forbids = [rule.plan(env, columns) for rule in self.forbids if rule.plan]
        return filter_of([plan(env, columns) for plan in self.permitting], forbids)


def compiled(policy: Policy, action: str, schema: PolicySchema) -> Rule | None:
    """Compile a policy for an action; None where it can never be true there. Raises NoIndex."""
    condition = specialise(policy.condition, action, schema)
    if condition == FALSE:
        return None
    kind = schema.kinds[schema.actions[action]]
    plan = plan_of(condition, kind) if verb_of(action) in kind.lists else None
    return Rule(policy.id, policy, condition, test_of(condition), plan)


def together(rules: Collection[Rule], kind: KindSchema) -> Rules:
    """Rules of one action of a kind; permits that ask for nothing but a role are one plan."""
    forbids, permits = (tuple(r for r in rules if r.policy.forbid is forbid) for forbid in (True, False))
    listed = [(rule.condition, rule.plan) for rule in permits if rule.plan]
    roles = [c.role for c, _ in listed if isinstance(c, HasRole) and not c.at_platform]
    others = [plan for c, plan in listed if not isinstance(c, HasRole) or c.at_platform]
    read = (n.name for r in rules for n in walk(r.condition) if isinstance(n, Attr | Has) and n.of == "resource")
    return Rules(forbids, permits, (*([holding(roles, kind)] if roles else []), *others), frozenset(read))


def _true(rules: Iterable[Rule], env: Env, errors: list[str]) -> list[str]:
    hit = []
    for rule in rules:
        try:
            if rule.test(env):
                hit.append(rule.id)
        except Missing:
            errors.append(rule.id)
    return hit
