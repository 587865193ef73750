"""Past decisions made again from what the log names, with Cedar as the judge; and what tampering comes to."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.notices.webhook import Webhook
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import batches, facts
from cloudhall.kernel.audit import Found
from cloudhall.kernel.batches import Batch, Item
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Conflict, Forbidden, NotFound
from cloudhall.kernel.facts import Ruling, object_fact, subject_fact
from cloudhall.kernel.policy import Object, PolicySet
from cloudhall.kernel.policy.oracle import Oracle
from cloudhall.kernel.redeciding import Redecided, _objects, _What, redecide
from tests.kernel.policy import cases
from tests.kit.databases import BOTH
from tests.kit.hall import Hall, opened

OPEN = {"quota_gib": 1, "grade": "open"}
pytestmark = BOTH


class Past:
    """A bucket in a project, and the log."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.project = hall.project()
        self.developer = hall.staff["developer"]
        self.bucket = hall.do(self.developer, Bucket, "create", place=self.project, name="stats", spec=OPEN)["id"]

    def newest(self, **asked: Any) -> Found:
        return self.hall.kernel.audit.search(self.hall.read(), limit=1, **asked)[0]

    def again(self, **asked: Any) -> Redecided:
        return redecide(self.hall.read(), self.newest(**asked).idx)

    def refused(self, caller: Caller, verb: str, **what: Any) -> Redecided:
        with pytest.raises(Forbidden):
            self.hall.do(caller, Bucket, verb, **what)
        return self.again()


@pytest.fixture
def past() -> Iterator[Past]:
    with opened() as hall:
        yield Past(hall)


def test_what_was_allowed_is_allowed_again_by_the_same_policies(past: Past) -> None:
    found = past.again(resource=past.bucket)
    assert (found.allowed_then, found.allowed, found.agrees, found.reason) == (True, True, True, "")
    assert [p.id for p in found.policies] == ["storage.bucket:create/developer"]
    assert found.policies[0].text.en == "developer may create bucket"
    assert found.facts["object"]["places"][0] == past.project
    assert found.text.en == "Decided again from what was known then: allowed, as recorded"


def test_it_is_decided_by_what_was_known_then_and_not_by_what_is_now(past: Past) -> None:
    hall = past.hall
    guest = hall.person()
    grant = {"subject": guest.id, "role": "developer"}
    made = hall.do(hall.staff["security_admin"], Grant, "create", place=past.project, spec=grant)["id"]
    hall.do(guest, Bucket, "update", target="stats", spec={"quota_gib": 2})
    idx = past.newest(resource=past.bucket).idx
    hall.do(hall.staff["security_admin"], Grant, "delete", target=made)
    hall.do(past.developer, Bucket, "delete", target="stats")
    hall.settle()
    found = redecide(hall.read(), idx)
    assert found.agrees
    assert found.facts["subject"]["granted"] == {"developer": [past.project]}
    with pytest.raises(NotFound):
        hall.do(guest, Bucket, "update", target="stats", spec={"quota_gib": 3})


def test_a_role_on_one_resource_is_seen_in_the_past_too(past: Past) -> None:
    hall, guest = past.hall, past.hall.person()
    spec = {"subject": guest.id, "role": "developer", "resource": past.bucket}
    hall.do(hall.staff["security_admin"], Grant, "create", spec=spec)
    hall.do(guest, Bucket, "update", target="stats", spec={"quota_gib": 2})
    found = past.again(resource=past.bucket)
    assert found.agrees
    assert found.facts["subject"]["granted"] == {"developer": [past.bucket]}


def test_denials_are_decided_again_whoever_said_no(past: Past) -> None:
    viewer = past.hall.person("viewer", place=past.project)
    found = past.refused(viewer, "update", target="stats", spec={"quota_gib": 2})
    assert (found.allowed_then, found.allowed, found.agrees, found.policies) == (False, False, True, ())
    narrow = Caller(id=past.developer.id, scopes=("*:read",))
    found = past.refused(narrow, "delete", target="stats")
    assert (found.allowed, found.agrees, found.reason) == (False, True, "TOKEN_SCOPE")
    found = past.refused(viewer, "create", place=past.project, name="other", spec=OPEN)
    assert (found.allowed, found.agrees) == (False, True)


def test_a_forbid_that_decided_is_named(past: Past) -> None:
    hall = past.hall
    hook = {"address": "https://hooks.example.cn/cloudhall", "owner": hall.nobody.id}
    with pytest.raises(Forbidden):
        hall.do(past.developer, Webhook, "create", place=past.project, name="hook", spec=hook)
    found = past.again()
    assert ([p.id for p in found.policies], found.agrees) == (["webhooks-are-for-their-makers"], True)
    assert found.facts["object"]["attrs"] == {"owner": hall.nobody.id}


def test_items_of_a_batch_and_what_goes_along_have_their_decisions(past: Past) -> None:
    hall = past.hall
    viewer = hall.person("viewer", place=past.project)
    items = [Command(kind=Bucket, verb="delete", target="stats"), Command(kind=Bucket, verb="delete", target="none")]
    batches.execute(hall.kernel, viewer, Batch(items=tuple(map(Item, items)))).result(10)
    assert past.again(resource=past.bucket).agrees
    guest = hall.person()
    spec = {"subject": guest.id, "role": "viewer", "resource": past.bucket}
    grant = hall.do(hall.staff["security_admin"], Grant, "create", spec=spec)["id"]
    hall.do(past.developer, Bucket, "delete", target="stats")
    found = past.again(resource=grant)
    assert found.agrees
    assert (found.leaf.resource, found.leaf.action) == (past.bucket, "storage.bucket:delete")


