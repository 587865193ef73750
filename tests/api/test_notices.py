"""Inbox and delivery log over HTTP and on the command line."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from cloudhall.domains.notices import deliveries, inbox
from cloudhall.domains.notices.deliveries import Attempt
from cloudhall.domains.notices.inbox import About
from cloudhall.domains.notices.webhook import Webhook
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.text import T
from tests.cli.shell import Shell
from tests.kit.faces import Faces
from tests.kit.hall import Hall, opened

HEADLINE = T("有事", "Something")


@pytest.fixture
def hall() -> Iterator[Hall]:
    with opened() as built:
        yield built


@pytest.fixture
def who(hall: Hall) -> Caller:
    return hall.staff["developer"]


@pytest.fixture
def api(hall: Hall, who: Caller) -> TestClient:
    return Faces(hall).api(who)


def tell(hall: Hall, person: str, count: int) -> None:
    def write(tx: Any) -> None:
        for n in range(count):
            what = T(f"第 {n} 件", f"Number {n}")
            inbox.tell(tx, [person], what, About("storage.bucket", "bk-1"), headline=HEADLINE, key=str(n), now_us=n + 1)

    hall.write(write)


@pytest.fixture
def hook(hall: Hall, who: Caller) -> str:
    """A webhook with one delivery of each state."""
    spec = {"address": "https://hooks.example.cn/"}
    made = hall.do(who, Webhook, "create", name="bus", place=hall.project(), spec=spec)
    states = {1: Attempt(9, 4, 200), 2: Attempt(9, 4, 500, "HTTP 500", final=True)}

    def write(tx: Any) -> None:
        deliveries.queue(tx, made["id"], [1, 2, 3], 1)
        for revision, attempt in states.items():
            deliveries.record(tx, made["id"], revision, attempt, 0)

    hall.write(write)
    return str(made["id"])


class TestInbox:
    def test_pages_go_back_in_time(self, hall: Hall, who: Caller, api: TestClient) -> None:
        tell(hall, who.id, 5)
        first = api.get("/inbox", params={"page_size": 3}).json()
        assert [n["text"]["en"] for n in first["items"]] == ["Number 4", "Number 3", "Number 2"]
        assert first["unread"] == 5
        rest = api.get("/inbox", params={"page_size": 3, "before": first["next_before"]}).json()
        assert [n["id"] for n in rest["items"]] == [2, 1]
        assert "next_before" not in rest

    def test_marking(self, hall: Hall, who: Caller, api: TestClient) -> None:
        tell(hall, who.id, 5)
        assert api.post("/inbox/mark", json={"ids": [5]}).json() == {"unread": 4}
        assert api.post("/inbox/mark", json={"up_to": 3}).json() == {"unread": 1}
        assert api.post("/inbox/mark", json={"ids": [5, 1], "read": False}).json() == {"unread": 3}
        unread = api.get("/inbox", params={"unread": "true"}).json()["items"]
        assert [n["id"] for n in unread] == [5, 4, 1]
        assert api.post("/inbox/mark", json={"ids": [2**70]}).status_code == 400

    def test_mails_are_chosen(self, api: TestClient) -> None:
        assert api.get("/inbox/choice").json()["mail"] is False
        assert api.post("/inbox/choice", json={"mail": True}).json()["mail"] is True
        assert api.get("/inbox/choice").json()["mail"] is True


class TestDeliveryLog:
    def test_newest_first_by_state(self, hook: str, api: TestClient) -> None:
        log = api.get("/deliveries", params={"webhook": "bus"}).json()
        assert [(d["revision"], d["state"]) for d in log["items"]] == [(3, "waiting"), (2, "parked"), (1, "delivered")]
        assert log["items"][1] | {"id": f"{hook}-2", "reason": "HTTP 500", "status": 500} == log["items"][1]
        parked = api.get("/deliveries", params={"webhook": hook, "state": "parked"}).json()
        assert [d["revision"] for d in parked["items"]] == [2]

    def test_it_is_hidden_with_its_webhook(self, hall: Hall, hook: str) -> None:
        answer = Faces(hall).api(hall.nobody).get("/deliveries", params={"webhook": hook})
        assert answer.status_code == 404


class TestCommandLine:
    def test_inbox_and_deliveries(self, hall: Hall, who: Caller, hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
        tell(hall, who.id, 2)
        faces, shell = Faces(hall), Shell(hall.kernel.registry)
        with faces.served() as url:
            for name, value in {"URL": url, "TOKEN": faces.secret(who), "LANG": "en"}.items():
                monkeypatch.setenv(f"CLOUDHALL_{name}", value)
            assert [line.split("\t")[3] for line in shell.out("inbox list").splitlines()] == ["Number 1", "Number 0"]
            assert "1 unread" in shell.err("inbox read 1")
            assert "0 unread" in shell.err("inbox read --all")
            assert "numbers" in shell.err("inbox read", code=2)
            assert "ask a system administrator" in shell.err("inbox mail on")
            assert shell.json("inbox mail")["mail"] is True
            rows = [line.split("\t")[:2] for line in shell.out("deliveries list bus").splitlines()]
            assert rows == [["3", "waiting"], ["2", "parked"], ["1", "delivered"]]
            assert json.loads(shell.out("deliveries list bus --state parked --json"))["items"][0]["status"] == 500


@pytest.mark.parametrize("odd", [2**63, 10**400, -1, 1.5, "x", "a\x00", "9" * 30, None, [], {}, [2**63], [None]])
class TestOddInput:
    def test_no_body_is_a_fault_of_ours(self, api: TestClient, odd: Any) -> None:
        for address, name in (("mark", "ids"), ("mark", "up_to"), ("mark", "read"), ("choice", "mail"), ("mark", "x")):
            content = json.dumps({name: odd}).encode()
            answer = api.post(f"/inbox/{address}", content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code < 500

    def test_no_question_is_a_fault_of_ours(self, api: TestClient, hook: str, odd: Any) -> None:
        for name in ("before", "page_size", "state", "webhook", "unread"):
            assert api.get("/deliveries", params={"webhook": hook} | {name: str(odd)}).status_code < 500
            assert api.get("/inbox", params={name: str(odd)}).status_code < 500
