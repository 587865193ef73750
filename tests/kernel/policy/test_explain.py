"""Explanations: which policy, in its own words, and what would change the answer, in both languages."""

from typing import Any

import pytest

from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.policy import Explanation, Lack, Object, PolicySet, Subject
from cloudhall.kernel.text import T
from tests.kernel.policy import cases

FREEZE = "storage.bucket:freeze"
PLACES = ("p1", "o2", "o1", "platform")
BUCKET = {"grade": "secret", "size": 3, "frozen": True, "tags": frozenset({"a"})}


def explained(*texts: str, attrs: Any = None, **granted: str) -> Explanation:
    scope = f'(principal, action == Action::"{FREEZE}", resource)'
    sources = {"a": "".join(cases.policy(f"p{n}", t.replace("(…)", scope)) for n, t in enumerate(texts))}
    who = Subject(
        "Person",
        "u1",
        {role: frozenset({place}) for role, place in granted.items()},
        {"level": 1, "external": True, "groups": frozenset(), **(attrs or {})},
    )
    policies = PolicySet.compile(sources, cases.SCHEMA)
    bucket = Object("storage.bucket", "b1", PLACES, BUCKET)
    explanation = policies.explain(who, FREEZE, bucket, {"mfa_age_s": 1_000, "address": "x"})
    assert explanation.decision == policies.decide(who, FREEZE, bucket, {"mfa_age_s": 1_000, "address": "x"})
    return explanation


def lacks(condition: str, **granted: str) -> tuple[Lack, ...]:
    """What a single permit lacks."""
    explanation = explained(f"permit (…) when {{ {condition} }};", **granted)
    assert explanation.reason == "NOT_PERMITTED"
    (clause,) = explanation.permits
    return clause.lacks


def test_an_allowed_request_names_the_policies() -> None:
    explanation = explained("permit (…);", "permit (…) when { principal.external };", "permit (…) when { false };")
    assert explanation.reason == "ALLOWED"
    assert explanation.policies == ("p0", "p1")
    assert explanation.text == T("由策略允许：策略p0，且策略p1", "allowed by policy: policy p0, and policy p1")
    assert explanation.mend is None


def test_a_missing_role_is_told_with_the_places_where_it_helps() -> None:
    assert lacks("principal in resource.role.developer", viewer="p1") == (
        Lack(T("在 p1 上的角色 developer", "role developer on p1"), ("developer",), PLACES),
    )
    assert lacks('principal in Role::"audit@platform"', audit="p1") == (
        Lack(T("在 platform 上的角色 audit", "role audit on platform"), ("audit",), ("platform",)),
    )


def test_any_of_several_roles_is_one_lack() -> None:
    (lack,) = lacks("principal in [resource.role.developer, resource.role.viewer] || principal.level > 5")
    assert lack.roles == ("developer", "viewer")
    assert lack.text.en == "role developer on p1, or role viewer on p1, or level of the caller must be more than 5"
    assert lack.text.zh == "在 p1 上的角色 developer，或在 p1 上的角色 viewer，或申请者的 level 须大于 5"


def test_a_role_that_does_not_suffice_alone_is_not_offered_alone() -> None:
    (lack,) = lacks("(principal in resource.role.viewer && principal.level > 5) || principal in resource.role.audit")
    assert lack.roles == ("audit",)
    assert "role viewer on p1, and level" in lack.text.en


@pytest.mark.parametrize(
    ("condition", "zh", "en"),
    [
        ('resource.grade == "open"', '资源的 grade 须为 "open"', 'grade of the resource must be "open"'),
        ('!(resource.grade != "open")', '资源的 grade 须为 "open"', 'grade of the resource must be "open"'),
        ("900 >= context.mfa_age_s", "请求的 mfa_age_s 不得大于 900", "mfa_age_s of the request must be at most 900"),
        ("!resource.frozen", "资源的 frozen 须为 false", "frozen of the resource must be false"),
        ('["a", "b"].contains(resource.grade)', '须为其一： "a"、"b"', 'must be one of "a", "b"'),
        ('resource.tags.containsAll(["a", "b"])', "须包含全部", 'must contain all of "a", "b"'),
        ("resource has owner", "资源的 owner 须填写", "owner of the resource must be set"),
        ('resource.grade like "op*"', '须符合 "op*"', 'must match "op*"'),
        ('resource in Place::"o4"', "资源须位于 o4", "the resource must lie in o4"),
        ("principal is ServiceAccount", "申请者须为 ServiceAccount", "the caller must be ServiceAccount"),
        ("principal.level > (if resource is data::set then 1 else 5)", "须大于 5", "must be more than 5"),
        ("principal.level > (if resource.frozen then 5 else 1)", "（若", "must be more than 5 (if frozen of"),
        (
            "if resource.frozen then principal.level > 2 else true",
            "须大于 2",
            "level of the caller must be more than 2",
        ),
    ],
)
def test_every_condition_has_words_in_both_languages(condition: str, zh: str, en: str) -> None:
    (lack,) = lacks(condition)
    assert zh in lack.text.zh
    assert en in lack.text.en


