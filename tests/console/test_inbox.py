"""The inbox in the console: its count in the header, marking, and choosing mails; another's is out of reach."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from cloudhall.domains.notices import inbox, outbox
from cloudhall.domains.notices.inbox import About
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.text import T
from tests.kit.faces import Faces
from tests.kit.hall import Hall, opened

HEADLINE = T("有事", "Something")
COUNT = re.compile(r'<span class="count">(\d+\+?)<span class="out"> unread')


@pytest.fixture
def hall() -> Iterator[Hall]:
    with opened() as built:
        yield built


@pytest.fixture
def who(hall: Hall) -> Caller:
    return hall.staff["developer"]


@pytest.fixture
def browser(hall: Hall, who: Caller) -> TestClient:
    return Faces(hall).console(who, "en")


def tell(hall: Hall, person: Caller, count: int) -> None:
    def write(tx: Any) -> None:
        for n in range(count):
            what = T(f"第 {n} 件", f"Number {n}")
            inbox.tell(
                tx, [person.id], what, About("storage.bucket", "bk-1"), headline=HEADLINE, key=str(n), now_us=n + 1
            )

    hall.write(write)


def post(browser: TestClient, **form: str) -> None:
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', browser.get("/inbox").text)
    assert token
    assert browser.post("/inbox", data={"csrf": token[1], **form}).status_code == 303


def count(browser: TestClient) -> str:
    found = COUNT.search(browser.get("/").text)
    return found[1] if found else ""


def test_the_header_counts_what_is_unread(hall: Hall, who: Caller, browser: TestClient) -> None:
    assert count(browser) == ""
    tell(hall, who, 3)
    assert count(browser) == "3"
    html = browser.get("/inbox").text
    assert html.index("Number 2") < html.index("Number 0")
    post(browser, read="2")
    assert count(browser) == "2"
    post(browser, unread="2")
    assert count(browser) == "3"
    post(browser, up_to="2")
    assert count(browser) == "1"
    html = browser.get("/inbox?unread").text
    assert "Number 2" in html
    assert "Number 1" not in html


def test_opening_a_notice_reads_it_and_leads_to_its_subject(hall: Hall, who: Caller, browser: TestClient) -> None:
    def write(tx: Any) -> None:
        about = About("identity.person", who.id)
        inbox.tell(tx, [who.id], T("一件", "One thing"), about, headline=HEADLINE, key="one", now_us=1)

    hall.write(write)
    home = browser.get("/").text
    assert re.search(r"<b>One thing</b><small>Person", home)
    token = re.search(r'name="csrf" value="([0-9a-f]+)"', home)
    assert token
    answer = browser.post("/inbox", data={"csrf": token[1], "read": "1", "open": "1"})
    assert answer.headers["location"] == f"/people/{who.id}"
    assert count(browser) == ""
    post(browser, read="7", open="1")  # none of theirs: back to the inbox


def test_a_full_inbox_has_pages_and_a_rounded_count(hall: Hall, who: Caller, browser: TestClient) -> None:
    tell(hall, who, 120)
    assert count(browser) == "100+"
    older = re.search(r'href="(/inbox\?before=\d+)"', browser.get("/inbox").text)
    assert older
    assert "Number 69" in browser.get(older[1]).text


def test_mails_are_chosen_here(hall: Hall, who: Caller, browser: TestClient) -> None:
    assert "You get no mails." in browser.get("/inbox").text
    post(browser, mail="on")
    assert outbox.wanted(hall.read(), who.id)
    post(browser, mail="off")
    assert not outbox.wanted(hall.read(), who.id)


def test_nobody_reads_or_marks_anothers(hall: Hall, who: Caller, browser: TestClient) -> None:
    tell(hall, hall.staff["viewer"], 3)
    post(browser, up_to="3", read="1")
    assert "Number" not in browser.get("/inbox").text
    assert inbox.unread(hall.read(), hall.staff["viewer"].id) == 3


def test_what_is_no_number_marks_nothing(hall: Hall, who: Caller, browser: TestClient) -> None:
    tell(hall, who, 1)
    post(browser, up_to="9" * 40, read="-1")
    assert browser.get("/inbox?before=x").status_code == 200
    assert count(browser) == "1"
