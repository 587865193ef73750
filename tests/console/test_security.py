"""My security and the second step of a log-in, without scripts; what an administrator may do for others."""

import re
from html import unescape

import pyotp
import pytest

from cloudhall.console import devices
from cloudhall.domains.identity import factors, passwords
from tests.console.yard import PASSWORD, Visitor, Yard

LOCALHOST = "http://localhost"


@pytest.fixture
def known(yard: Yard) -> Yard:
    """A yard in which Devon has a password."""
    hashed = passwords.hash_password(PASSWORD)
    yard.kernel.store.write(lambda tx: passwords.store(tx, yard.people["devon"], hashed, 1)).result()
    return yard


def at_the_door(yard: Yard, language: str = "en") -> Visitor:
    visitor = yard.visitor(language=language)
    visitor.open("/login")
    return visitor


def enrolled(yard: Yard) -> tuple[Visitor, str, list[str]]:
    """Devon, who has set codes up on the page: secret and recovery codes as shown."""
    visitor = yard.visitor("devon")
    visitor.open("/security")
    visitor.send("/security", do="set-up", proof=PASSWORD)
    secret = re.findall(r"<pre[^>]*>([A-Z2-7]{32})</pre>", visitor.html)[0]
    assert "<svg" in visitor.html.partition('class="secret"')[2]
    visitor.send("/security", do="confirm", code=pyotp.TOTP(secret).now())
    return visitor, secret, re.findall(r"[0-9a-z]{4}(?:-[0-9a-z]{4}){3}", visitor.html)


def test_codes_are_set_up_and_then_asked_for(known: Yard) -> None:
    visitor, secret, kept = enrolled(known)
    assert len(set(kept)) == 10
    page = visitor.open("/security")
    assert secret not in page
    assert kept[0] not in page
    assert "10 left" in page
    comer = at_the_door(known)
    comer.submit("/login", login="devon", password=PASSWORD, next="/sheds")
    assert (comer.status, "Second factor" in comer.html) == (200, True)
    assert "cloudhall_session" not in comer.client.cookies
    comer.submit("/login/second", ("next", "ticket"), code="000000")
    assert (comer.status, "The code is wrong" in comer.html) == (401, True)
    comer.submit("/login/second", ("next", "ticket"), code=kept[0].upper())
    assert (comer.status, comer.location) == (303, "/sheds")
    assert "devon" in comer.open("/security")
    assert "9 left" in comer.html
    assert "password and recovery code" in comer.html


def test_a_wrong_first_code_is_said_and_the_secret_is_not_shown_again(known: Yard) -> None:
    visitor = known.visitor("devon")
    visitor.open("/security")
    visitor.send("/security", do="set-up", proof="wrong horse")
    assert (visitor.status, "Wrong log-in or password" in visitor.html) == (401, True)
    visitor.send("/security", do="set-up", proof=PASSWORD)
    secret = re.findall(r"[A-Z2-7]{32}", visitor.html)[0]
    visitor.send("/security", do="confirm", code="000000")
    assert visitor.status == 401
    assert secret not in visitor.html
    visitor.send("/security", do="confirm", code=pyotp.TOTP(secret).now())
    assert visitor.status == 200


def test_they_are_removed_and_recovery_codes_made_anew_with_a_proof(known: Yard) -> None:
    visitor, _, kept = enrolled(known)
    visitor.open("/security")
    visitor.send("/security", do="renew", proof="")
    assert visitor.status == 401
    visitor.send("/security", do="renew", proof=PASSWORD)
    new = re.findall(r"[0-9a-z]{4}(?:-[0-9a-z]{4}){3}", visitor.html)
    assert not set(new) & set(kept)
    visitor.open("/security")
    visitor.send("/security", do="remove", proof=new[0])
    assert visitor.location == "/security?done=removed"
    comer = at_the_door(known)
    comer.submit("/login", login="devon", password=PASSWORD, next="/sheds")
    assert comer.location == "/sheds"


def test_a_late_second_step_begins_again_at_the_door(known: Yard) -> None:
    _, _, kept = enrolled(known)
    comer = at_the_door(known)
    comer.submit("/login", login="devon", password=PASSWORD, next="/sheds")
    comer.send("/login/second", ticket="forged", code=kept[0], next="/")
    assert comer.status == 401
    assert "run out of time" in comer.html
    assert 'action="/login"' in comer.html


def test_a_changed_or_chosen_password_asks_for_the_second_factor_too(known: Yard) -> None:
    visitor, _, kept = enrolled(known)
    visitor.open("/password")
    visitor.send("/password", old=PASSWORD, password="my own horse", again="my own horse")
    assert "Second factor" in visitor.html
    visitor.submit("/login/second", ("next", "ticket"), code=kept[0])
    assert visitor.location == "/password?done=1"


