"""What is refused when it is written, and how it is said."""

import pytest

from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.policy import KindSchema, PolicySchema, PolicySet
from tests.kernel.policy import cases

BUCKET = "permit (principal, action, resource is storage::bucket)"


def problems_of(*policies: str) -> tuple[Problem, ...]:
    with pytest.raises(Invalid) as refusal:
        PolicySet.compile({"dir/a": "\n".join(policies)}, cases.SCHEMA)
    return refusal.value.problems


def only(text: str) -> Problem:
    (problem,) = problems_of(cases.policy("mine", text))
    assert problem.pointer == "/dir~1a/mine"
    assert "mine" in problem.text.zh
    assert "mine" in problem.text.en
    return problem


@pytest.mark.parametrize(
    ("text", "code", "nearest"),
    [
        (BUCKET + " when { principal in resource.role.develper };", "UNKNOWN_ROLE", "developer"),
        (BUCKET + ' when { principal in Role::"viewr@platform" };', "UNKNOWN_ROLE", "viewer"),
        (BUCKET + ' when { resource.grad == "open" };', "UNKNOWN_ATTRIBUTE", "grade"),
        (BUCKET + " when { resource has onwer };", "UNKNOWN_ATTRIBUTE", "owner"),
        (BUCKET + " when { resource has rows };", "UNKNOWN_ATTRIBUTE", "owner"),
        (BUCKET + " when { principal.levle > 3 };", "UNKNOWN_ATTRIBUTE", "level"),
        (BUCKET + " when { context.mfa_age > 3 };", "UNKNOWN_ATTRIBUTE", "mfa_age_s"),
        (BUCKET + " when { principal is Persona };", "UNKNOWN_PRINCIPAL", "Person"),
        (BUCKET + ' when { action == Action::"read" };', "UNKNOWN_ACTION", "data.set:read"),
        ("permit (principal, action, resource is storage::buckt);", "UNKNOWN_KIND", "storage::bucket"),
        (
            'permit (principal, action == Action::"storage.bucket:reed", resource);',
            "UNKNOWN_ACTION",
            "storage.bucket:read",
        ),
        ('permit (principal, action in [Action::"freez"], resource);', "UNKNOWN_ACTION", "freeze"),
        (
            'permit (principal, action == Action::"storage.bucket:reed", resource) when { resource.grade == "open" };',
            "UNKNOWN_ACTION",
            "storage.bucket:read",
        ),
    ],
)
def test_unknown_names_are_told_with_the_nearest(text: str, code: str, nearest: str) -> None:
    problem = only(text)
    assert problem.code == code
    assert problem.mend is not None
    assert problem.mend.en == f"the nearest is {nearest}"
    assert problem.mend.zh == f"最接近的是 {nearest}"


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        ("context.mfa_age_s + 1 > 3", "context.mfa_age_s + 1"),
        ("-principal.level > 3", "-principal.level"),
        ("principal == resource", "principal"),
        ("resource in resource.role.viewer", "resource in resource.role.viewer"),
        ('principal in Role::"viewer@o1"', 'principal in Role::"viewer@o1"'),
        ('principal in Person::"u1"', 'principal in Person::"u1"'),
        ('resource.grade.name == "x"', "resource.grade.name"),
        ("resource has grade.name", "resource.grade has name"),
        ("{a: 1} == {a: 1}", "{a: 1}"),
        ("resource.tags.isEmpty()", "resource.tags.isEmpty()"),
        ("ip(context.address).isLoopback()", "(ip(context.address)).isLoopback()"),
        ('principal.hasTag("x")', 'principal.hasTag("x")'),
        ("(resource.frozen && true) == true", "resource.frozen && true"),
        ("action is Action", "action is Action"),
        ('context in Place::"o1"', 'context in Place::"o1"'),
    ],
)
def test_what_is_outside_the_subset_is_named(condition: str, shown: str) -> None:
    found = problems_of(cases.policy("mine", f"{BUCKET} when {{ {condition} }};"))
    assert {problem.code for problem in found} == {"UNSUPPORTED"}
    assert shown in found[0].text.en
    assert shown in found[0].text.zh
    assert "mine" in found[0].text.en


def test_templates_are_refused() -> None:
    found = problems_of('@id("t") @zh("中") @en("e") permit (principal == ?principal, action, resource);')
    assert [problem.code for problem in found] == ["UNSUPPORTED"]


def test_text_that_is_not_cedar_names_its_source() -> None:
    found = problems_of("permit (principal, action, resource) when { 1 + };")
    assert [(problem.code, problem.pointer) for problem in found] == [("SYNTAX", "/dir~1a")]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("resource.grade == 3", "check: the types Long and String are not compatible"),
        ('resource.owner == "u1"', "check: unable to guarantee safety of access to optional attribute `owner`"),
        ("resource.grade < 3", "expected"),
        ("resource.grade", "expected"),
        ('[1, "a"].contains(resource.size)', "not compatible"),
    ],
)
def test_cedars_validator_checks_types(condition: str, words: str) -> None:
    problem = only(f'permit (principal, action == Action::"storage.bucket:freeze", resource) when {{ {condition} }};')
    assert problem.code == "TYPE"
    assert words in problem.text.en


