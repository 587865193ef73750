"""Webhooks end to end: real requests to a real receiver on loopback, in order, signed, at least once."""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.notices import deliveries
from cloudhall.domains.notices.dispatch import Dispatcher
from cloudhall.domains.notices.webhook import Webhook
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict, Forbidden, Invalid
from cloudhall.kernel.wire import event_to_wire, state_of
from tests.kit.databases import BOTH
from tests.kit.hall import Hall
from tests.kit.receiver import Receiver, genuine, receiving

pytestmark = BOTH
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
HOUR_S = 3_600
BUCKET = {"quota_gib": 1, "grade": "open"}


class Post:
    """A hall with a person who may see one project, and a dispatcher that may call loopback."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.project = hall.project()
        self.owner = self.person("lin-na")
        self.dispatcher = Dispatcher(hall.kernel, LOOPBACK)

    def person(self, name: str, role: str = "developer") -> Caller:
        """Somebody with a row, and a role on the project."""
        admin, place = self.hall.staff["system_admin"], self.hall.row(Project, self.project).place
        made = self.hall.do(admin, Person, "create", name=name, place=place, spec={"display_name": name})
        grant = (f"{made['id']}/{role}", made["id"], role, self.project)
        self.hall.write(lambda tx: tx.execute("INSERT INTO role_grant VALUES (?, ?, ?, ?, NULL)", grant))
        return Caller(id=made["id"], name=name)

    def webhook(self, receiver: Receiver, name: str = "bus", by: Caller | None = None, **spec: Any) -> dict[str, Any]:
        """A new webhook, at the project."""
        spec = {"address": receiver.url, **spec}
        return self.hall.do(by or self.owner, Webhook, "create", name=name, place=self.project, spec=spec)

    def bucket(self, name: str) -> int:
        """A new bucket; the revision of its event."""
        made = self.hall.do(self.owner, Bucket, "create", name=name, place=self.project, spec=BUCKET)
        return int(made["revision"])

    def act(self, webhook: dict[str, Any], verb: str, **args: Any) -> dict[str, Any]:
        """An action of the owner's."""
        return self.hall.do(self.owner, Webhook, verb, target=webhook["id"], args=args)

    def send(self, until: Callable[[], bool], within_s: float = 20) -> None:
        """Take turns until something holds and nobody is at work."""
        deadline = time.monotonic() + within_s
        while not until():
            assert time.monotonic() < deadline
            self.turn()

    def turn(self) -> None:
        """One turn, and whatever it begins is ended."""
        self.dispatcher.turn()
        while self.dispatcher.under_way:
            time.sleep(0.002)

    def log(self, webhook: dict[str, Any]) -> list[deliveries.Delivery]:
        """Its deliveries, oldest first."""
        return deliveries.log(self.hall.read(), webhook["id"])[::-1]


@pytest.fixture
def post(hall: Hall) -> Post:
    return Post(hall)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


class TestDelivers:
    def test_what_happens_is_told_in_order_signed_and_as_the_watch_stream_tells_it(
        self, post: Post, receiver: Receiver
    ) -> None:
        hook = post.webhook(receiver)
        revisions = [post.bucket(f"stats-{n}") for n in range(3)]
        post.turn()
        assert receiver.told() == [("create", "bus"), *(("create", f"stats-{n}") for n in range(3))]
        assert receiver.ids()[1:] == [f"{hook['id']}-{r}" for r in revisions]
        (event,) = post.hall.kernel.history.after(post.hall.read(), revisions[0] - 1, 1)
        assert receiver.came[1].event == event_to_wire(event) | {
            "changed": [],
            "spec": receiver.came[1].event["spec"],
        }
        assert receiver.came[1].event["spec"]["quota_gib"] == 1
        now_s = post.hall.world.now_us() / 1e6
        assert all(genuine(hook["secret"], r, now_s) for r in receiver.came)
        assert not genuine(hook["secret"], receiver.came[0]._replace(body=b"{}"), now_s)
        assert not genuine(hook["secret"], receiver.came[0], now_s + 301)
        assert {d.state for d in post.log(hook)} == {"delivered"}

    def test_a_filter_takes_kinds_and_verbs(self, post: Post, receiver: Receiver) -> None:
        post.webhook(receiver, kinds=["storage.*"], verbs=["delete", "observe"])
        post.bucket("stats")
        post.hall.settle()
        post.hall.do(post.owner, Bucket, "delete", target="stats", place=post.project)
        post.turn()
        verbs = [verb for verb, _ in receiver.told()]
        assert verbs[-1] == "delete"
        assert set(verbs[:-1]) == {"observe"}

    def test_only_what_happens_where_it_lies(self, post: Post, receiver: Receiver) -> None:
        post.webhook(receiver)
        here = post.hall.row(Project, post.project).place
        admin = post.hall.staff["system_admin"]
        other = post.hall.do(admin, Project, "create", name="other", place=here, spec={"title_zh": "别的"})["id"]
        grant = ("g2", post.owner.id, "developer", other)
        post.hall.write(lambda tx: tx.execute("INSERT INTO role_grant VALUES (?, ?, ?, ?, NULL)", grant))
        post.hall.do(post.owner, Bucket, "create", name="elsewhere", place=other, spec=BUCKET)
        post.bucket("stats")
        post.turn()
        assert receiver.told() == [("create", "bus"), ("create", "stats")]

    def test_its_own_observations_never_come_back(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver, kinds=["notices.webhook"], verbs=["create", "observe"])
        post.hall.settle()
        assert post.hall.one("SELECT count(*) FROM event WHERE id = ? AND verb = 'observe'", hook["id"])
        post.turn()
        assert receiver.told() == [("create", "bus")]


