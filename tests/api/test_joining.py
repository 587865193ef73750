"""Coming in by a code over HTTP, in one's language, and asking for one."""

import pytest
from starlette.testclient import TestClient

from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.kernel.commands import Command
from cloudhall.kernel.store.tables import LIVE, Sort
from tests.api.town import ROOT, Town

OWN = "my own horse"
NEWCOMER = {"login": "wu-min", "display_name": "吴敏", "password": OWN}


@pytest.fixture
def lead(town: Town) -> TestClient:
    """Return a client of somebody who runs the bureau."""
    town.grant(town.people["viewer"], "org_admin", town.bureau)
    return town.client("viewer")


def invited(lead: TestClient, **spec: object) -> str:
    body = {"organisation": "bureau", "spec": {"role": "developer", **spec}}
    answer = lead.post("/invitations", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])


def test_an_invitation_is_shown_taken_and_used_up(town: Town, lead: TestClient) -> None:
    code, anybody = invited(lead), town.client()
    shown = anybody.post("/join/look", json={"code": code}).json()
    assert shown.pop("expires_at")
    assert shown == {
        "place": {"zh": "局", "en": "bureau"},
        "good": True,
        "progress": "open",
        "role": "developer",
        "role_title": {"zh": "开发者", "en": "developer"},
    }
    made = anybody.post("/join", json={"code": code, **NEWCOMER})
    assert made.status_code == 201, made.text
    assert made.json()["name"] == "wu-min"
    assert anybody.post("/login", json={"login": "wu-min", "password": OWN}).status_code == 200
    for path, body in (("/join/look", {}), ("/join", NEWCOMER)):
        answer = anybody.post(path, json={"code": code, **body})
        assert (answer.status_code, answer.json()["reason"]) == (401, "CODE")


def test_all_that_is_wrong_is_named_by_its_field(town: Town, lead: TestClient) -> None:
    answer = town.client().post("/join", json={"code": invited(lead), **NEWCOMER, "login": "dev"})
    assert answer.status_code == 400
    assert [p["code"] for p in answer.json()["problems"]] == ["TAKEN"]
    missing = town.client().post("/join", json={"code": "x"}).json()["problems"]
    assert {p["pointer"] for p in missing} == {"/login", "/display_name", "/password"}


def test_somebody_with_an_account_accepts_and_a_token_does_not(town: Town, lead: TestClient) -> None:
    code = invited(lead)
    assert town.client().post("/join/accept", json={"code": code}).status_code == 401
    assert lead.post("/join/accept", json={"code": code}).status_code == 403
    stranger = town.client("stranger")
    assert stranger.post("/join/accept", json={"code": code}).status_code == 200
    places = {p for r in stranger.get("/whoami").json()["roles"] for p in r["places"]}
    assert town.bureau in places


@pytest.mark.parametrize("name", ["dev", "admin", "auditor"])
def test_nobody_else_invites(town: Town, name: str) -> None:
    body = {"organisation": "bureau", "spec": {"role": "developer"}}
    assert town.client(name).post("/invitations", json=body).status_code == 403


def test_asking_is_off_until_the_operator_names_an_organisation(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"organisation": "bureau", "display_name": "吴敏", "reason": "statistics"}
    anybody = town.client()
    assert anybody.get("/sign-up").json() == {"items": []}
    assert anybody.post("/sign-up", json=body).status_code == 404
    monkeypatch.setenv("CLOUDHALL_SIGN_UP", "bureau, nowhere")
    (item,) = anybody.get("/sign-up").json()["items"]
    assert (item["name"], item["title"]["zh"]) == ("bureau", "局")
    code = anybody.post("/sign-up", json=body).json()["code"]
    shown = anybody.post("/join/look", json={"code": code}).json()
    assert (shown["good"], shown["progress"], "role" in shown) == (False, "asked", False)
    assert anybody.post("/join", json={"code": code, **NEWCOMER}).status_code == 401


def test_an_approved_request_is_taken_like_an_invitation(
    town: Town, lead: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDHALL_SIGN_UP", "bureau")
    body = {"organisation": "bureau", "display_name": "吴敏", "reason": "statistics", "email": "wu@city.example"}
    code = town.client().post("/sign-up", json=body).json()["code"]
    (asked,) = lead.get("/join-requests").json()["items"]
    assert asked["spec"]["reason"] == "statistics"
    assert town.client("dev").get("/join-requests").json()["items"] == []
    answer = lead.post(f"/join-requests/{asked['id']}:approve", json={"role": "viewer", "decision": "welcome"})
    assert answer.status_code == 200, answer.text
    assert town.client().post("/join/look", json={"code": code}).json()["decision"] == "welcome"
    made = town.client().post("/join", json={"code": code, **NEWCOMER}).json()
    assert made["spec"]["email"] == "", "nobody has verified it"


def test_who_asks_too_often_is_told_when_to_come_back(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_SIGN_UP", "bureau")
    body = {"organisation": "bureau", "display_name": "吴敏", "reason": "statistics"}
    answers = [town.client().post("/sign-up", json=body) for _ in range(6)]
    assert [a.status_code for a in answers] == [201] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "3600"
    rows = town.kernel.tables[JoinRequest].page(town.kernel.store.read(), LIVE, Sort(), None, 10)
    assert len(rows) == 5
    delete = Command(kind=JoinRequest, verb="delete", target=rows[0].id)
    assert town.kernel.execute(ROOT, delete).result()