def test_every_decision_of_a_life_is_made_again(past: Past) -> None:
    hall = past.hall
    hall.do(past.developer, Bucket, "update", target="stats", spec={"grade": "internal", "quota_gib": 3})
    hall.do(past.developer, Bucket, "update", target="stats", labels={"a": "b"})
    hall.do(hall.staff["org_admin"], Bucket, "delete", target="stats")
    hall.settle()
    found = hall.kernel.audit.search(hall.read(), limit=500)
    decided = [f.idx for f in found if f.leaf.subject_digest]
    assert len(decided) >= 6
    assert all(redecide(hall.read(), idx).agrees for idx in decided)
    for f in found:
        if not f.leaf.subject_digest:
            with pytest.raises(NotFound) as refused:
                redecide(hall.read(), f.idx)
            assert refused.value.reason == "NO_DECISION"


def test_facts_are_kept_once(past: Past) -> None:
    hall = past.hall
    before = hall.counts()["decision_fact"]
    for n in range(5):
        hall.do(past.developer, Bucket, "create", place=past.project, name=f"more-{n}", spec=OPEN)
        hall.kernel.seal()
    assert hall.counts()["decision_fact"] == before
    hall.restart()
    hall.do(past.developer, Bucket, "create", place=past.project, name="after", spec=OPEN)
    assert hall.counts()["decision_fact"] == before
    assert past.again().agrees


def test_what_is_undone_is_written_again_when_it_is_needed(past: Past) -> None:
    hall = past.hall
    ahead = Command(kind=Bucket, verb="create", place=past.project, name="new", spec=OPEN)
    guest = hall.person("developer", place=past.project)
    batches.execute(hall.kernel, guest, Batch(items=(Item(ahead),), dry=True)).result(10)
    hall.kernel.seal()
    hall.kernel.execute(guest, ahead).result(10)
    assert past.again().agrees


def reason_of(past: Past, idx: int) -> str:
    with pytest.raises(Conflict) as refused:
        redecide(past.hall.read(), idx)
    return refused.value.reason


@pytest.mark.parametrize("part", ["policy_digest", "subject_digest", "object_digest"])
def test_a_changed_or_missing_fact_is_found_by_its_hash(past: Past, part: str) -> None:
    hall, found = past.hall, past.newest(resource=past.bucket)
    hash_ = getattr(found.leaf, part)
    body = facts.body_of(hall.read(), hash_)
    assert body is not None
    assert hashlib.sha256(body.encode()).hexdigest() == hash_
    changed = body.replace("a", "b", 1)
    hall.write(lambda tx: tx.execute("UPDATE decision_fact SET body = ? WHERE hash = ?", (changed, hash_)))
    assert reason_of(past, found.idx) == "FACTS_CHANGED"
    hall.write(lambda tx: tx.execute("DELETE FROM decision_fact WHERE hash = ?", (hash_,)))
    assert reason_of(past, found.idx) == "FACTS_GONE"


def test_an_entry_that_was_forged_with_sound_facts_disagrees(past: Past) -> None:
    viewer = past.hall.person("viewer", place=past.project)
    past.refused(viewer, "delete", target="stats")
    found = past.newest()
    forged = msgspec.structs.replace(found.leaf, phase="done", policies=("storage.bucket:delete/developer",))
    leaf = msgspec.json.encode(forged, order="sorted")
    past.hall.write(lambda tx: tx.execute("UPDATE audit_leaf SET leaf = ? WHERE idx = ?", (leaf, found.idx)))
    again = redecide(past.hall.read(), found.idx)
    assert (again.allowed_then, again.allowed, again.agrees) == (True, False, False)
    assert "not what the log says" in again.text.en


def test_no_attribute_is_kept_that_no_policy_reads(past: Past) -> None:
    found = past.again(resource=past.bucket)
    assert found.facts["object"]["attrs"] == {}
    bodies = [b for (b,) in past.hall.read().execute("SELECT body FROM decision_fact").fetchall()]
    assert not any("grade" in b for b in bodies if '"policies"' not in b[:20])


@settings(max_examples=150, deadline=None)
@given(
    cases.sets(['action == Action::"storage.bucket:freeze"', "action"], cases.both_worlds),
    st.sampled_from(cases.SUBJECTS),
    st.sampled_from(cases.BUCKETS),
)
def test_facts_are_enough_for_cedar_to_decide_as_it_did(text: str, subject: Any, bucket: Object) -> None:
    policies, action = PolicySet.compile({"random": text}, cases.SCHEMA), "storage.bucket:freeze"
    context: dict[str, Any] = {}
    first = policies.decide(subject, action, bucket, context)
    kept = msgspec.json.decode(object_fact(bucket, policies.reads(action)).body)["object"]
    who = msgspec.json.decode(subject_fact(subject, None).body)["subject"]
    what = msgspec.convert(kept, _What)
    leaf = type("Leaf", (), {"resource": bucket.id, "kind": bucket.kind})()
    (again,) = _objects(leaf, what)
    held = {role: frozenset(places) for role, places in who["granted"].items()}
    same = msgspec.structs.replace(subject, granted=held, attrs=who["attrs"] | sets_of(subject.attrs))
    found = Oracle(policies.sources, policies.schema).decide(same, action, again, context)
    assert (found.allowed, set(found.determining)) == (first.allowed, set(first.determining))


def sets_of(attrs: Any) -> dict[str, Any]:
    """Sets, which no caller of ours has."""
    return {name: value for name, value in attrs.items() if isinstance(value, frozenset)}


def test_a_ruling_is_the_policies_and_what_they_saw() -> None:
    ruling = Ruling.of(("a", "b"), "x:read", cases.SUBJECTS[0], cases.BUCKETS[0])
    assert tuple(ruling) == ("a", "b")
    assert (ruling.operation, ruling.object) == ("x:read", cases.BUCKETS[0])
