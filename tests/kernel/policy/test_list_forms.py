"""Which policies may filter a list: ten and more that an index answers, ten and more that are refused when written."""

import pytest

from cloudhall import installation
from cloudhall.kernel.authority import default_policies, schema_of
from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.kinds import fields_of
from cloudhall.kernel.policy import PolicySchema, PolicySet
from tests.kernel.policy import cases

READ = 'permit (principal, action == Action::"storage.bucket:read", resource)'
CHANGE = 'permit (principal, action == Action::"storage.bucket:freeze", resource)'

ANSWERED = [
    'resource.grade == "open"',
    '"open" != resource.grade',
    "resource.size >= 3",
    "resource.size < principal.level",
    "!resource.frozen",
    "resource has owner && resource.owner == principal.id",
    "resource has limit && resource.limit > context.mfa_age_s",
    'resource.grade like "open*"',
    '["open", "secret"].contains(resource.grade)',
    "principal.groups.contains(resource.grade)",
    "principal in resource.role.viewer",
    "principal in [resource.role.viewer, resource.role.developer]",
    'resource in Place::"o1"',
    'resource == storage::bucket::"u1"',
    'if resource.frozen then principal.level > 2 else resource.grade == "open"',
    'principal.groups.containsAny(["a", "b"])',
    'context.address like "*.1"',
    '(resource.frozen || resource.size > 3) && resource.id != "u1"',
]
REFUSED = {
    'resource.tags.contains("x")': "tags",
    'resource.tags.containsAll(["x"])': "tags",
    'resource.tags.containsAny(["x", "y"])': "tags",
    'resource.tags == ["x"]': "tags",
    "principal.groups.containsAll(resource.tags)": "tags",
    "resource.tags.contains(principal.id)": "tags",
    'resource.grade like "*open"': "",
    'resource.grade like "o*n"': "",
    'resource.grade like "*"  || resource.grade like "*x*"': "",
    "(if resource.frozen then 900 else 3) > resource.size": "",
    "(if resource.frozen then resource.size else 3) == 3": "",
    '[resource.grade].contains("open")': "",
    '[resource.id, "x"].contains(principal.id)': "",
}


def problems_of(text: str, schema: PolicySchema = cases.SCHEMA) -> tuple[Problem, ...]:
    try:
        PolicySet.compile({"a": text}, schema)
    except Invalid as refusal:
        return refusal.problems
    return ()


@pytest.mark.parametrize("condition", ANSWERED)
def test_what_an_index_answers_is_accepted(condition: str) -> None:
    assert problems_of(cases.policy("p", f"{READ} when {{ {condition} }};")) == ()


@pytest.mark.parametrize("condition", REFUSED)
def test_what_none_answers_is_refused_with_what_and_how_to_mend(condition: str) -> None:
    (problem,) = problems_of(cases.policy("p", f"{READ} when {{ {condition} }};"))
    assert (problem.code, problem.pointer) == ("NO_INDEX", "/a/p")
    assert problem.mend is not None
    missing = REFUSED[condition]
    for text, mend in ((problem.text.zh, problem.mend.zh), (problem.text.en, problem.mend.en)):
        assert "storage.bucket:read" in text
        assert missing in text
        assert (missing in mend) if missing else "like" in mend
    known = f"declare an index on {missing} of storage.bucket (there are: frozen, grade, id, limit, owner, size)"
    assert not missing or problem.mend.en.startswith(known)
    assert problems_of(cases.policy("p", f"{CHANGE} when {{ {condition} }};")) == ()


def test_one_policy_over_many_lists_is_refused_once_for_the_first_that_cannot_answer() -> None:
    text = cases.policy(
        "p", 'forbid (principal, action, resource) when { resource has tags && resource.tags == ["x"] };'
    )
    assert [p.code for p in problems_of(text)] == ["NO_INDEX"]


def test_of_a_declared_kind_every_plain_field_may_be_read_and_those_with_an_index_filter_lists() -> None:
    """So that the refusal speaks of an index, not of a field that is not there."""
    registry = installation.build_registry()
    schema, bucket = schema_of(registry), registry.kind("storage.bucket")
    assert "quota_gib" in schema.kinds["storage.bucket"].attrs
    assert "grade" in schema.kinds["storage.bucket"].columns
    assert {"tags", "labels"}.isdisjoint(schema.kinds["storage.bucket"].attrs)
    assert "grade" in fields_of(bucket.meta.spec)
    base = default_policies(bucket.meta)
    condition = "when { resource.quota_gib > 3 };"
    (problem,) = problems_of(base + cases.policy("p", f"{READ} {condition}"), schema)
    assert problem.code == "NO_INDEX"
    assert "declare an index on quota_gib of storage.bucket" in (problem.mend or problem.text).en
    update = 'permit (principal, action == Action::"storage.bucket:update", resource)'
    assert problems_of(base + cases.policy("p", f"{update} {condition}"), schema) == ()
