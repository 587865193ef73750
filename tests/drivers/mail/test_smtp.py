"""SMTP against a real relay on loopback: what arrives, what is refused for good, what may be tried again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall.drivers.mail import Rejected, smtp
from cloudhall.drivers.mail.smtp import Relay as Where
from cloudhall.drivers.mail.smtp import Smtp, from_environment, relay_of
from cloudhall.kernel.errors import Unavailable
from tests.kit.certificate import localhost, serving_tls
from tests.kit.relay import Relay, relaying


@pytest.fixture
def relay() -> Iterator[Relay]:
    with relaying() as made:
        yield made


def to(relay: Relay) -> Smtp:
    return Smtp(Where("smtp", "127.0.0.1", relay.port, "", ""), "cloudhall@city.example")


def test_a_mail_arrives_whole_in_both_languages(relay: Relay) -> None:
    to(relay).send("chen@city.example", "配额 · Quota", "配额将满。\nNearly full.\n.\n", "pe-1.7")
    (mail,) = relay.mails
    assert (mail.sender, mail.to) == ("cloudhall@city.example", ["chen@city.example"])
    assert mail.message["Subject"] == "配额 · Quota"
    assert mail.message["Message-ID"] == "<pe-1.7@city.example>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message.get_content().splitlines() == ["配额将满。", "Nearly full.", "."]


def test_an_addressee_that_does_not_exist_is_refused_for_good(relay: Relay) -> None:
    relay.answer = "550 no such user"
    with pytest.raises(Rejected, match="no such user"):
        to(relay).send("nobody@city.example", "x", "y", "1")


def test_a_relay_that_is_busy_or_gone_may_be_tried_again(relay: Relay) -> None:
    relay.answer = "451 later"
    with pytest.raises(Unavailable, match="later"):
        to(relay).send("chen@city.example", "x", "y", "1")
    gone = Smtp(Where("smtp", "127.0.0.1", 1, "", ""), "cloudhall@city.example")
    with pytest.raises(Unavailable):
        gone.send("chen@city.example", "x", "y", "1")


def test_smtps_takes_a_certificate_that_is_trusted_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = localhost(tmp_path)
    with relaying(serving_tls(certificate)) as relay:
        mailer = Smtp(Where("smtps", "localhost", relay.port, "", ""), "cloudhall@city.example")
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            mailer.send("chen@city.example", "x", "y", "1")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        mailer.send("chen@city.example", "x", "y", "1")
        assert [m.to for m in relay.mails] == [["chen@city.example"]]


def test_nothing_goes_to_another_machine_unencrypted(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "HERE", ())
    with pytest.raises(Unavailable, match="STARTTLS"):
        to(relay).send("chen@city.example", "x", "y", "1")
    assert relay.mails == []


def test_a_refused_log_in_is_no_fault_of_the_mail(relay: Relay) -> None:
    mailer = Smtp(Where("smtp", "127.0.0.1", relay.port, "bot", "wrong"), "cloudhall@city.example")
    with pytest.raises(Unavailable):
        mailer.send("chen@city.example", "x", "y", "1")


def test_a_line_break_in_an_address_makes_no_header(relay: Relay) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        to(relay).send("chen@city.example\nBcc: all@city.example", "x", "y", "1")
    assert relay.mails == []


def test_the_relay_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLOUDHALL_SMTP", "CLOUDHALL_MAIL_FROM"):
        monkeypatch.delenv(name, raising=False)
    assert from_environment() is None
    monkeypatch.setenv("CLOUDHALL_SMTP", "smtps://bot:p%40ss@mail.example")
    with pytest.raises(Unavailable, match="CLOUDHALL_MAIL_FROM") as error:
        from_environment()
    assert "p@ss" not in str(error.value)
    monkeypatch.setenv("CLOUDHALL_MAIL_FROM", "cloudhall@city.example")
    found = from_environment()
    assert found
    assert found.relay == Where("smtps", "mail.example", 465, "bot", "p@ss")
    assert relay_of("smtp://127.0.0.1:2525") == Where("smtp", "127.0.0.1", 2525, "", "")
