"""Why a decision fell as it did, and what would change it.

Walks the conditions that the decision ran, once more and slowly: this is for people, a few a minute. A resource that
the caller may not even see is never explained; the caller of this module answers 404 first.
"""

from collections.abc import Iterable
from typing import TypeVar

from cloudhall.kernel.policy.closures import ANCESTORS, Env, Missing, read_of, test_of
from cloudhall.kernel.policy.conditions import And, Attr, Condition, Fixed, HasRole, If, Not, Or, walk
from cloudhall.kernel.policy.model import PLATFORM, Clause, Decision, Explanation, Lack
from cloudhall.kernel.policy.rules import Rule, Rules
from cloudhall.kernel.policy.words import joined, missing, words_of
from cloudhall.kernel.text import T

Item = TypeVar("Item")


def explain(rules: Rules, env: Env) -> Explanation:
    """Decide, and say what each policy that mattered says and lacks."""
    decision = rules.decide(env)
    if decision.allowed:
        return _allowed(decision, rules)
    return _forbidden(decision, rules, env) if decision.explicit_deny else _not_permitted(decision, rules, env)


def _allowed(decision: Decision, rules: Rules) -> Explanation:
    clauses = tuple(Clause(r.id, r.policy.text) for r in rules.permits if r.id in decision.determining)
    said = joined((clause.text for clause in clauses), together=True)
    return Explanation(decision, T(f"由策略允许：{said.zh}", f"allowed by policy: {said.en}"), allowed_by=clauses)


def _forbidden(decision: Decision, rules: Rules, env: Env) -> Explanation:
    clauses = tuple(_clause(r, env, wanted=False) for r in rules.forbids if r.id in decision.determining)
    said = joined((clause.text for clause in clauses), together=True)
    text = T(f"被策略禁止：{said.zh}", f"forbidden by policy: {said.en}")
    return Explanation(decision, text, _mend(map(_needed, clauses), together=True), forbidden_by=clauses)


def _not_permitted(decision: Decision, rules: Rules, env: Env) -> Explanation:
    clauses = sorted((_clause(r, env, wanted=True) for r in rules.permits), key=lambda c: len(c.lacks))
    nearest = [clause for clause in clauses if len(clause.lacks) == len(clauses[0].lacks)]
    text = T("没有策略允许", "no policy allows it")
    return Explanation(decision, text, _mend(map(_needed, nearest), together=False), permits=tuple(clauses))


def _clause(rule: Rule, env: Env, *, wanted: bool) -> Clause:
    return Clause(rule.id, rule.policy.text, lacks_of(rule.condition, env, wanted=wanted))


def _needed(clause: Clause) -> T:
    return joined((lack.text for lack in clause.lacks), together=True)


def _mend(needed: Iterable[T], *, together: bool) -> T | None:
    texts = _unique(text for text in needed if text.en)
    zh, en = ("；并且", "; and ") if together else ("；或者", "; or ")
    return T("需要：" + zh.join(t.zh for t in texts), "needed: " + en.join(t.en for t in texts)) if texts else None


def lacks_of(condition: Condition, env: Env, *, wanted: bool) -> tuple[Lack, ...]:
    """All that has to change for the condition to become `wanted`; nothing where it is so, or where nothing helps."""
    if _answer(condition, env) is wanted:
        return ()
    match condition:
        case Fixed():
            return ()
        case Not(item):
            return lacks_of(item, env, wanted=not wanted)
        case And(items) | Or(items):
            each = [lacks_of(item, env, wanted=wanted) for item in items]
            together = isinstance(condition, And) is wanted
            return _unique(lack for lacks in each for lack in lacks) if together else _one_of(each)
        case If(when, then, other):
            chosen = _answer(when, env)
            return _absent(when, env) if chosen is None else lacks_of(then if chosen else other, env, wanted=wanted)
        case _:
            return _absent(condition, env) or (_lack(condition, env, wanted=wanted),)


def _answer(condition: Condition, env: Env) -> bool | None:
    try:
        return test_of(condition)(env)
    except Missing:
        return None


def _absent(condition: Condition, env: Env) -> tuple[Lack, ...]:
    return _unique(Lack(missing(node)) for node in walk(condition) if isinstance(node, Attr) and not _there(node, env))


def _there(attr: Attr, env: Env) -> bool:
    try:
        read_of(attr)(env)
    except Missing:
        return False
    return True


def _lack(atom: Condition, env: Env, *, wanted: bool) -> Lack:
    places = env[ANCESTORS]
    text = words_of(atom, places[0], wanted=wanted)
    if isinstance(atom, HasRole) and wanted:
        return Lack(text, (atom.role,), (PLATFORM,) if atom.at_platform else places)
    return Lack(text)


def _one_of(each: list[tuple[Lack, ...]]) -> tuple[Lack, ...]:
    """Alternatives as one lack: any of its roles mends it, if a role alone does."""
    options = [lacks for lacks in each if lacks]
    text = joined((joined((lack.text for lack in lacks), together=True) for lacks in options), together=False)
    alone = [lacks[0] for lacks in options if len(lacks) == 1]
    roles = _unique(role for lack in alone for role in lack.roles)
    return (Lack(text, roles, _unique(place for lack in alone for place in lack.places)),)


def _unique(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(items))
