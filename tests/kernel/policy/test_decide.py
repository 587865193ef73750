"""Decisions one by one: places, missing attributes, groups of actions, and what names a set."""

import hashlib
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.policy import Decision, KindSchema, Object, PolicySchema, PolicySet, Subject
from cloudhall.kernel.policy.oracle import Oracle, sorted_decision
from cloudhall.kernel.policy.policies import read_body
from tests.kernel.policy import cases

FREEZE = "storage.bucket:freeze"
ATTRS = {"level": 3, "external": False, "groups": frozenset({"open"})}
BUCKET = {"grade": "open", "size": 3, "frozen": False, "tags": frozenset({"a"}), "owner": "u1"}
REQUEST = {"mfa_age_s": 10, "address": "10.0.0.1"}


def compiled(**texts: str) -> PolicySet:
    return PolicySet.compile({"a": "\n".join(cases.policy(id, text) for id, text in texts.items())}, cases.SCHEMA)


def when(condition: str, effect: str = "permit") -> str:
    return f'{effect} (principal, action == Action::"{FREEZE}", resource) when {{ {condition} }};'


def person(*held: tuple[str, str], **attrs: Any) -> Subject:
    granted = {role: frozenset(place for r, place in held if r == role) for role, _ in held}
    return Subject("Person", "u1", granted, {**ATTRS, **attrs})


def bucket(place: str = "p1", **attrs: Any) -> Object:
    return Object("storage.bucket", "b1", cases.ancestors(place), {**BUCKET, **attrs})


def decided(policies: PolicySet, who: Subject, what: Object, action: str = FREEZE, context: Any = REQUEST) -> Decision:
    """Our decision, which is cedarpy's as well."""
    decision = policies.decide(who, action, what, context)
    assert sorted_decision(decision) == Oracle(policies.sources, policies.schema).decide(who, action, what, context)
    return decision


@pytest.mark.parametrize(
    ("granted_on", "place", "allowed"),
    [("p1", "p1", True), ("o2", "p1", True), ("platform", "p1", True), ("p2", "p1", False), ("p1", "o2", False)],
)
def test_a_role_holds_on_its_place_and_below(granted_on: str, place: str, allowed: bool) -> None:
    policies = compiled(a=when("principal in resource.role.developer"))
    assert decided(policies, person(("developer", granted_on)), bucket(place)).allowed is allowed
    assert not decided(policies, person(("viewer", granted_on)), bucket(place)).allowed


def test_a_role_on_the_platform_is_another_thing_than_a_role_here() -> None:
    policies = compiled(a=when('principal in Role::"audit@platform"'))
    assert decided(policies, person(("audit", "platform")), bucket()).allowed
    assert not decided(policies, person(("audit", "p1")), bucket()).allowed


def test_a_place_holds_all_below_it() -> None:
    policies = compiled(a='permit (principal, action, resource is storage::bucket in Place::"o2");')
    assert decided(policies, person(), bucket("p2")).allowed
    assert decided(policies, person(), bucket("o2")).allowed
    assert not decided(policies, person(), bucket("o1")).allowed


def test_forbid_wins_and_every_reason_is_told() -> None:
    policies = compiled(
        a=when("true"), b=when("resource.size == 3", "forbid"), c=when('resource.grade == "open"', "forbid")
    )
    assert decided(policies, person(), bucket()) == Decision(False, ("b", "c"), True, ())
    assert decided(policies, person(), bucket(size=4)) == Decision(False, ("c",), True, ())
    assert decided(policies, person(), bucket(size=4, grade="x")) == Decision(True, ("a",), False, ())


def test_without_a_permit_the_answer_is_no() -> None:
    assert decided(compiled(a=when("false")), person(), bucket()) == Decision(False, (), False, ())


