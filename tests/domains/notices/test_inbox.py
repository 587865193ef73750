"""Inboxes: who is told what and when, once; marking; bounds; and that 3,000,000 rows cost what three do."""

from typing import Any

import pytest

from cloudhall.domains.identity import signing_up
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.identity.quota_limit import QuotaLimit
from cloudhall.domains.identity.signing_up import Asking
from cloudhall.domains.notices import inbox
from cloudhall.domains.notices.inbox import About
from cloudhall.domains.notices.telling import Teller
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects import Key
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import rfc3339
from tests.kit.databases import BOTH, plan_of
from tests.kit.hall import Hall

pytestmark = BOTH
DAY_US = 86_400 * 1_000_000
BUCKET = About("storage.bucket", "bk-1")
HEADLINE = T("有事", "Something")


class Office:
    """A hall with a developer in a project, and a teller."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.project = hall.project()
        self.organisation = hall.row(Project, self.project).place
        self.teller = Teller(hall.kernel)
        self.lin = self.person("lin-na")
        self.grant(self.lin, "developer")

    def person(self, name: str) -> Caller:
        made = self.hall.do(
            self.hall.staff["system_admin"],
            Person,
            "create",
            name=name,
            place=self.organisation,
            spec={"display_name": name},
        )
        return Caller(id=made["id"], name=name)

    def grant(self, to: Caller, role: str, place: str = "", **spec: Any) -> dict[str, Any]:
        spec = {"subject": to.id, "role": role, **spec}
        by = self.hall.staff["security_admin"]
        return self.hall.do(by, Grant, "create", place=place or self.project, spec=spec)

    def bucket(self, name: str, quota_gib: int = 1) -> dict[str, Any]:
        spec = {"quota_gib": quota_gib, "grade": "open"}
        return self.hall.do(self.lin, Bucket, "create", name=name, place=self.project, spec=spec)

    def read(self, whose: Caller) -> list[str]:
        """Let the teller read on; what is in an inbox then, oldest first."""
        self.teller.turn()
        return [n.text.en for n in inbox.page(self.hall.read(), whose.id)][::-1]


@pytest.fixture
def office(hall: Hall) -> Office:
    return Office(hall)


class TestTells:
    def test_of_a_role_given_in_both_languages_once(self, office: Office) -> None:
        assert office.read(office.lin) == ["You have been given the role developer on monitoring"]
        assert office.read(office.lin) == ["You have been given the role developer on monitoring"]
        (notice,) = inbox.page(office.hall.read(), office.lin.id)
        assert notice.text.zh == "你在“monitoring”得到角色“开发者”"
        assert notice.about.kind == "identity.grant"

    def test_of_a_role_that_ends_within_seven_days(self, office: Office) -> None:
        now_us = office.hall.world.now_us()
        wu = office.person("wu-min")
        office.grant(wu, "viewer", expires_at=rfc3339(now_us + 8 * DAY_US))
        office.read(wu)
        office.teller.tell_endings()
        assert len(office.read(wu)) == 1
        office.hall.world.advance(2 * 86_400)
        office.teller.tell_endings()
        office.teller.tell_endings()
        assert office.read(wu)[1:] == ["Your role viewer on monitoring ends on 2026-01-09"]

    def test_of_an_operation_that_has_ended_whoever_asked_for_it(self, office: Office) -> None:
        bucket = office.bucket("stats")
        made = office.hall.do(office.lin, AccessKey, "create", place=office.project, spec={"bucket": bucket["id"]})
        office.hall.settle()
        office.hall.objects.put(Key(made["id"], made["secret"]), "stats", "a.csv", 10)
        office.hall.collect()
        office.hall.settle()
        office.hall.do(office.lin, Bucket, "empty", target=bucket["id"])
        office.hall.settle()
        (told,) = office.read(office.lin)[1:]
        assert told.endswith(": done")

    def test_of_a_resource_in_trouble_its_last_decider_once_an_episode(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: Any) -> None:
            raise Unavailable(T("引擎不在", "the engine is away"))

        monkeypatch.setattr(office.hall.objects, "seen", away)
        office.bucket("stats")
        office.hall.settle(within_s=600)
        assert office.read(office.lin)[1:] == ["Bucket stats needs you: the engine is away"]
        office.hall.settle(within_s=600)
        assert len(office.read(office.lin)) == 2

    def test_nobody_of_what_they_may_not_see_any_more(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_: Any) -> None:
            raise Unavailable(T("引擎不在", "the engine is away"))

        monkeypatch.setattr(office.hall.objects, "seen", away)
        office.bucket("stats")
        office.hall.write(lambda tx: tx.execute("DELETE FROM role_grant WHERE subject = ?", (office.lin.id,)))
        office.hall.settle(within_s=600)
        assert len(office.read(office.lin)) == 1

    def test_of_a_quota_above_ninety_percent_also_who_runs_the_organisation(self, office: Office) -> None:
        head = office.person("zhao-lei")
        office.grant(head, "org_admin", office.organisation)
        limit = {"quota": "storage_gib", "room": 100}
        by = office.hall.staff["system_admin"]
        office.hall.do(by, QuotaLimit, "create", name="gib", place=office.project, spec=limit)
        office.bucket("first", 90)
        assert len(office.read(head)) == 1
        office.bucket("second", 1)
        wanted = ["Storage of monitoring: 91 / 100 GiB used"]
        assert office.read(head)[1:] == wanted
        office.bucket("third", 1)
        assert office.read(office.lin)[1:] == wanted

    def test_nobody_of_what_happened_long_ago(self, office: Office) -> None:
        office.hall.world.advance(8 * 86_400)
        assert office.read(office.lin) == []

    def test_a_kill_between_notice_and_cursor_doubles_nothing(self, office: Office) -> None:
        office.read(office.lin)
        office.hall.write(lambda tx: tx.execute("UPDATE event_cursor SET revision = 0 WHERE reader = 'notices'"))
        assert len(office.read(office.lin)) == 1


class TestInbox:
    def tell(self, hall: Hall, person: str, count: int, start: int = 0) -> None:
        def write(tx: Any) -> None:
            for n in range(start, start + count):
                what = T(f"第 {n} 件", f"Number {n}")
                inbox.tell(tx, [person], what, BUCKET, headline=HEADLINE, key=str(n), now_us=n)

        hall.write(write)

    def test_marking_is_the_persons_alone(self, hall: Hall) -> None:
        for person in ("pe-a", "pe-b"):
            self.tell(hall, person, 3)
        hall.write(lambda tx: inbox.mark(tx, "pe-a", [2], 9))
        assert [n.id for n in inbox.page(hall.read(), "pe-a", unread=True)] == [3, 1]
        assert (inbox.unread(hall.read(), "pe-a"), inbox.unread(hall.read(), "pe-b")) == (2, 3)
        hall.write(lambda tx: inbox.mark(tx, "pe-a", [2], None))
        hall.write(lambda tx: inbox.mark_all(tx, "pe-a", 2, 9))
        assert [n.id for n in inbox.page(hall.read(), "pe-a", unread=True)] == [3]

    def test_an_inbox_is_bounded(self, hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inbox, "KEPT_MAX", 5)
        self.tell(hall, "pe-a", 12)
        assert [n.id for n in inbox.page(hall.read(), "pe-a")] == [12, 11, 10, 9, 8]
        assert [n.id for n in inbox.page(hall.read(), "pe-a", before=10, limit=1)] == [9]

    def test_the_count_ends_at_a_hundred(self, hall: Hall) -> None:
        self.tell(hall, "pe-a", 130)
        assert inbox.unread(hall.read(), "pe-a") == inbox.COUNTED_MAX

    def test_page_and_count_walk_one_index_and_sort_nothing(self, hall: Hall) -> None:
        page = "SELECT id FROM notice WHERE person = 'pe-a' AND id < 9 {} ORDER BY id DESC LIMIT 50"
        assert not plan_of(hall.kernel.store, page.format("")).sorts
        unread = plan_of(hall.kernel.store, page.format("AND read_us IS NULL"))
        assert (unread.walks, unread.sorts) == ("notice_unread", False)


def test_whoever_runs_an_organisation_is_told_of_requests_to_join(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = office.person("lead")
    office.grant(lead, "org_admin", office.organisation)
    office.read(lead)
    monkeypatch.setenv("CLOUDHALL_SIGN_UP", "economy")
    asking = Asking("吴敏", "statistics")
    signing_up.ask(office.hall.kernel, "economy", asking, address="10.0.0.1")
    assert office.read(lead)[-1] == "吴敏 asks to join economy: statistics"
    assert not any("asks to join" in text for text in office.read(office.lin))
