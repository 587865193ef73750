"""Second factors and sessions over HTTP: the log-in's second step, changes with a proof, who ends whose sessions."""

from typing import Any

import pyotp
import pytest
from starlette.testclient import TestClient

from cloudhall.domains.identity import factors, passwords
from tests.api.town import Town

PASSWORD = "correct horse 电池"


@pytest.fixture(autouse=True)
def with_password(town: Town) -> None:
    """Give the developer a password."""
    hashed, person = passwords.hash_password(PASSWORD), town.people["dev"]
    town.kernel.store.write(lambda tx: passwords.store(tx, person, hashed, 1)).result()


def log_in(town: Town) -> Any:
    return town.client().post("/login", json={"login": "dev", "password": PASSWORD}).json()


def enrolled(client: TestClient) -> tuple[str, list[str]]:
    secret = client.post("/factors/codes", json={"proof": PASSWORD}).json()["secret"]
    kept = client.post("/factors/codes/confirm", json={"code": pyotp.TOTP(secret).now()})
    assert kept.status_code == 200, kept.text
    return secret, kept.json()["recovery_codes"]


def test_a_log_in_has_two_steps_once_codes_are_set_up(town: Town, dev: TestClient) -> None:
    _, kept = enrolled(dev)
    asked = log_in(town)
    assert (asked["status"], asked["reason"], asked["factors"]) == (401, "SECOND_FACTOR", ["code", "recovery"])
    assert "token" not in asked
    step = {"ticket": asked["ticket"], "code": "000000"}
    refused = town.client().post("/login/second", json=step)
    assert (refused.status_code, refused.json()["reason"]) == (401, "WRONG_CODE")
    opened = town.client().post("/login/second", json=step | {"code": kept[0]})
    assert opened.status_code == 200, opened.text
    bearer = {"Authorization": f"Bearer {opened.json()['token']}"}
    assert town.client().get("/whoami", headers=bearer).json()["id"] == town.people["dev"]
    assert town.client().post("/login/second", json=step | {"code": kept[1]}).json()["reason"] == "TICKET"


def test_one_sees_what_one_holds_and_never_a_secret(town: Town, dev: TestClient) -> None:
    assert dev.get("/factors").json() == {
        "codes": False,
        "passkeys": [],
        "recovery_codes": 0,
        "must_enrol": False,
    }
    secret, kept = enrolled(dev)
    told = dev.get("/factors")
    assert (told.json()["codes"], told.json()["recovery_codes"]) == (True, 10)
    assert secret not in told.text
    assert not any(code in told.text for code in kept)


@pytest.mark.parametrize("path", ["/factors/codes", "/factors/recovery", "/factors/remove"])
def test_every_change_needs_a_proof(dev: TestClient, path: str) -> None:
    if path != "/factors/codes":
        enrolled(dev)
    for proof in ("", "wrong horse"):
        assert dev.post(path, json={"proof": proof}).status_code == 401
    assert dev.post(path, json={"proof": PASSWORD}).status_code in {200, 204}


def test_without_them_a_password_is_enough_again(town: Town, dev: TestClient) -> None:
    _, kept = enrolled(dev)
    new = dev.post("/factors/recovery", json={"proof": kept[0]}).json()["recovery_codes"]
    assert dev.post("/factors/remove", json={"proof": PASSWORD, "passkey": "x"}).status_code == 404
    assert dev.post("/factors/remove", json={"proof": new[0]}).status_code == 204
    assert "token" in log_in(town)


def test_a_token_neither_sees_nor_changes_them(town: Town, dev: TestClient) -> None:
    body = {"spec": {"scopes": ["*"], "expires_at": "2027-01-01T00:00:00Z"}, "organisation": "bureau"}
    token = dev.post("/tokens", json=body).json()["secret"]
    bearer = town.client(Authorization=f"Bearer {token}")
    refusals = [
        bearer.get("/factors"),
        bearer.get("/sessions"),
        bearer.post("/factors/codes", json={"proof": PASSWORD}),
        bearer.post("/factors/remove", json={"proof": PASSWORD}),
        bearer.post("/sessions/end", json={"all": True}),
    ]
    assert [(r.status_code, r.json()["reason"]) for r in refusals] == [(403, "SESSION_ONLY")] * 5


def test_sessions_are_listed_and_ended(town: Town, dev: TestClient) -> None:
    other = {"Authorization": f"Bearer {log_in(town)['token']}"}
    found = dev.get("/sessions").json()["items"]
    assert sorted(s["this"] for s in found) == [False, True]
    there = next(s for s in found if not s["this"])
    assert (there["how"], there["how_title"]["en"], there["address"]) == ("password", "password", "testclient")
    assert dev.post("/sessions/end", json={"id": there["id"]}).json() == {"ended": 1}
    assert town.client().get("/whoami", headers=other).status_code == 401
    assert dev.post("/sessions/end", json={"id": there["id"]}).status_code == 404
    log_in(town)
    assert dev.post("/sessions/end", json={"all": True}).json() == {"ended": 1}
    assert dev.get("/whoami").status_code == 200


@pytest.mark.parametrize("body", [{}, {"all": False}, {"id": "x", "all": True}])
def test_one_says_which(dev: TestClient, body: dict[str, Any]) -> None:
    assert dev.post("/sessions/end", json=body).status_code == 400


def test_a_security_administrator_ends_sessions_and_resets_factors(town: Town, dev: TestClient) -> None:
    enrolled(dev)
    town.grant(town.people["admin"], "security_admin", "platform")
    security = town.client("admin")
    assert len(security.get("/sessions", params={"person": "dev"}).json()["items"]) == 1
    assert security.post("/sessions/end", json={"person": "dev", "all": True}).json() == {"ended": 1}
    assert dev.get("/whoami").status_code == 401
    assert security.post("/factors/reset", json={"person": "dev"}).status_code == 204
    assert "token" in log_in(town)


def test_nobody_else_does(town: Town, dev: TestClient) -> None:
    viewer = town.client("viewer")
    answers = [
        viewer.get("/sessions", params={"person": "dev"}),
        viewer.post("/sessions/end", json={"person": "dev", "all": True}),
        viewer.post("/factors/reset", json={"person": "dev"}),
    ]
    assert all(a.status_code in {403, 404} for a in answers)
    assert dev.get("/whoami").status_code == 200


def test_an_administrator_enrols_before_anything_else(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(factors.RULE, factors.FOR_ADMINISTRATORS)
    hashed, person = passwords.hash_password(PASSWORD), town.people["admin"]
    town.kernel.store.write(lambda tx: passwords.store(tx, person, hashed, 1)).result()
    admin = town.client("admin")
    for answer in (admin.get("/people"), admin.get("/audit"), admin.post("/factors/recovery", json={})):
        assert (answer.status_code, answer.json()["reason"]) == (403, "SECOND_FACTOR_REQUIRED")
        assert "cloudhall security codes" in answer.json()["how"]
    assert admin.get("/whoami").status_code == 200
    assert admin.get("/factors").json()["must_enrol"] is True
    enrolled(admin)
    assert admin.get("/people").status_code == 200
    assert town.client("dev").get("/boxes").status_code == 200