@pytest.mark.parametrize(("name", "type"), [("grade", "string"), ("size", "long"), ("frozen", "bool"), ("tags", "set")])
def test_a_value_of_another_type_is_not_there(name: str, type: str) -> None:
    tests = {"string": '== "open"', "long": "< 9", "bool": "== false", "set": '.contains("a")'}
    policies = compiled(a=when(f"resource.{name} {tests[type]}".replace(" .", ".")))
    assert decided(policies, person(), bucket()).allowed
    for value in ("a string", 4.5, b"bytes", {"a": 1}):
        odd = Object("storage.bucket", "b1", ("platform",), {**BUCKET, name: value})
        if not (type == "string" and isinstance(value, str)):
            assert policies.decide(person(), FREEZE, odd, REQUEST).errors == ("a",)


@pytest.mark.parametrize("value", [None, 7], ids=["none", "wrong type"])
def test_a_policy_that_reads_what_is_not_there_is_skipped(value: object) -> None:
    policies = compiled(
        permit=when('resource.grade == "open"'),
        forbid=when('resource.grade != "open"', "forbid"),
        other=when("principal.level == 3"),
    )
    decision = policies.decide(person(), FREEZE, bucket(grade=value), REQUEST)
    assert decision == Decision(True, ("other",), False, ("forbid", "permit"))
    missing = Object("storage.bucket", "b1", ("platform",), {})
    assert decided(policies, person(), missing) == decision


@pytest.mark.parametrize(
    ("condition", "allowed", "skipped"),
    [
        ('resource.grade == "x" && principal.external', False, True),
        ('principal.external && resource.grade == "x"', False, False),
        ('resource.grade == "x" || true', False, True),
        ('true || resource.grade == "x"', True, False),
        ('!(principal.external && resource.grade == "x")', True, False),
        ('if principal.external then resource.grade == "x" else true', True, False),
        ("resource has owner", False, False),
        ('resource has owner && resource.owner == "u1"', False, False),
    ],
)
def test_evaluation_is_lazy_from_the_left(condition: str, allowed: bool, skipped: bool) -> None:
    missing = Object("storage.bucket", "b1", ("platform",), {"owner": None})
    decision = decided(compiled(a=when(condition)), person(), missing)
    assert (decision.allowed, bool(decision.errors)) == (allowed, skipped)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("ab*ab", "ab", False),
        ("ab*ab", "abab", True),
        ("a*bc*c", "abc", False),
        ("a*bc*c", "abcc", True),
        ("*a*a*", "xa", False),
        ("*a*a*", "axa", True),
        ("a**", "a", True),
        ("", "", True),
        ("", "a", False),
        ("A*", "a", False),
    ],
)
def test_patterns(pattern: str, text: str, matches: bool) -> None:
    assert (
        decided(compiled(a=when(f'resource.grade like "{pattern}"')), person(), bucket(grade=text)).allowed is matches
    )


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ('resource.tags.containsAll(["a"])', True),
        ('resource.tags.containsAll(["a", "b"])', False),
        ('resource.tags.containsAny(["b", "a"])', True),
        ('resource.tags.containsAny(["b"])', False),
        ('resource.tags == ["a", "a"]', True),
        ("principal.groups.containsAll(resource.tags)", False),
        ('[resource.grade, "x"] == principal.groups', False),
        ("resource.tags.contains(resource.grade)", False),
    ],
)
def test_sets(condition: str, allowed: bool) -> None:
    assert decided(compiled(a=when(condition)), person(), bucket()).allowed is allowed


def test_own_things_are_found_by_id() -> None:
    policies = compiled(a=when("resource has owner && resource.owner == principal.id"))
    assert decided(policies, person(), bucket(owner="u1")).allowed
    assert not decided(policies, person(), bucket(owner="u2")).allowed