class TestShowsOnlyWhatItsOwnerMaySee:
    def test_what_is_lost_between_queue_and_sending_is_not_told(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver)
        receiver.answer = lambda _: 503
        post.bucket("stats")
        post.turn()
        post.hall.write(lambda tx: tx.execute("DELETE FROM role_grant WHERE subject = ?", (post.owner.id,)))
        post.hall.world.advance(HOUR_S)
        receiver.answer = lambda _: 204
        post.turn()
        assert [(d.state, d.reason) for d in post.log(hook)] == [("parked", "its owner may not see it")] * 2
        assert len(receiver.came) == 1

    def test_somebody_suspended_is_told_nothing(self, post: Post, receiver: Receiver) -> None:
        post.webhook(receiver)
        post.turn()
        post.hall.do(post.hall.staff["security_admin"], Person, "suspend", target=post.owner.id)
        other = post.person("zhao-lei")
        post.hall.do(other, Bucket, "create", name="stats", place=post.project, spec=BUCKET)
        post.turn()
        assert receiver.told() == [("create", "bus")]

    def test_nobody_makes_one_for_somebody_else_or_sends_it_elsewhere(self, post: Post, receiver: Receiver) -> None:
        other = post.person("zhao-lei")
        with pytest.raises(Forbidden, match="acts for its maker"):
            post.webhook(receiver, name="theirs", by=other, owner=post.owner.id)
        hook = post.webhook(receiver)
        with pytest.raises(Forbidden, match="acts for its maker"):
            post.hall.do(other, Webhook, "update", target=hook["id"], spec={"address": "https://evil.example"})
        post.hall.do(other, Webhook, "suspend", target=hook["id"])

    def test_its_owner_goes_after_it(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver)
        admin = post.hall.staff["system_admin"]
        with pytest.raises(Conflict, match="bus"):
            post.hall.do(admin, Person, "delete", target=post.owner.id)
        post.turn()
        for verb in ("delete", "purge"):
            post.hall.do(post.owner, Webhook, verb, target=hook["id"])
            post.hall.settle()
        assert not deliveries.any_of(post.hall.read(), hook["id"])


class TestTriesAgain:
    def test_with_pauses_in_order_and_tells_people_meanwhile(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver)
        post.turn()
        receiver.answer = lambda _: 500
        post.bucket("first")
        post.bucket("second")
        for _ in range(3):
            post.turn()
            assert len({r.id for r in receiver.came[1:]}) == 1, "the second waits for the first"
            post.turn()
            post.hall.world.advance(900)
        assert len(receiver.came) == 4, "a turn within the pause sends nothing"
        post.hall.settle()
        row = post.hall.row(Webhook, hook["id"])
        assert state_of(row) == "attention"
        assert [c.text.en for c in row.status.conditions if not c.status] == ["deliveries fail: HTTP 500"]
        receiver.answer = lambda _: 200
        post.turn()
        assert receiver.told()[-2:] == [("create", "first"), ("create", "second")]
        post.hall.settle()
        assert state_of(post.hall.row(Webhook, hook["id"])) == "ready"

    def test_at_once_where_somebody_says_so(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver, verbs=["create"])
        receiver.answer = lambda _: 500
        for _ in range(3):
            post.turn()
            post.hall.world.advance(900)
        post.turn()
        post.hall.settle()
        count = len(receiver.came)
        post.turn()
        assert len(receiver.came) == count
        receiver.answer = lambda _: 204
        post.act(hook, "retry")
        post.turn()
        assert len(receiver.came) == count + 1

    def test_until_a_day_has_passed_then_it_is_parked_with_the_reason(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver, kinds=["storage.bucket"])
        receiver.answer = lambda _: 0
        post.bucket("first")
        post.turn()
        post.hall.world.advance(25 * HOUR_S)
        post.bucket("second")
        post.turn()
        first, second = post.log(hook)
        assert (first.state, first.tries) == ("parked", 2)
        assert "answer" in first.reason
        assert second.state == "waiting"

    def test_redirects_are_not_followed(self, post: Post, receiver: Receiver) -> None:
        with receiving() as elsewhere:
            receiver.answer, receiver.location = (lambda _: 302), elsewhere.url
            hook = post.webhook(receiver)
            post.turn()
            assert post.log(hook)[0].reason == "HTTP 302"
            assert elsewhere.came == []


