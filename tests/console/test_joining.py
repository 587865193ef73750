"""Coming in on the console, without scripts: behind an invitation's link, and by asking."""

import re

import pytest

from cloudhall.domains.identity.invitation import Invitation
from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.store.tables import LIVE, Sort
from tests.console.yard import Yard

OWN = "my own horse"


@pytest.fixture
def code(yard: Yard) -> str:
    """Code of an invitation by Vera, who runs the bureau."""
    yard.grant(yard.people["vera"], "org_admin", yard.bureau)
    spec = {"role": "developer", "note": "Bring boots"}
    command = Command(kind=Invitation, verb="create", place=yard.north, spec=spec)
    vera = Caller(id=yard.people["vera"], attrs={"organisation": yard.bureau})
    return str(yard.kernel.execute(vera, command).result().body["secret"])


def newcomer(**more: str) -> dict[str, str]:
    return {"display_name": "吴敏", "login": "wu-min", "password": OWN, "again": OWN} | more


@pytest.mark.parametrize(
    ("language", "title", "role"), [("en", "Join North yard", "developer"), ("zh", "加入北苑", "开发者")]
)
def test_the_link_says_what_it_opens_and_opens_an_account(
    yard: Yard, code: str, language: str, title: str, role: str
) -> None:
    visitor = yard.visitor(language=language)
    page = visitor.open(f"/join?code={code}")
    assert visitor.status == 200
    for said in (title, role, "薇拉", "Bring boots"):
        assert said in page
    visitor.submit("/join", ("code",), **newcomer())
    assert (visitor.status, visitor.location) == (303, "/")
    visitor.open("/")
    assert visitor.status == 200
    assert "吴敏" in visitor.html


def test_what_is_wrong_is_said_and_kept(yard: Yard, code: str) -> None:
    visitor = yard.visitor()
    visitor.open(f"/join?code={code}")
    for wrong, said in (
        ({"again": "my own hose"}, "The two passwords are not the same"),
        ({"login": "vera"}, "vera is taken"),
        ({"display_name": "x" * 81}, "At most 80 characters"),
    ):
        page = visitor.submit("/join", ("code",), **newcomer(**wrong))
        assert visitor.status == 400
        assert said in page
        assert 'name="login" value="' in page
        assert OWN not in page
    visitor.submit("/join", ("code",), **newcomer())
    assert visitor.status == 303


def test_whoever_is_logged_in_accepts_with_a_click(yard: Yard, code: str) -> None:
    visitor = yard.visitor("stan")
    assert "You are logged in as" in visitor.open(f"/join?code={code}")
    visitor.submit("/join/accept", ("code",))
    assert (visitor.status, visitor.location) == (303, "/")
    assert "Nothing behind this link" in visitor.open(f"/join?code={code}")
    assert visitor.status == 401


def test_who_must_log_in_first_comes_back_to_the_link(yard: Yard, code: str) -> None:
    visitor = yard.visitor()
    found = re.search(r'href="(/login\?next=[^"]+)"', visitor.open(f"/join?code={code}"))
    assert found
    visitor.open(found[1])
    assert visitor.hidden("next") == f"/join?code={code}"


def test_nothing_is_told_to_who_has_no_code(yard: Yard) -> None:
    visitor = yard.visitor()
    for wrong in ("", "chi_" + "0" * 30, "x" * 3_000):
        visitor.open(f"/join?code={wrong}")
        assert visitor.status == 401


def test_the_page_of_a_new_invitation_shows_the_link(yard: Yard) -> None:
    yard.grant(yard.people["vera"], "org_admin", yard.bureau)
    visitor = yard.visitor("vera")
    visitor.open("/invitations:create")
    fields = {"in": yard.bureau, "spec__role": "viewer", "spec__days": "7"}
    visitor.send("/invitations:create", step="check", **fields)
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', visitor.html.partition("<main")[2]))
    page = visitor.send(
        "/invitations:create", **{k.replace(".", "__"): v for k, v in hidden.items() if k != "csrf"}, step="confirm"
    )
    assert re.search(r"http://testserver/join\?code=chi_\w+", page), page
    assert "Shown only now" in page


def test_asking_is_offered_where_it_is_possible_and_leads_in_once_approved(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = yard.visitor()
    assert "/sign-up" not in visitor.open("/login")
    visitor.open("/sign-up")
    assert visitor.status == 404
    monkeypatch.setenv("CLOUDHALL_SIGN_UP", "bureau")
    assert 'href="/sign-up"' in visitor.open("/login")
    assert "Parks" in visitor.open("/sign-up")
    wrong = visitor.send("/sign-up", organisation="bureau", display_name="吴敏", reason="", email="no address")
    assert visitor.status == 400
    assert 'value="no address"' in wrong
    page = visitor.send("/sign-up", organisation="bureau", display_name="吴敏", reason="sheds", email="")
    link = re.search(r"http://testserver(/join\?code=chj_\w+)", page)
    assert link, page
    assert "Not decided yet" in visitor.open(link[1])
    yard.grant(yard.people["vera"], "org_admin", yard.bureau)
    (asked,) = yard.kernel.tables[JoinRequest].page(yard.kernel.store.read(), LIVE, Sort(), None, 9)
    vera = yard.visitor("vera")
    vera.open(f"/join-requests/{asked.id}")
    assert "sheds" in vera.html
    vera.open(f"/join-requests/{asked.id}:approve")
    vera.send(f"/join-requests/{asked.id}:approve", args__role="viewer", args__decision="")
    assert vera.status == 303, vera.html
    assert 'value="吴敏"' in visitor.open(link[1])
    visitor.submit("/join", ("code",), **newcomer())
    assert visitor.location == "/"
