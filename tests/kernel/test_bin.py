"""The recycle bin: out of sight and whole, back as it was, or destroyed; its time is counted, not believed."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.identity.quota_limit import QuotaLimit
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects import Key
from cloudhall.kernel import bin as bin_
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command, Plan
from cloudhall.kernel.errors import CloudhallError, Conflict, Forbidden, NotFound, QuotaExceeded
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.store.tables import LIVE, Where
from cloudhall.kernel.wire import state_of, to_wire
from cloudhall.kernel.world import SECOND_US
from tests.kit.databases import BOTH
from tests.kit.hall import Hall, opened
from tests.kit.objects import OWN, Refused

DAY_S = 86_400
SPEC = {"quota_gib": 10, "grade": "open"}


class Yard:
    """A project with a bucket that holds three bytes, and a key to it."""

    def __init__(self, hall: Hall) -> None:
        self.hall, self.project = hall, hall.project()
        self.developer: Caller = hall.staff["developer"]
        self.admin: Caller = hall.staff["system_admin"]
        self.id = self.do("create", place=self.project, name="stats", spec=SPEC, labels={"a": "b"})["id"]
        hall.settle()
        made = hall.do(self.developer, AccessKey, "create", place=self.project, name="key", spec={"bucket": self.id})
        self.key = Key(made["id"], made["secret"])
        hall.settle()
        hall.objects.put(self.key, "stats", "object", 3)
        hall.collect()
        hall.settle()

    def do(self, verb: str, **what: Any) -> dict[str, Any]:
        return self.hall.do(self.developer, Bucket, verb, **what)

    def plan(self, verb: str) -> Plan:
        return self.hall.kernel.plan(self.developer, Command(kind=Bucket, verb=verb, target="stats"))

    def delete(self) -> None:
        self.do("delete", target="stats")
        self.hall.settle()

    def kept(self) -> Kind[Any, Any] | None:
        return bin_.row(self.hall.kernel.tables, self.hall.read(), Bucket.meta.key, self.id)

    def person(self) -> str:
        spec = {"display_name": "吴"}
        return str(self.hall.do(self.admin, Person, "create", place="economy", name="wu", spec=spec)["id"])

    def used(self) -> int:
        return int(self.hall.one("SELECT used FROM quota WHERE key = 'storage_gib' AND place = ?", self.project))

    def days(self, count: float) -> None:
        self.hall.settle(count * DAY_S)
        self.hall.world.advance(0)


pytestmark = BOTH


@pytest.fixture
def yard() -> Iterator[Yard]:
    with opened() as hall:
        yield Yard(hall)


def refusal(yard: Yard, caller: Caller, kind: Any, verb: str, **what: Any) -> CloudhallError:
    with pytest.raises(CloudhallError) as refused:
        yard.hall.do(caller, kind, verb, **what)
    return refused.value


class TestOutOfSight:
    def test_nobody_reaches_it_and_it_is_all_there(self, yard: Yard) -> None:
        yard.delete()
        assert yard.hall.kernel.count(yard.developer, Bucket, LIVE) == 0
        assert yard.hall.kernel.count(yard.developer, AccessKey, LIVE) == 0
        with pytest.raises(Refused):
            yard.hall.objects.get(yard.key, "stats", "object")
        assert yard.hall.objects.stored("stats").bytes == 3
        kept = yard.kept()
        assert kept is not None
        assert (state_of(kept), kept.kept and kept.kept.actor) == ("binned", yard.developer.id)
        wire = to_wire(kept)["bin"]
        assert wire["withdrawn"]
        assert wire["by"] == yard.developer.id
        assert yard.hall.one("SELECT count(*) FROM label") == 0

    def test_a_look_at_it_says_how_to_have_it_back(self, yard: Yard) -> None:
        yard.delete()
        for target in ("stats", yard.id):
            error = refusal(yard, yard.developer, Bucket, "update", target=target, spec={"quota_gib": 3})
            assert (type(error), error.reason) == (NotFound, "BINNED")
            assert "cloudhall bucket restore stats" in error.how.en
        hidden = refusal(yard, yard.hall.nobody, Bucket, "restore", target="stats")
        assert (type(hidden), hidden.reason) == (NotFound, "")

    def test_its_name_stays_taken_and_its_room_is_free(self, yard: Yard) -> None:
        yard.delete()
        error = refusal(yard, yard.developer, Bucket, "create", place=yard.project, name="stats", spec=SPEC)
        assert [(p.code, p.pointer) for p in error.problems] == [("TAKEN", "/name")]
        assert "recycle bin" in error.problems[0].text.en
        assert yard.used() == 0

    def test_a_dry_run_says_what_becomes_of_it(self, yard: Yard) -> None:
        plan = yard.plan("delete")
        assert plan.kept_us == 30 * bin_.DAY_US
        assert [r.name for r in plan.goes_too] == ["key"]
        said = " ".join(t.en for t in plan.previews)
        assert "30 days" in said
        assert "stays metered" in said

    def test_what_it_holds_stays_metered_and_nothing_stays_reserved(self, yard: Yard) -> None:
        yard.delete()
        yard.hall.collect()
        levels = yard.hall.read().execute("SELECT meter, level_micro FROM meter_level").fetchall()
        assert [tuple(r) for r in levels] == [("storage.stored_bytes", 3)]

    def test_one_page_after_the_other(self, yard: Yard) -> None:
        names = ["a-one", "a-two", "a-three"]
        for name in names:
            yard.do("create", place=yard.project, name=name, spec=SPEC)
            yard.do("delete", target=name)
        after, seen = None, []
        while found := bin_.page(yard.hall.kernel.tables, yard.hall.read(), Bucket.meta.key, Where("TRUE"), after, 2):
            seen += [r.name for r in found]
            assert found[-1].kept is not None
            after = (found[-1].kept.at_us, found[-1].id)
        assert seen == names[::-1]


class TestRestore:
    def test_it_is_as_it_was(self, yard: Yard) -> None:
        before = to_wire(yard.hall.row(Bucket, yard.id))
        yard.delete()
        yard.do("restore", target="stats")
        assert state_of(yard.hall.row(Bucket, yard.id)) == "working"  # nobody has seen it at work yet
        yard.hall.settle()
        after = to_wire(yard.hall.row(Bucket, yard.id))
        parts = ("id", "name", "labels", "spec", "state", "status")
        assert {part: after[part] for part in parts} == {part: before[part] for part in parts}
        assert yard.hall.objects.get(yard.key, "stats", "object") == 3
        assert yard.used() == 10
        assert yard.hall.one("SELECT count(*) FROM label") == 1
        assert yard.hall.counts()["bin"] == 0

    def test_it_wants_its_room_back(self, yard: Yard) -> None:
        yard.delete()
        limit = {"quota": "storage_gib", "room": 5}
        yard.hall.do(yard.admin, QuotaLimit, "create", place=yard.project, name="small", spec=limit)
        error = refusal(yard, yard.developer, Bucket, "restore", target="stats")
        assert isinstance(error, QuotaExceeded)
        assert (error.details["asked"], error.details["room"]) == (10, 5)
        assert yard.kept() is not None

    def test_what_went_along_comes_back_with_its_owner_alone(self, yard: Yard) -> None:
        security = yard.hall.staff["security_admin"]
        person = yard.person()
        spec = {"subject": person, "role": "viewer"}
        yard.hall.do(yard.admin, Project, "create", place="economy", name="other", spec={"title_zh": "别的"})
        grant = yard.hall.do(security, Grant, "create", place="other", name="sight", spec=spec)["id"]
        held = "SELECT count(*) FROM role_grant WHERE id = ?"
        yard.hall.do(yard.admin, Project, "delete", target="other")
        assert yard.hall.one(held, grant) == 0
        yard.hall.do(yard.admin, Project, "restore", target="other")
        yard.hall.settle()
        assert yard.hall.one(held, grant) == 1
        assert yard.hall.row(Grant, grant).spec.subject == person

    def test_what_may_not_be_any_more_is_named_and_left_behind(self, yard: Yard) -> None:
        security = yard.hall.staff["security_admin"]
        person = yard.person()
        yard.hall.do(yard.admin, Project, "create", place="economy", name="other", spec={"title_zh": "别的"})
        spec = {"subject": person, "role": "audit_admin"}
        yard.hall.do(security, Grant, "create", place="other", name="first", spec=spec)
        yard.hall.do(yard.admin, Project, "delete", target="other")
        yard.hall.do(security, Grant, "create", place="economy", name="second", spec=spec | {"role": "security_admin"})
        plan = yard.hall.kernel.plan(yard.admin, Command(kind=Project, verb="restore", target="other"))
        assert [r.name for r in plan.left_behind] == ["first"]
        assert any("first does not come back" in t.en for t in plan.previews)
        yard.hall.do(yard.admin, Project, "restore", target="other")
        yard.hall.settle()
        assert yard.hall.kernel.count(security, Grant) == 1
        assert yard.hall.counts()["bin"] == 0

    def test_not_without_the_right_and_not_what_is_not_there(self, yard: Yard) -> None:
        assert refusal(yard, yard.developer, Bucket, "restore", target="stats").reason == "NOT_NOW"
        yard.delete()
        assert isinstance(refusal(yard, yard.hall.staff["viewer"], Bucket, "restore", target="stats"), Forbidden)
        yard.do("purge", target="stats")
        error = refusal(yard, yard.developer, Bucket, "restore", target="stats")
        assert (type(error), error.reason) == (Conflict, "DELETING")


class TestPurge:
    def test_the_plan_says_what_goes_and_then_it_goes(self, yard: Yard) -> None:
        yard.delete()
        plan = yard.plan("purge")
        assert [(c.amount, c.unit) for c in plan.destroys] == [(1, ""), (0, ""), (3, "B")]
        assert [r.name for r in plan.goes_too] == ["key"]
        yard.do("purge", target="stats")
        yard.hall.settle()
        assert yard.hall.objects.names_of_buckets == set()
        assert yard.hall.counts()["bin"] == yard.hall.counts()["secret"] == 0
        assert yard.do("create", place=yard.project, name="stats", spec=SPEC)["id"] != yard.id

    def test_what_is_retained_stays_with_the_reason(self, yard: Yard) -> None:
        yard.hall.objects.lock("stats", "object")
        yard.delete()
        error = refusal(yard, yard.developer, Bucket, "purge", target="stats")
        assert (type(error), error.reason) == (Conflict, "RETAINED")
        yard.days(40)
        assert yard.hall.objects.stored("stats").bytes == 3, "time may not do what people may not"
        yard.hall.objects.lock("stats")
        yard.days(2)
        assert yard.kept() is None

    def test_not_before_it_was_counted(self, yard: Yard) -> None:
        yard.do("delete", target="stats")
        assert refusal(yard, yard.developer, Bucket, "purge", target="stats").reason == "WITHDRAWING"
        yard.hall.settle()
        yard.do("purge", target="stats")

    def test_not_what_went_along(self, yard: Yard) -> None:
        yard.delete()
        error = refusal(yard, yard.developer, AccessKey, "update", target="key", spec={"access": "read"})
        assert isinstance(error, NotFound)
        assert "restore" not in AccessKey.meta.actions, "a credential that was deleted stays deleted"


class TestTime:
    def test_it_is_destroyed_when_its_time_is_over_and_not_before(self, yard: Yard) -> None:
        yard.delete()
        yard.days(29)
        assert yard.kept() is not None
        yard.days(2)
        assert yard.kept() is None
        assert yard.hall.objects.names_of_buckets == set()
        sql = "SELECT actor FROM event WHERE id = ? AND verb = 'purge'"
        assert yard.hall.one(sql, yard.id) == f"service:{Bucket.meta.key}"

    def test_a_clock_that_jumps_ahead_destroys_nothing(self, yard: Yard) -> None:
        yard.delete()
        for _ in range(3):
            yard.hall.world.advance(3_650 * DAY_S)
            yard.hall.restart()
            yard.hall.settle()
        kept = yard.kept()
        assert kept is not None
        assert kept.kept is not None
        left_us = kept.kept.until_us - yard.hall.world.now_us()
        assert left_us > 29 * bin_.DAY_US

    def test_a_clock_set_back_keeps_it_no_longer(self, yard: Yard) -> None:
        yard.delete()
        yard.days(20)
        yard.hall.world.advance(-10 * DAY_S)
        yard.days(0.5)
        yard.days(21)
        assert yard.kept() is None

    def test_an_installation_sets_its_own_time(self, yard: Yard) -> None:
        yard.hall.kernel.bin_days = bin_.days_of("9 storage.bucket=2")
        yard.delete()
        kept = yard.kept()
        assert kept is not None
        assert kept.kept is not None
        assert (kept.kept.until_us - kept.kept.at_us) // (DAY_S * SECOND_US) == 2
        yard.days(3)
        assert yard.kept() is None

    def test_what_the_engine_loses_meanwhile_is_told(self, yard: Yard) -> None:
        yard.delete()
        yard.hall.objects.remove(OWN, "stats", ["object"])
        yard.hall.objects.remove_bucket("stats")
        for _ in range(2):
            yard.hall.kernel.auditor.look()
        assert yard.hall.one("SELECT what FROM discrepancy") == "lost"