class TestHoldsNobodyUp:
    def test_one_that_hangs_and_one_that_is_dead(self, post: Post, receiver: Receiver) -> None:
        with receiving() as slow:
            with receiving() as dead:
                post.webhook(dead, name="dead")
            hanging = threading.Event()
            slow.answer = lambda _: 204 if hanging.wait(8) else 500
            post.webhook(slow, name="slow")
            post.webhook(receiver, name="quick", kinds=["storage.bucket"])
            began = time.monotonic()
            for n in range(5):
                post.bucket(f"stats-{n}")
                post.dispatcher.turn()
                receiver.wait(n + 1)
            assert time.monotonic() - began < 6
            assert post.dispatcher.under_way
            hanging.set()
            post.turn()


class TestSurvives:
    def test_a_kill_between_answer_and_record_doubles_under_the_same_id(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver, kinds=["storage.bucket"])

        def killed(point: str) -> None:
            if point == "webhook.post:after":
                raise RuntimeError("killed")

        post.hall.world.fault = killed
        revision = post.bucket("stats")
        post.turn()
        post.hall.world.fault = lambda _point: None
        post.hall.restart()
        post.dispatcher = Dispatcher(post.hall.kernel, LOOPBACK)
        post.bucket("later")
        post.hall.world.advance(16)
        post.turn()
        assert receiver.ids() == [f"{hook['id']}-{revision}"] * 2 + [f"{hook['id']}-{revision + 1}"]

    def test_a_kill_between_queue_and_sending_loses_nothing(self, post: Post, receiver: Receiver) -> None:
        post.webhook(receiver, kinds=["storage.bucket"])
        post.bucket("stats")
        post.dispatcher.read_on()
        post.hall.restart()
        post.dispatcher = Dispatcher(post.hall.kernel, LOOPBACK)
        post.turn()
        assert receiver.told() == [("create", "stats")]


class TestActions:
    def test_ping_is_told_whatever_the_filter_says(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver, kinds=["market.*"])
        post.act(hook, "ping")
        post.turn()
        assert [r.event["type"] for r in receiver.came] == ["notices.webhook.pinged"]

    def test_replay_of_one_and_of_a_range_keeps_the_ids(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver, kinds=["storage.bucket"])
        revisions = [post.bucket(f"stats-{n}") for n in range(4)]
        post.turn()
        post.act(hook, "replay", first=revisions[1], last=revisions[1])
        post.turn()
        post.act(hook, "replay", first=revisions[2], last=revisions[3])
        post.turn()
        assert receiver.ids()[4:] == [f"{hook['id']}-{r}" for r in revisions[1:]]

    def test_suspended_it_is_told_nothing_and_what_it_missed_can_be_replayed(
        self, post: Post, receiver: Receiver
    ) -> None:
        hook = post.webhook(receiver, kinds=["storage.bucket"])
        post.act(hook, "suspend")
        missed = post.bucket("missed")
        post.turn()
        with pytest.raises(Conflict):
            post.act(hook, "ping")
        post.act(hook, "resume")
        post.bucket("later")
        post.turn()
        assert receiver.told() == [("create", "later")]
        post.act(hook, "replay", first=missed, last=missed)
        post.turn()
        assert receiver.told()[-1] == ("create", "missed")

    def test_what_waited_when_it_was_suspended_goes_on_when_it_is_resumed(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver, kinds=["storage.bucket"])
        post.bucket("stats")
        post.dispatcher.read_on()
        post.act(hook, "suspend")
        post.turn()
        assert receiver.came == []
        post.act(hook, "resume")
        post.turn()
        assert receiver.told() == [("create", "stats")]

    def test_a_replay_backwards_is_refused(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver)
        with pytest.raises(Invalid):
            post.act(hook, "replay", first=9, last=3)


class TestBounds:
    def test_log_and_queue_of_a_webhook_are_bounded(
        self, post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliveries, "KEPT_MAX", 3)
        monkeypatch.setattr(deliveries, "WAITING_MAX", 2)
        hook = post.webhook(receiver, kinds=["storage.bucket"])
        revisions = [post.bucket(f"stats-{n}") for n in range(5)]
        post.turn()
        post.dispatcher.trim()
        assert [d.revision for d in post.log(hook)] == revisions[2:]
        post.act(hook, "replay", first=revisions[1], last=revisions[4])
        post.dispatcher.read_on()
        post.dispatcher.trim()
        assert [(d.revision, d.state) for d in post.log(hook)][-3:] == [
            (revisions[2], "parked"),
            (revisions[3], "waiting"),
            (revisions[4], "waiting"),
        ]


class TestCallsNobodyInside:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "169.254.169.254",
            "10.0.0.1",
            "0.0.0.1",
        ],
    )
    def test_addresses_inside_are_refused_unless_allowed(self, post: Post, receiver: Receiver, host: str) -> None:
        post.dispatcher = Dispatcher(post.hall.kernel)
        port = receiver.url.split(":")[2]
        hook = post.webhook(receiver, address=f"https://{host}:{port}")
        post.turn()
        assert "not public" in post.log(hook)[0].reason
        assert receiver.came == []

    def test_plain_http_is_for_allowed_networks(self, post: Post, receiver: Receiver) -> None:
        hook = post.webhook(receiver, address="http://1.1.1.1/")
        post.turn()
        assert "https" in post.log(hook)[0].reason
