"""Random policies: closures answer as cedarpy does, a list as deciding row by row does."""

from collections.abc import Iterator
from contextlib import closing
from functools import cache
from sqlite3 import Connection
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.kernel.policy import PolicySet, Subject
from cloudhall.kernel.policy.oracle import Oracle, Request, sorted_decision
from tests.kernel.policy import cases

READ = "storage.bucket:read"
CHANGES = ['action == Action::"storage.bucket:freeze"', 'action in [Action::"storage.bucket:create", Action::"freeze"]']
READS = [f'action == Action::"{READ}"', 'action in Action::"read"', "action"]

Caller = tuple[Subject, dict[str, Any]]

requests = st.builds(
    Request,
    st.sampled_from(cases.SUBJECTS),
    st.sampled_from(["storage.bucket:freeze", "storage.bucket:create"]),
    st.sampled_from(cases.BUCKETS),
    st.sampled_from(cases.CONTEXTS),
)
callers = st.tuples(st.sampled_from(cases.SUBJECTS), st.sampled_from(cases.CONTEXTS))


@cache
def entities() -> cedarpy.Entities:
    return Oracle({}, cases.SCHEMA).entities(cases.SUBJECTS, cases.BUCKETS)


@pytest.fixture(scope="module")
def buckets() -> Iterator[Connection]:
    with closing(cases.table_of(cases.BUCKETS)) as db:
        yield db


@settings(max_examples=500, deadline=None)
@given(cases.sets(CHANGES, cases.both_worlds | cases.only_decided), st.lists(requests, min_size=20, max_size=20))
def test_decisions_reasons_and_errors_are_cedars(text: str, asked: list[Request]) -> None:
    policies = PolicySet.compile({"random": text}, cases.SCHEMA)
    ours = [sorted_decision(policies.decide(r.subject, r.action, r.resource, r.context)) for r in asked]
    assert ours == list(Oracle(policies.sources, policies.schema).decide_all(asked, entities()))


@settings(max_examples=500, deadline=None)
@given(cases.sets(READS, cases.both_worlds), st.lists(callers, min_size=4, max_size=4))
def test_a_list_holds_what_is_allowed_row_by_row(buckets: Connection, text: str, asked: list[Caller]) -> None:
    policies = PolicySet.compile({"random": text}, cases.SCHEMA)
    for subject, context in asked:
        where = policies.where(subject, READ, "storage.bucket", cases.COLUMNS, context)
        found = buckets.execute(f"SELECT n FROM buckets b WHERE {where.sql} ORDER BY n", where.params).fetchall()
        decided = (policies.decide(subject, READ, row, context) for row in cases.BUCKETS)
        assert found == [(n,) for n, decision in enumerate(decided) if decision.allowed]