def test_sessions_are_shown_and_ended(known: Yard) -> None:
    here, there = known.visitor("devon"), known.visitor("devon")
    there.client.headers["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
    comer = at_the_door(known)
    comer.client.headers["User-Agent"] = there.client.headers["User-Agent"]
    comer.submit("/login", login="devon", password=PASSWORD, next="/sheds")
    page = here.open("/security")
    assert page.count("this one") == 1
    row = next(r for r in page.split("<tr>") if "Firefox, Windows" in r)
    id_ = re.findall(r'name="id" value="([0-9a-f]{10})"', row)[0]
    here.send("/security", do="end", id=id_)
    assert here.location == "/security?done=ended"
    comer.open("/sheds")
    assert comer.location.startswith("/login")
    here.open("/security")
    here.send("/security", do="end-others")
    there.open("/sheds")
    assert there.location.startswith("/login")
    assert "Every other session has ended" in here.open("/security?done=others")


def test_a_security_administrator_ends_sessions_and_takes_factors_away(known: Yard) -> None:
    visitor, _, _ = enrolled(known)
    security = known.visitor("secura")
    assert 'href="/security/others"' in security.open("/")
    security.open("/security/others")
    assert "End all" in security.open("/security/others?person=devon")
    security.send("/security/others", person="devon", do="end-all")
    visitor.open("/sheds")
    assert visitor.location.startswith("/login")
    assert "No session is open" in security.open("/security/others?person=devon")
    security.send("/security/others", person="devon", do="reset")
    assert security.location == "/security/others?person=devon&done=reset"
    assert not factors.held(known.kernel.store.read(), known.people["devon"])
    security.open("/security/others")
    security.send("/security/others", person="audra", do="reset")
    assert (security.status, "cloudhall reset-factors audra" in security.html) == (403, True)


def test_nobody_else_does(known: Yard) -> None:
    enrolled(known)
    for name in ("vera", "admina", "audra"):
        visitor = known.visitor(name)
        assert 'href="/security/others"' not in visitor.open("/")
        visitor.open("/security/others?person=devon")
        assert visitor.status in {403, 404}
        for do in ("reset", "end-all"):
            visitor.send("/security/others", person="devon", do=do)
            assert visitor.status in {403, 404}
    assert factors.held(known.kernel.store.read(), known.people["devon"])


@pytest.mark.parametrize(("language", "said"), [("en", "First a second factor"), ("zh", "请先设置第二因素")])
def test_an_administrator_is_led_to_set_one_up_and_nowhere_else(
    known: Yard, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    monkeypatch.setenv(factors.RULE, factors.FOR_ADMINISTRATORS)
    admin = known.visitor("admina", language)
    for path in ("/", "/people", "/audit"):
        admin.open(path)
        assert (admin.status, admin.location) == (303, "/security")
    assert said in admin.open("/security")
    admin.send("/security", do="set-up", proof="")
    secret = re.findall(r"[A-Z2-7]{32}", admin.html)[0]
    admin.send("/security", do="confirm", code=pyotp.TOTP(secret).now())
    assert admin.status == 200
    admin.open("/people")
    assert admin.status == 200
    other = known.visitor("secura")
    other.open("/login")
    assert other.status == 200
    other.open("/security")
    other.send("/logout")
    assert other.location == "/login"


def test_pages_say_where_passkeys_work(known: Yard) -> None:
    here = known.visitor("devon")
    for path in ("/login", "/security"):
        assert "data-passkey" not in here.open(path)
        assert "do not work at this address" in here.html
    here.client.base_url = "http://127.0.0.1:8800"
    assert f'href="{LOCALHOST}:8800/login"' in unescape(here.open("/login"))
    there = known.visitor("devon")
    there.client.base_url = LOCALHOST
    there.client.cookies.set("cloudhall_session", known.session("devon"))
    for path, do in (("/login", "show"), ("/security", "make")):
        assert f'data-passkey="{do}"' in there.open(path)
        assert "do not work" not in there.html


def test_an_answer_that_is_none_leads_back(known: Yard) -> None:
    comer = at_the_door(known)
    comer.send("/login/passkey", ticket="x", credential="{}", next="/")
    assert (comer.status, "do not work at this address" in comer.html) == (401, True)
    comer.client.base_url = LOCALHOST
    comer.client.cookies.clear()
    comer.open("/login?lang=en")
    comer.submit("/login/passkey", ("ticket",), credential="{}", next="/")
    assert (comer.status, "The passkey was not accepted" in comer.html) == (401, True)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
            "Chrome, Linux",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("cloudhall-cli", "cloudhall"),
        ("something else", "something else"),
        ("", ""),
    ],
)
def test_a_device_has_a_name(agent: str, name: str) -> None:
    assert devices.named(agent) == name
