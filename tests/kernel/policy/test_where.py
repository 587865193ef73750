"""What a list condition looks like, and that an index answers it."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.policy import PolicySet, Subject, Where
from tests.kernel.policy import cases

READ = "storage.bucket:read"
REQUEST = {"mfa_age_s": 10, "address": "10.0.0.1"}
INSIDE = "b.project IN (SELECT descendant FROM place WHERE ancestor IN (?, ?))"


def compiled(*conditions: str) -> PolicySet:
    texts = [
        f"{'forbid' if c.startswith('!!') else 'permit'} (principal, action, resource is storage::bucket) "
        f"when {{ {c.removeprefix('!!')} }};"
        for c in conditions
    ]
    return PolicySet.compile({"a": "".join(cases.policy(f"p{n}", t) for n, t in enumerate(texts))}, cases.SCHEMA)


def person(**granted: str) -> Subject:
    attrs = {"level": 3, "external": False, "groups": frozenset({"b", "a"})}
    return Subject("Person", "u1", {role: frozenset(places.split()) for role, places in granted.items()}, attrs)


def where(who: Subject, *conditions: str, **context: Any) -> Where:
    return compiled(*conditions).where(who, READ, "storage.bucket", cases.COLUMNS, {**REQUEST, **context})


def test_a_role_is_a_test_on_the_place() -> None:
    role = "principal in resource.role.viewer"
    assert where(person(viewer="p1 o4"), role) == Where(INSIDE, ("o4", "p1"))
    assert where(person(viewer="p1 platform"), role) == Where("TRUE", ())
    assert where(person(developer="p1"), role) == Where("FALSE", ())


def test_what_is_known_of_caller_and_request_leaves_no_sql() -> None:
    condition = 'principal.level > 2 && context.address like "10.*" && resource.grade == "open"'
    assert where(person(), condition) == Where('b."grade" = ?', ("open",))
    assert where(person(), condition, address="11.0.0.1") == Where("FALSE", ())
    assert where(person(), condition, mfa_age_s=None) == Where('b."grade" = ?', ("open",))
    assert where(person(), condition, address=None) == Where("FALSE", ())


@pytest.mark.parametrize(
    ("condition", "sql", "params"),
    [
        ("principal.groups.contains(resource.grade)", 'b."grade" IN (?, ?)', ("a", "b")),
        ("resource has owner", 'b."owner" IS NOT NULL', ()),
        ("!resource.frozen", 'b."frozen" <> ?', (True,)),
        ("3 < resource.size", '? < b."size"', (3,)),
        ('resource.grade like "op*"', '(b."grade" >= ? AND b."grade" < ?)', ("op", "oq")),
        (
            'resource.grade like "x\u00ff\U0010ffff*"',
            '(b."grade" >= ? AND b."grade" < ?)',
            ("x\u00ff\U0010ffff", "x\u0100"),
        ),
        ('resource.grade like "\ud7ff*"', '(b."grade" >= ? AND b."grade" < ?)', ("\ud7ff", "\ue000")),
        ('resource.grade like "\U0010ffff*"', 'b."grade" >= ?', ("\U0010ffff",)),
    ],
)
def test_comparisons_are_plain(condition: str, sql: str, params: tuple[Any, ...]) -> None:
    assert where(person(), condition) == Where(sql, params)


def test_a_forbid_that_cannot_tell_forbids_nothing() -> None:
    found = where(person(), "true", '!!resource.grade == "secret"')
    assert found == Where('(b."grade" = ?) IS NOT TRUE', ("secret",))
    assert where(person(), "true", "!!true") == Where("FALSE", ())
    assert where(person(), "true", "!!principal.external") == Where("TRUE", ())


def test_without_policies_a_list_is_empty() -> None:
    found = PolicySet.compile({}, cases.SCHEMA).where(person(), READ, "storage.bucket", cases.COLUMNS, REQUEST)
    assert found == Where("FALSE", ())


def test_indexes_answer() -> None:
    found = where(person(viewer="p1 o2"), "principal in resource.role.viewer")
    with closing(cases.table_of([])) as db:
        db.execute("CREATE INDEX by_project ON buckets (project)")
        db.execute("CREATE UNIQUE INDEX by_ancestor ON place (ancestor, descendant)")
        plan = db.execute(f"EXPLAIN QUERY PLAN SELECT n FROM buckets b WHERE {found.sql}", found.params).fetchall()
    steps = [str(step[3]) for step in plan]
    assert any("b USING INDEX by_project" in step for step in steps), steps
    assert not any(step.startswith("SCAN") for step in steps), steps


def test_the_text_needs_nothing_but_the_closure_table() -> None:
    found = where(person(viewer="p1 o2"), "principal in resource.role.viewer", '!!resource in Place::"o4"')
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE place (descendant TEXT, ancestor TEXT)")
        text = found.sql.replace("b.project", "'p1'")
        assert db.execute(f"SELECT {text}", found.params).fetchone() == (0,)
        db.execute("INSERT INTO place VALUES ('p1', 'o2')")
        assert db.execute(f"SELECT {text}", found.params).fetchone() == (1,)


@pytest.mark.parametrize(("action", "kind"), [("storage.bucket:freeze", "storage.bucket"), (READ, "data.set")])
def test_only_actions_that_filter_lists_have_a_list(action: str, kind: str) -> None:
    with pytest.raises(Invalid, match="does not filter lists"):
        compiled("true").where(person(), action, kind, cases.COLUMNS, REQUEST)


def test_missing_columns_are_named() -> None:
    policies = compiled("true")
    columns = {name: sql for name, sql in cases.COLUMNS.items() if name not in {"place", "frozen"}}
    with pytest.raises(Invalid, match=r"storage\.bucket are missing: frozen, place"):
        policies.where(person(), READ, "storage.bucket", columns, REQUEST)
