"""Mails to people who want them: over a real relay, tried again, with nothing private in them."""

from collections.abc import Iterator

import pytest

from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.notices import inbox, mailing, outbox
from cloudhall.domains.notices.inbox import About
from cloudhall.drivers.mail.smtp import Relay as Where
from cloudhall.drivers.mail.smtp import Smtp
from cloudhall.kernel.text import T
from tests.kit.hall import Hall
from tests.kit.relay import Relay, relaying

HEADLINE = T("一项角色即将到期", "A role of yours ends soon")
WHAT = T("你在“机密项目”的角色将到期", "Your role on secret-project ends")
DAY_S = 86_400


@pytest.fixture
def relay(hall: Hall) -> Iterator[Relay]:
    with relaying() as made:
        hall.kernel.drivers["mail"] = Smtp(Where("smtp", "127.0.0.1", made.port, "", ""), "cloudhall@city.example")
        yield made


@pytest.fixture
def lin(hall: Hall) -> str:
    place = hall.row(Project, hall.project()).place
    spec = {"display_name": "林娜", "email": "lin-na@city.example"}
    made = hall.do(hall.staff["system_admin"], Person, "create", name="lin-na", place=place, spec=spec)
    hall.write(lambda tx: outbox.choose(tx, made["id"], mail=True))
    return str(made["id"])


def tell(hall: Hall, person: str, key: str = "k") -> None:
    about, now_us = About("storage.bucket", "bk-1"), hall.world.now_us()
    hall.write(lambda tx: inbox.tell(tx, [person], WHAT, about, headline=HEADLINE, key=key, now_us=now_us))


def waiting(hall: Hall) -> int:
    return int(hall.one("SELECT count(*) FROM notice_mail"))


def test_a_mail_names_nothing_but_its_addressee_and_where_to_read(
    hall: Hall, relay: Relay, lin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDHALL_ADDRESS", "https://cloud.city.example/")
    tell(hall, lin)
    mailing.send_due(hall.kernel)
    mailing.send_due(hall.kernel)
    (mail,) = relay.mails
    assert mail.to == ["lin-na@city.example"]
    assert mail.message["Subject"] == "一项角色即将到期 · A role of yours ends soon"
    text = mail.message.get_content()
    assert "https://cloud.city.example/inbox" in text
    assert not any(word in str(mail.message) + text for word in ("secret-project", "机密项目", "林娜"))


def test_nobody_gets_mails_who_has_not_asked_for_them(hall: Hall, relay: Relay, lin: str) -> None:
    tell(hall, lin)
    hall.write(lambda tx: outbox.choose(tx, lin, mail=False))
    tell(hall, lin, "another")
    mailing.send_due(hall.kernel)
    assert (relay.mails, waiting(hall)) == ([], 0)
    assert inbox.unread(hall.read(), lin) == 2


def test_somebody_suspended_gets_none(hall: Hall, relay: Relay, lin: str) -> None:
    tell(hall, lin)
    hall.do(hall.staff["security_admin"], Person, "suspend", target=lin)
    mailing.send_due(hall.kernel)
    assert (relay.mails, waiting(hall)) == ([], 0)


def test_a_busy_relay_is_asked_again_later_and_after_three_days_no_more(hall: Hall, relay: Relay, lin: str) -> None:
    relay.answer = "451 later"
    tell(hall, lin)
    mailing.send_due(hall.kernel)
    assert waiting(hall) == 1
    hall.world.advance(3_600)
    relay.answer = "250 fine"
    mailing.send_due(hall.kernel)
    assert (len(relay.mails), waiting(hall)) == (1, 0)
    relay.answer = "451 later"
    tell(hall, lin, "another")
    mailing.send_due(hall.kernel)
    hall.world.advance(3 * DAY_S)
    mailing.send_due(hall.kernel)
    assert waiting(hall) == 0


def test_a_mail_that_is_rejected_is_given_up_and_the_next_one_goes(hall: Hall, relay: Relay, lin: str) -> None:
    relay.answer = "550 no"
    tell(hall, lin)
    mailing.send_due(hall.kernel)
    assert (relay.mails, waiting(hall)) == ([], 0)


def test_the_outbox_is_bounded(hall: Hall, lin: str) -> None:
    for n in range(outbox.WAITING_MAX + 5):
        tell(hall, lin, str(n))
    assert waiting(hall) == outbox.WAITING_MAX


def test_a_kill_between_relay_and_outbox_doubles_under_the_same_id(hall: Hall, relay: Relay, lin: str) -> None:
    tell(hall, lin)
    row = hall.read().execute("SELECT * FROM notice_mail").fetchone()
    mailing.send_due(hall.kernel)
    hall.write(lambda tx: tx.execute("INSERT INTO notice_mail VALUES (?, ?, ?, ?, ?, ?, ?)", row))
    mailing.send_due(hall.kernel)
    first, second = (m.message["Message-ID"] for m in relay.mails)
    assert first == second
