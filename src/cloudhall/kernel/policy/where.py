"""Conditions as SQL: what filters a list, exactly as deciding row by row would.

A plan is made when the policy is written, and refused there when it needs more than indexed columns (`NoIndex`).
For a request, everything about caller and context becomes a constant, and only the resource stays SQL.

Cedar skips a policy that reads what is not there; SQL goes on with NULL. So every condition is rendered twice, as
when it is true (`yes`) and when it is false (`no`); where neither holds, it is an error. Both hold only AND and OR
over plain comparisons, in which NULL can do no more than fail to be true.

Cost: the place test is an `IN` over the closure table, one lookup for each place where the role was granted; a role
on single rows is an `IN` over their ids; a caller with the role on the platform costs nothing. Permits that ask for
nothing but a role become one such test together. Size is linear in the condition, but for `a || b` and `!(a && b)`
where `a` may be an error: then `a` is said twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any, NamedTuple, TypeAlias

from cloudhall.kernel.policy.closures import GRANTED, Env, Missing, Read, read_of, test_of
from cloudhall.kernel.policy.conditions import (
    NEGATED,
    And,
    Attr,
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
    Or,
    Truth,
    Value,
    reads_resource,
)
from cloudhall.kernel.policy.model import PLATFORM, Where
from cloudhall.kernel.policy.schema import KindSchema


class NoIndex(Exception):
    """No index can answer this condition."""

    def __init__(self, condition: Condition) -> None:
        super().__init__(condition)
        self.condition = condition


class Sql(NamedTuple):
    """A text with `?` and its parameters."""

    text: str
    params: tuple[Any, ...] = ()


class Answer(NamedTuple):
    """When the condition is true, and when it is false; `total`: one of them always holds."""

    yes: Sql
    no: Sql
    total: bool = True


Columns: TypeAlias = Mapping[str, str]
Plan: TypeAlias = Callable[[Env, Columns], Answer]
Operand: TypeAlias = Callable[[Env, Columns], Sql]

FIRST_SURROGATE, AFTER_SURROGATES, LAST_CHARACTER = 0xD800, 0xE000, 0x10FFFF
ALWAYS, NEVER = Sql("TRUE"), Sql("FALSE")
_SQL: Mapping[CompareOp, str] = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
YES, NO, ERROR = Answer(ALWAYS, NEVER), Answer(NEVER, ALWAYS), Answer(NEVER, NEVER, total=False)


def plan_of(condition: Condition, kind: KindSchema) -> Plan:
    """Plan of a condition that has been specialised for its action on a kind; raises NoIndex."""
    if not reads_resource(condition):
        return _constant(condition)
    match condition:
        case And(items):
            return _all([plan_of(item, kind) for item in items])
        case Or(items):
            return _any([plan_of(item, kind) for item in items])
        case Not(item):
            return _not(plan_of(item, kind))
        case If(when, then, other):
            return _if(*(plan_of(part, kind) for part in (when, then, other)))
        case HasRole(role):
            return holding((role,), kind)
        case InPlace(place):
            return lambda _env, columns: _placed([place], kind.prefix, columns)
        case _:
            return _atom(condition, kind.columns)


def holding(roles: Iterable[str], kind: KindSchema) -> Plan:
    """Plan of "the caller holds one of these roles here": one test for them all."""
    asked = tuple(roles)

    def plan(env: Env, columns: Columns) -> Answer:
        nodes = frozenset[str]().union(*(env[GRANTED].get(role, ()) for role in asked))
        return _placed(sorted(nodes), kind.prefix, columns)

    return plan


def _constant(condition: Condition) -> Plan:
    test = test_of(condition)

    def plan(env: Env, _columns: Columns) -> Answer:
        try:
            return YES if test(env) else NO
        except Missing:
            return ERROR

    return plan


def _all(plans: list[Plan]) -> Plan:
    def plan(env: Env, columns: Columns) -> Answer:
        answers = [p(env, columns) for p in plans]
        return Answer(conjunction(a.yes for a in answers), _first_no(answers), all(a.total for a in answers))

    return plan


def _first_no(answers: Iterable[Answer]) -> Sql:
    """Some answer is no, and none before it is an error; a total one before it needs no word."""
    cases: list[Sql] = []
    before: list[Sql] = []
    for answer in answers:
        cases.append(conjunction([*before, answer.no]))
        if not answer.total:
            before.append(answer.yes)
    return disjunction(cases)


def _any(plans: list[Plan]) -> Plan:
    return _not(_all([_not(plan) for plan in plans]))


def _not(inner: Plan) -> Plan:
    def plan(env: Env, columns: Columns) -> Answer:
        yes, no, total = inner(env, columns)
        return Answer(no, yes, total)

    return plan


def _if(when: Plan, then: Plan, other: Plan) -> Plan:
    def plan(env: Env, columns: Columns) -> Answer:
        chosen, a, b = when(env, columns), then(env, columns), other(env, columns)
        yes = disjunction([conjunction([chosen.yes, a.yes]), conjunction([chosen.no, b.yes])])
        no = disjunction([conjunction([chosen.yes, a.no]), conjunction([chosen.no, b.no])])
        return Answer(yes, no, chosen.total and a.total and b.total)

    return plan


def _placed(nodes: list[str], prefix: str, columns: Columns) -> Answer:
    """The row lies in one of the places or below, or is itself one of the nodes."""
    if PLATFORM in nodes:
        return YES
    alone = [node for node in nodes if prefix and node.startswith(prefix)]
    above = [node for node in nodes if node not in alone]
    inside = f"(SELECT descendant FROM place WHERE ancestor IN ({_marks(above)}))"
    asked = [(columns["place"], inside, above), (columns["id"], f"({_marks(alone)})", alone)]
    yes = (Sql(f"{column} IN {among}", tuple(given)) for column, among, given in asked if given)
    no = (Sql(f"{column} NOT IN {among}", tuple(given)) for column, among, given in asked if given)
    return Answer(disjunction(yes), conjunction(no))


def _atom(atom: Condition, indexed: frozenset[str]) -> Plan:
    match atom:
        case Truth(value):
            return _compared("==", _operand(value, indexed, atom), _given(Const(value=True)))
        case Compare(op, left, right):
            return _compared(op, _operand(left, indexed, atom), _operand(right, indexed, atom))
        case Contains("one", members, item) if not reads_resource(members):
            return _member(_operand(item, indexed, atom), read_of(members))
        case Has("resource", name):
            return _present(_column(name, indexed, atom))
        case Like(value, (prefix,)):
            return _compared("==", _operand(value, indexed, atom), _given(Const(prefix)))
        case Like(value, (prefix, "")):
            return _prefixed(_operand(value, indexed, atom), prefix)
    raise NoIndex(atom)


def _operand(value: Value, indexed: frozenset[str], atom: Condition) -> Operand:
    if not reads_resource(value):
        return _given(value)
    if isinstance(value, Attr) and value.type != "set":
        return _column(value.name, indexed, atom)
    raise NoIndex(atom)


def _column(name: str, indexed: frozenset[str], atom: Condition) -> Operand:
    if name not in indexed:
        raise NoIndex(atom)
    return lambda _env, columns: Sql(columns[name])


def _given(value: Value) -> Operand:
    read = read_of(value)
    return lambda env, _columns: Sql("?", (read(env),))


def _guarded(plan: Plan) -> Plan:
    """A comparison with something of caller or context that is not there is an error for every row."""

    def guarded(env: Env, columns: Columns) -> Answer:
        try:
            return plan(env, columns)
        except Missing:
            return ERROR

    return guarded


def _compared(op: CompareOp, left: Operand, right: Operand) -> Plan:
    def plan(env: Env, columns: Columns) -> Answer:
        a, b = left(env, columns), right(env, columns)
        params = a.params + b.params
        yes, no = (Sql(f"{a.text} {_SQL[o]} {b.text}", params) for o in (op, NEGATED[op]))
        return Answer(yes, no, total=False)

    return _guarded(plan)


def _member(item: Operand, members: Read) -> Plan:
    def plan(env: Env, columns: Columns) -> Answer:
        text, some = item(env, columns).text, sorted(members(env))
        if not some:
            return Answer(NEVER, Sql(f"{text} IS NOT NULL"), total=False)
        yes, no = (Sql(f"{text} {word} ({_marks(some)})", tuple(some)) for word in ("IN", "NOT IN"))
        return Answer(yes, no, total=False)

    return _guarded(plan)


def _present(column: Operand) -> Plan:
    def plan(env: Env, columns: Columns) -> Answer:
        text = column(env, columns).text
        return Answer(Sql(f"{text} IS NOT NULL"), Sql(f"{text} IS NULL"))

    return plan


def _prefixed(column: Operand, prefix: str) -> Plan:
    end = _end_of(prefix)

    def plan(env: Env, columns: Columns) -> Answer:
        text = column(env, columns).text
        if end is None:
            return Answer(Sql(f"{text} >= ?", (prefix,)), Sql(f"{text} < ?", (prefix,)), total=False)
        both = (prefix, end)
        return Answer(
            Sql(f"({text} >= ? AND {text} < ?)", both), Sql(f"({text} < ? OR {text} >= ?)", both), total=False
        )

    return plan


def _end_of(prefix: str) -> str | None:
    """The first text behind all that begin so, in order of code points; None where nothing is behind them."""
    head = prefix.rstrip(chr(LAST_CHARACTER))
    if not head:
        return None
    following = ord(head[-1]) + 1
    return head[:-1] + chr(AFTER_SURROGATES if following == FIRST_SURROGATE else following)


def filter_of(permits: Iterable[Answer], forbids: Iterable[Answer]) -> Where:
    """Some permit is true, and no forbid is: a forbid that is an error forbids nothing."""
    allowed, forbidden = (disjunction(a.yes for a in answers) for answers in (permits, forbids))
    unless = {NEVER: ALWAYS, ALWAYS: NEVER}.get(forbidden) or Sql(f"({forbidden.text}) IS NOT TRUE", forbidden.params)
    return Where(*conjunction([allowed, unless]))


def conjunction(parts: Iterable[Sql]) -> Sql:
    """All of them."""
    return _joined(" AND ", parts, neutral=ALWAYS, final=NEVER)


def disjunction(parts: Iterable[Sql]) -> Sql:
    """Any of them."""
    return _joined(" OR ", parts, neutral=NEVER, final=ALWAYS)


def _joined(word: str, parts: Iterable[Sql], *, neutral: Sql, final: Sql) -> Sql:
    kept = dict.fromkeys(part for part in parts if part != neutral)
    if final in kept:
        return final
    if len(kept) <= 1:
        return next(iter(kept), neutral)
    return Sql(f"({word.join(part.text for part in kept)})", tuple(p for part in kept for p in part.params))


def _marks(values: Sized) -> str:
    return ", ".join("?" * len(values))
