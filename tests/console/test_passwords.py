"""Passwords on the console, without scripts: change one's own, reset another's, choose one with a code."""

import re

import pytest

from cloudhall.domains.identity import passwords, resets
from tests.console.yard import PASSWORD, Visitor, Yard

OWN = "my own horse"


@pytest.fixture
def known(yard: Yard) -> Yard:
    """A yard in which Devon has a password."""
    hashed = passwords.hash_password(PASSWORD)
    yard.kernel.store.write(lambda tx: passwords.store(tx, yard.people["devon"], hashed, 1)).result()
    return yard


def logged_in(yard: Yard, password: str, language: str = "en") -> Visitor:
    visitor = yard.visitor(language=language)
    visitor.open("/login")
    visitor.send("/login", login="devon", password=password, next="/sheds")
    return visitor


def code_for(yard: Yard, name: str = "devon") -> str:
    """Let the security administrator reset somebody's password; answers the code that the page shows."""
    security = yard.visitor("secura")
    assert 'href="/password/reset"' in security.open("/")
    security.open("/password/reset")
    security.send("/password/reset", person=name)
    found = re.search(r"chc_\w+", security.html)
    assert found, security.html
    assert "Shown only now" in security.html
    return found[0]


def test_ones_own_is_changed_with_the_old_one_and_one_stays_logged_in(known: Yard) -> None:
    visitor, elsewhere = logged_in(known, PASSWORD), logged_in(known, PASSWORD)
    assert 'href="/password"' in visitor.open("/")
    assert "8 to 256 characters" in visitor.open("/password")
    visitor.send("/password", old=PASSWORD, password=OWN, again=OWN)
    assert (visitor.status, visitor.location) == (303, "/password?done=1")
    assert "Your password is changed" in visitor.open("/password?done=1")
    elsewhere.open("/sheds")
    assert elsewhere.location.startswith("/login")
    assert logged_in(known, OWN).location == "/sheds"


@pytest.mark.parametrize(
    ("old", "password", "again", "status", "said"),
    [
        ("wrong horse", OWN, OWN, 401, "Wrong log-in or password"),
        (PASSWORD, "short", "short", 400, "A password has 8 to 256 characters"),
        (PASSWORD, OWN, "my own hose", 400, "The two passwords are not the same"),
    ],
)
def test_what_is_wrong_is_said_on_the_form(
    known: Yard, old: str, password: str, again: str, status: int, said: str
) -> None:
    visitor = logged_in(known, PASSWORD)
    visitor.open("/password")
    visitor.send("/password", old=old, password=password, again=again)
    assert visitor.status == status
    assert said in visitor.html
    assert password not in visitor.html.replace(said, "")
    assert logged_in(known, PASSWORD).location == "/sheds"


@pytest.mark.parametrize(("language", "title"), [("en", "Choose your password"), ("zh", "设定你的密码")])
def test_a_code_in_place_of_a_password_leads_to_the_choice_of_one(known: Yard, language: str, title: str) -> None:
    code = code_for(known)
    assert logged_in(known, PASSWORD).status == 401
    visitor = logged_in(known, code, language)
    assert visitor.status == 200
    assert title in visitor.html
    assert 'value="devon"' in visitor.html
    visitor.submit("/password/choose", ("next", "code"), password="short", again="short")
    assert (visitor.status, title in visitor.html) == (400, True)
    visitor.submit("/password/choose", ("next", "code"), password=OWN, again=OWN)
    assert (visitor.status, visitor.location) == (303, "/sheds")
    visitor.open("/sheds")
    assert visitor.status == 200
    assert logged_in(known, OWN).location == "/sheds"
    assert logged_in(known, code).status == 401


def test_a_code_that_is_replaced_while_its_page_is_open_leads_back_to_the_door(known: Yard) -> None:
    visitor = logged_in(known, code_for(known))
    code_for(known)
    for password in (OWN, "short"):
        html = visitor.submit("/password/choose", ("next", "code"), password=password, again=password)
        assert visitor.status == 401
        assert "The one-time code is wrong, used or too old" in html
        visitor = logged_in(known, code_for(known))
        code_for(known)


def test_an_administrators_is_not_reset_here(known: Yard) -> None:
    security = known.visitor("secura")
    security.open("/password/reset")
    for name in ("audra", "admina", "secura"):
        security.send("/password/reset", person=name)
        assert security.status == 403
        assert f"cloudhall reset-password {name}" in security.html


def test_nobody_else_is_offered_it_or_may(known: Yard) -> None:
    for name in ("devon", "admina", "audra"):
        visitor = known.visitor(name)
        assert 'href="/password/reset"' not in visitor.open("/")
        visitor.open("/password/reset")
        visitor.send("/password/reset", person="vera")
        assert visitor.status in {403, 404}
    assert resets.last_us(known.kernel.store.read(), known.people["vera"]) == 0