def test_types_are_checked_for_every_kind_in_scope() -> None:
    assert only("permit (principal, action, resource) when { resource.size > 3 };").code == "TYPE"


@pytest.mark.parametrize(
    ("condition", "zh", "en"),
    [
        ('resource.tags.contains("x")', '资源的 tags 须包含 "x"', 'tags of the resource must contain "x"'),
        ('resource.grade like "*x"', '资源的 grade 须符合 "*x"', 'grade of the resource must match "*x"'),
        ('resource.grade like "a*b"', "须符合", "must match"),
        ("(if resource.frozen then 1 else 2) > principal.level", "须大于", "must be more than"),
        ('["a"].contains(principal.id) && !["x"].containsAll(resource.tags)', "须包含全部", "must contain all of"),
    ],
)
def test_a_list_condition_that_no_index_can_answer_is_refused(condition: str, zh: str, en: str) -> None:
    problem = only(f'forbid (principal, action in Action::"read", resource is storage::bucket) when {{ {condition} }};')
    assert problem.code == "NO_INDEX"
    assert zh in problem.text.zh
    assert en in problem.text.en
    change = f'forbid (principal, action == Action::"storage.bucket:freeze", resource) when {{ {condition} }};'
    assert PolicySet.compile({"a": cases.policy("c", change)}, cases.SCHEMA).policies["c"].forbid


def test_an_attribute_without_index_is_for_decisions_only() -> None:
    kind = KindSchema(("read", "freeze"), {"grade": "string"}, indexed=frozenset())
    schema = PolicySchema(roles=(), principal_attrs={}, kinds={"storage.bucket": kind})
    with pytest.raises(Invalid) as refusal:
        PolicySet.compile({"a": cases.policy("p", BUCKET + ' when { resource.grade == "open" };')}, schema)
    assert [problem.code for problem in refusal.value.problems] == ["NO_INDEX"]


def test_no_column_answers_for_a_set() -> None:
    kind = KindSchema(("read",), {"tags": "set", "grade": "string"})
    schema = PolicySchema(roles=(), principal_attrs={}, kinds={"storage.bucket": kind})
    for condition in ('resource.tags == ["a"]', "resource.tags.contains(resource.grade)"):
        with pytest.raises(Invalid) as refusal:
            PolicySet.compile({"a": cases.policy("p", f"{BUCKET} when {{ {condition} }};")}, schema)
        assert [problem.code for problem in refusal.value.problems] == ["NO_INDEX"]


def test_conditions_nest_eight_deep_and_no_deeper() -> None:
    condition, deeper = "resource.frozen", ""
    for n in range(9):
        condition, deeper = f"({condition} {'||' if n % 2 else '&&'} principal.external)", condition
    PolicySet.compile({"a": cases.policy("p", f"{BUCKET} when {{ {deeper} }};")}, cases.SCHEMA)
    assert only(f"{BUCKET} when {{ {condition} }};").code == "TOO_DEEP"


def test_every_policy_carries_id_and_words() -> None:
    found = problems_of('@id("x") permit (principal, action, resource);', "permit (principal, action, resource);")
    said = [(problem.code, problem.pointer.rpartition("/")[2]) for problem in found]
    assert said == [("REQUIRED", "x")] * 2 + [("REQUIRED", "policy1")] * 3
    assert "@zh" in found[0].text.en


def test_ids_are_unique_over_all_sources() -> None:
    with pytest.raises(Invalid) as refusal:
        PolicySet.compile(dict.fromkeys("ab", cases.policy("same", f"{BUCKET};")), cases.SCHEMA)
    assert [(p.code, p.pointer) for p in refusal.value.problems] == [("DUPLICATE", "/b/same")]


def test_all_problems_are_told_at_once() -> None:
    found = problems_of(
        cases.policy("p1", BUCKET + " when { principal in resource.role.x && resource.grad == context.adress };"),
        cases.policy("p2", BUCKET + " when { resource.grade == 3 };"),
        cases.policy("p3", BUCKET + ' when { resource.tags.contains("x") };'),
    )
    assert [(problem.code, problem.pointer[-2:]) for problem in found] == [
        ("UNKNOWN_ROLE", "p1"),
        ("UNKNOWN_ATTRIBUTE", "p1"),
        ("UNKNOWN_ATTRIBUTE", "p1"),
        ("TYPE", "p2"),
        ("NO_INDEX", "p3"),
    ]


def test_a_vocabulary_that_cedar_cannot_tell_apart_is_refused() -> None:
    kinds = {"a.b-c": KindSchema(("read",), {"role": "string"}), "a.b_c": KindSchema(("read",), {})}
    with pytest.raises(Invalid) as refusal:
        PolicySchema(roles=(), principal_attrs={}, kinds=kinds)
    assert [problem.code for problem in refusal.value.problems] == ["RESERVED", "TAKEN"]
