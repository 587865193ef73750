"""Log in, log out, and what counts as a credential."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from starlette.testclient import TestClient

from cloudhall.api import host
from cloudhall.domains.identity import passwords
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from tests.api.town import Town

PASSWORD = "correct horse 电池"


@pytest.fixture
def with_password(town: Town) -> None:
    """Give the developer a password."""
    hashed, person = passwords.hash_password(PASSWORD), town.people["dev"]
    town.kernel.store.write(lambda tx: passwords.store(tx, person, hashed, 1)).result()


def test_log_in_use_and_log_out(town: Town, with_password: None) -> None:
    client = town.client()
    answer = client.post("/login", json={"login": "dev", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    assert answer.json()["person"]["id"] == town.people["dev"]
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    me = client.get("/whoami", headers=bearer).json()
    assert (me["id"], me["type"], me["scopes"]) == (town.people["dev"], "Person", None)
    (role,) = me["roles"]
    assert role == {"role": "developer", "title": {"zh": "开发者", "en": "developer"}, "places": [town.project]}
    assert client.post("/logout", headers=bearer).status_code == 204
    assert client.get("/whoami", headers=bearer).status_code == 401


def test_a_wrong_log_in_says_no_more_than_that(town: Town, with_password: None) -> None:
    client = town.client()
    answers = [
        client.post("/login", json={"login": login, "password": "wrong horse"}).json() for login in ("dev", "nobody")
    ]
    for answer in answers:
        answer.pop("request_id")
    assert answers[0] == answers[1]
    assert (answers[0]["status"], answers[0]["reason"]) == (401, "WRONG_PASSWORD")


def test_a_log_in_is_checked_like_any_input(town: Town) -> None:
    problems = town.client().post("/login", json={"logn": "dev", "password": 7}).json()["problems"]
    assert {p["pointer"]: p["code"] for p in problems} == {"/logn": "UNKNOWN", "/login": "MISSING", "/password": "TYPE"}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic ZGV2OngK", "Bearer chs_wrong", "Bearer cht_" + "0" * 46, "Bearer \x7f"],
)
def test_no_credential_no_answer(town: Town, header: str) -> None:
    answer = town.client(**({"Authorization": header} if header else {})).get("/boxes")
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_cookie_is_no_credential(town: Town) -> None:
    secret = town.token("dev")
    for name in ("session", "cloudhall", "chs"):
        answer = town.client(Cookie=f"{name}={secret}").get("/boxes")
        assert answer.status_code == 401


def test_suspending_somebody_takes_effect_with_the_next_request(town: Town, dev: TestClient) -> None:
    assert dev.get("/boxes").status_code == 200
    town.grant("pe-security", "security_admin", "platform")
    town.kernel.execute(Caller(id="pe-security"), Command(kind=Person, verb="suspend", target="dev")).result()
    assert dev.get("/boxes").status_code == 401


def test_a_flood_of_log_ins_is_turned_away_and_holds_up_nobody_else(
    town: Town, with_password: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "LOGINS_WAITING_MAX", 4)
    body = {"login": "dev", "password": PASSWORD}
    with town.served() as address, ThreadPoolExecutor(20) as pool, httpx2.Client(base_url=address) as client:
        flood = [pool.submit(client.post, "/login", json=body, timeout=60) for _ in range(20)]
        reads = [client.get("/boxes", headers={"Authorization": f"Bearer {town.token('dev')}"}) for _ in range(5)]
        answers = [f.result() for f in flood]
    assert {a.status_code for a in answers} == {200, 429}
    assert sum(a.status_code == 429 for a in answers) >= 10
    assert all(a.headers["retry-after"] == "2" for a in answers if a.status_code == 429)
    assert [r.status_code for r in reads] == [200] * 5


def test_one_changes_ones_own_password_with_the_old_one(town: Town, with_password: None) -> None:
    new, client = "a longer horse 电池", town.client()
    token = client.post("/login", json={"login": "dev", "password": PASSWORD}).json()["token"]
    own = {"Authorization": f"Bearer {token}"}
    assert client.post("/password", json={"password": new, "old": PASSWORD}).status_code == 401
    assert client.post("/password", json={"password": new, "old": "wrong horse"}, headers=own).status_code == 401
    assert client.post("/password", json={"password": "short", "old": PASSWORD}, headers=own).status_code == 400
    assert client.post("/password", json={"password": new, "old": PASSWORD}, headers=own).status_code == 204
    assert client.get("/whoami", headers=own).status_code == 401  # every session ended
    assert client.post("/login", json={"login": "dev", "password": new}).status_code == 200


def test_nobody_sets_a_password_for_somebody_else(town: Town, with_password: None) -> None:
    town.grant(town.people["admin"], "security_admin", "platform")
    body = {"person": "dev", "password": "given by admin", "old": ""}
    assert town.client("admin").post("/password", json=body).status_code == 400
    assert town.client().post("/login", json={"login": "dev", "password": PASSWORD}).status_code == 200


def test_a_reset_gives_a_code_with_which_its_owner_chooses(town: Town, with_password: None) -> None:
    town.grant(town.people["admin"], "security_admin", "platform")
    client, security = town.client(), town.client("admin")
    assert town.client("viewer").post("/password/reset", json={"person": "dev"}).status_code in {403, 404}
    given = security.post("/password/reset", json={"person": "dev"})
    assert given.status_code == 200, given.text
    code = given.json()["code"]
    assert given.json()["person"] == "dev"
    refused = client.post("/login", json={"login": "dev", "password": code}).json()
    assert (refused["status"], refused["reason"]) == (401, "CODE")
    assert client.post("/password/choose", json={"code": code, "password": "short"}).status_code == 400
    assert client.post("/password/choose", json={"code": code, "password": "my own horse"}).status_code == 204
    assert client.post("/password/choose", json={"code": code, "password": "a thief's horse"}).status_code == 401
    assert client.post("/login", json={"login": "dev", "password": PASSWORD}).status_code == 401
    assert client.post("/login", json={"login": "dev", "password": "my own horse"}).status_code == 200


def test_an_administrators_password_is_not_reset_over_the_interface(town: Town) -> None:
    town.grant(town.people["viewer"], "security_admin", "platform")
    for name in ("auditor", "admin", "viewer"):
        refused = town.client("viewer").post("/password/reset", json={"person": name})
        assert refused.status_code == 403, name
        assert refused.json()["reason"] == "ADMINISTRATOR"
        assert f"cloudhall reset-password {name}" in refused.json()["how"]
