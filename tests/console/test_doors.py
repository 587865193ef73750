"""Logging in and out, forms that belong to their session, language and looks by cookie."""

import pytest

from cloudhall.console import session
from cloudhall.domains.identity import passwords
from tests.console.yard import PASSWORD, Yard


@pytest.fixture
def known(yard: Yard) -> Yard:
    """A yard in which Devon has a password."""
    hashed = passwords.hash_password(PASSWORD)
    yard.kernel.store.write(lambda tx: passwords.store(tx, yard.people["devon"], hashed, 1)).result()
    return yard


def test_without_a_session_every_page_leads_to_the_door_and_back(known: Yard) -> None:
    visitor = known.visitor()
    visitor.open("/sheds?colour=red")
    assert (visitor.status, visitor.location) == (303, "/login?next=%2Fsheds%3Fcolour%3Dred")
    visitor.open(visitor.location)
    visitor.submit("/login", ("next",), login="devon", password=PASSWORD)
    assert (visitor.status, visitor.location) == (303, "/sheds?colour=red")
    cookie = visitor.headers["set-cookie"]
    assert "cloudhall_session=chs_" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    visitor.open("/sheds")
    assert visitor.status == 200


def test_a_wrong_password_says_so_and_keeps_the_name(known: Yard) -> None:
    visitor = known.visitor()
    visitor.open("/login")
    visitor.send("/login", login="devon", password="wrong", next="/")
    assert visitor.status == 401
    assert "Wrong log-in or password" in visitor.html
    assert 'value="devon"' in visitor.html
    assert "wrong" not in visitor.html.replace("Wrong", "").replace("five wrong ones", "")


def test_logging_out_ends_the_session(known: Yard) -> None:
    visitor = known.visitor("devon")
    secret = visitor.client.cookies["cloudhall_session"]
    visitor.open("/")
    visitor.send("/logout")
    assert (visitor.status, visitor.location) == (303, "/login")
    visitor.client.cookies.set("cloudhall_session", secret)
    visitor.open("/")
    assert visitor.status == 303


@pytest.mark.parametrize("path", ["/logout", "/sheds:create", "/looks", "/login"])
def test_a_post_that_no_page_of_ours_made_is_refused(yard: Yard, path: str) -> None:
    shed = yard.shed("zq-one")
    visitor = yard.visitor("devon")
    for at in (path, f"/sheds/{shed}:lock"):
        assert "FORM_EXPIRED" in visitor.send(at, csrf="0" * 32)
        assert visitor.status == 403
    visitor.open("/")
    other = yard.visitor("stan")
    other.html = visitor.html
    other.send(path, name="zq-two")
    assert other.status == 403


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("/sheds?a=1", "/sheds?a=1"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/login?next=/x", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("", "/"),
    ],
)
def test_the_way_back_never_leads_elsewhere(asked: str, path: str) -> None:
    assert session.safe_return(asked) == path


def test_demonstration_log_ins_are_shown_on_this_machine_only(yard: Yard) -> None:
    assert PASSWORD in yard.visitor().open("/login")
    assert PASSWORD not in yard.visitor(address="192.0.2.7").open("/login")


def test_the_language_is_chosen_once_and_kept(yard: Yard) -> None:
    visitor = yard.visitor("devon", "zh")
    assert "首页" in visitor.open("/")
    assert '<html lang="en"' in visitor.open("/sheds?lang=en")
    assert "lang=en" in visitor.headers["set-cookie"]
    visitor.client.cookies.delete("lang")
    assert '<html lang="zh-CN"' in visitor.open("/")
    for header, lang in (("en-GB,zh;q=0.8", "en"), ("fr,de", "zh-CN"), ("zh-TW,en", "zh-CN")):
        found = visitor.client.get("/", headers={"Accept-Language": header}).text
        assert f'<html lang="{lang}"' in found


def test_looks_change_by_plain_buttons(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    visitor.open("/sheds")
    for name, value, mark in (
        ("look", "dark", 'data-look="dark"'),
        ("type", "large", 'data-type="large"'),
        ("contrast", "high", 'data-contrast="high"'),
    ):
        visitor.send("/looks", next="/sheds", **{name: value})
        assert (visitor.status, visitor.location) == (303, "/sheds")
        assert mark in visitor.open("/sheds")
    visitor.send("/looks", next="/sheds", look="violet")
    assert 'data-look="dark"' in visitor.open("/sheds")


def test_too_much_is_refused_before_it_is_read(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    visitor.open("/sheds:create")
    visitor.send("/sheds:create", name="x" * (1 << 20))
    assert visitor.status == 400


def test_files_are_kept_by_browsers_for_as_long_as_they_are_the_same(yard: Yard) -> None:
    visitor = yard.visitor()
    html = visitor.open("/login")
    for part in html.split('"'):
        if part.startswith("/static/") and "#" not in part:
            answer = visitor.client.get(part)
            assert answer.status_code == 200, part
            assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in visitor.client.get("/static/base.css").headers["cache-control"]