def test_one_policy_speaks_of_many_kinds() -> None:
    policies = compiled(
        graded='permit (principal, action in Action::"read", resource) when { resource.grade == "open" };',
        many="""forbid (principal, action, resource) when { resource has rows && resource.rows > 9 }
                unless { resource is storage::bucket || action == Action::"data.set:publish" };""",
    )
    for rows, allowed in ((3, True), (10, False)):
        data = Object("data.set", "d1", ("platform",), {"grade": "open", "rows": rows})
        assert decided(policies, person(), data, "data.set:read").allowed is allowed
    assert decided(policies, person(), bucket(), "storage.bucket:read").allowed
    assert not decided(policies, person(), bucket(), FREEZE).allowed
    assert policies.policies["graded"].actions == {"storage.bucket:read", "data.set:read"}


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "*", "\u2028", "{}", "𠮷"])
def test_any_text_may_be_compared(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    starred = quoted.replace("*", "\\*")
    policies = compiled(a=when(f'resource.grade == "{quoted}" && resource.grade like "{starred}*"'))
    assert decided(policies, person(), bucket(grade=text)).allowed
    assert not decided(policies, person(), bucket(grade=text + "x")).allowed


def test_the_request_may_carry_an_id_of_its_own() -> None:
    kinds = {"a.b": KindSchema(("read",), {})}
    schema = PolicySchema(roles=(), principal_attrs={}, kinds=kinds, context_attrs={"id": "string?"})
    text = cases.policy("a", 'permit (principal, action, resource) when { context has id && context.id == "x" };')
    policies = PolicySet.compile({"a": text}, schema)
    for context, allowed in (({"id": "x"}, True), ({"id": "y"}, False), ({}, False)):
        assert (
            decided(policies, person(), Object("a.b", "x", ("platform",), {}), "a.b:read", context).allowed is allowed
        )


def test_a_kind_may_be_named_where_it_does_not_apply() -> None:
    text = f"""permit (principal, action == Action::"{FREEZE}", resource)
               unless {{ resource is data::set || action == Action::"data.set:publish" }};"""
    assert decided(compiled(a=text), person(), bucket()).allowed


def test_kinds_may_have_names_that_cedar_reserves() -> None:
    kinds = {"services.in": KindSchema(("read",), {"like": "string"}), "is.2-way": KindSchema(("read",), {})}
    schema = PolicySchema(roles=("if-then",), principal_attrs={}, kinds=kinds)
    text = cases.policy("a", 'permit (principal, action, resource is services::in_) when { resource["like"] == "x" };')
    other = cases.policy("b", 'permit (principal in Role::"if-then@platform", action, resource is is_::_2_way);')
    policies = PolicySet.compile({"a": text + other}, schema)
    who = Subject("Person", "u1", {"if-then": frozenset({"platform"})}, {})
    for kind, attrs in (("services.in", {"like": "x"}), ("is.2-way", {})):
        assert decided(policies, who, Object(kind, "r", ("platform",), attrs), f"{kind}:read", {}).allowed


def test_an_unknown_action_is_told_with_the_nearest() -> None:
    with pytest.raises(Invalid) as refusal:
        compiled(a=when("true")).decide(person(), "storage.bucket:freze", bucket(), REQUEST)
    assert refusal.value.how.en == "the nearest is storage.bucket:freeze"


def test_a_set_is_named_by_its_sources_and_compiles_from_them_again() -> None:
    one, two = cases.policy("a", when("true")), cases.policy("b", when("false"))
    policies = PolicySet.compile({"x": one, "y": two}, cases.SCHEMA)
    assert policies.digest == hashlib.sha256(policies.body.encode()).hexdigest()
    assert policies.sources == {"x": one, "y": two}
    assert PolicySet.compile({"y": two, "x": one}, policies.schema).digest == policies.digest
    again = PolicySet.compile(*read_body(policies.body))
    assert again.digest == policies.digest
    wider = msgspec.structs.replace(policies.schema, roles=("another", *policies.schema.roles))
    assert PolicySet.compile({"x": one, "y": two}, wider).digest != policies.digest
    assert PolicySet.compile({"x": two, "y": one}, cases.SCHEMA).digest != policies.digest
    assert again.decide(person(), FREEZE, bucket(), REQUEST) == policies.decide(person(), FREEZE, bucket(), REQUEST)


def test_deciding_needs_no_cedarpy() -> None:
    script = "import sys, cloudhall.kernel.policy; sys.exit('cedarpy' in sys.modules or 'difflib' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