def test_a_choice_inside_a_value_is_said_with_its_condition() -> None:
    with pytest.raises(Invalid) as refusal:
        explained(
            """permit (principal, action == Action::"storage.bucket:read", resource)
               when { (if (if resource.frozen then resource.size > 1 else principal.external) then 1 else 2) > 1 };"""
        )
    said = refusal.value.problems[0].text.en
    assert "frozen of the resource must be true, and size of the resource must be more than 1" in said
    assert "or frozen of the resource must be false, and external of the caller must be true" in said


def test_only_what_is_missing_is_told() -> None:
    said = lacks('principal.external && resource.grade == "open" && resource.frozen && principal.level > 2')
    assert [lack.text.en.split()[0] for lack in said] == ["grade", "level"]


def test_an_attribute_that_is_not_there_is_told() -> None:
    explanation = explained("permit (…) when { principal.level > 0 };", attrs={"level": None})
    assert explanation.permits[0].lacks == (Lack(T("缺少申请者的 level", "level of the caller is missing")),)
    assert explanation.decision.errors == ("p0",)


def test_a_forbid_says_what_would_lift_it() -> None:
    explanation = explained(
        "permit (…);",
        'forbid (…) when { resource.grade == "secret" && principal.level < 3 } unless { context.mfa_age_s < 60 };',
        "forbid (…) when { principal in resource.role.audit };",
        "forbid (…) when { principal.level > 7 };",
        audit="o1",
    )
    assert explanation.reason == "FORBIDDEN_BY_POLICY"
    assert explanation.policies == ("p1", "p2")
    assert explanation.text.zh == "被策略禁止：策略p1，且策略p2"
    grade, role = (clause.lacks for clause in explanation.forbidden_by)
    assert grade == (
        Lack(
            T(
                '资源的 grade 不得为 "secret"，或申请者的 level 不得小于 3，或请求的 mfa_age_s 须小于 60',
                'grade of the resource must not be "secret", or level of the caller must be at least 3, '
                "or mfa_age_s of the request must be less than 60",
            )
        ),
    )
    assert role == (Lack(T("不得持有在 p1 上的角色 audit", "must not hold role audit on p1")),)
    assert explanation.mend is not None
    assert explanation.mend.en.endswith("must be less than 60; and must not hold role audit on p1")


def test_nothing_lifts_a_forbid_without_condition() -> None:
    explanation = explained("permit (…);", "forbid (…);")
    assert explanation.text.en == "forbidden by policy: policy p1"
    assert (explanation.forbidden_by[0].lacks, explanation.mend) == ((), None)


def test_the_nearest_permits_come_first_and_make_the_advice() -> None:
    explanation = explained(
        "permit (…) when { principal in resource.role.audit && principal.level > 5 };",
        "permit (…) when { principal in resource.role.viewer };",
        "permit (…) when { principal in resource.role.developer };",
        'permit (principal, action == Action::"storage.bucket:create", resource);',
        "permit (…) when { false };",
    )
    assert explanation.policies == ("p1", "p2", "p0")
    assert explanation.mend == T(
        "需要：在 p1 上的角色 viewer；或者在 p1 上的角色 developer",
        "needed: role viewer on p1; or role developer on p1",
    )


def test_where_nobody_may_there_is_no_advice() -> None:
    explanation = explained("permit (…) when { false };")
    assert (explanation.permits, explanation.mend) == ((), None)
    assert explanation.text == T("没有策略允许", "no policy allows it")
