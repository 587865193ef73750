"""Why one may, why not, what would change it, and who may."""

from typing import Any

from starlette.testclient import TestClient

from cloudhall.domains.identity.token import Token
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.wire import rfc3339
from tests.api.town import Town


def explained(client: TestClient, query: str) -> dict[str, Any]:
    answer = client.get(f"/explain?{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_what_allows_is_named(town: Town, dev: TestClient) -> None:
    body = explained(dev, "operation=town.box:create&project=census")
    assert (body["allowed"], body["reason"], body["target"]) == (True, "ALLOWED", None)
    assert body["places"] == [town.project, town.bureau, "platform"]
    assert [clause["policy"] for clause in body["allowed_by"]] == ["town.box:create/developer"]
    (role,) = body["who"]
    assert role["role"] == "developer"
    assert {"id": town.people["dev"], "name": "dev"} in role["holders"]


def test_what_is_missing_is_named_with_who_has_it(town: Town, dev: TestClient) -> None:
    box = dev.post("/boxes", json={"name": "a", "project": "census", "spec": {"size_gib": 5}}).json()
    body = explained(town.client("viewer"), "operation=town.box:delete&target=a")
    assert (body["allowed"], body["reason"], body["target"]) == (False, "NOT_PERMITTED", box["id"])
    (clause,) = body["missing"]
    assert clause["policy"] == "town.box:delete/developer"
    assert clause["lacks"][0]["roles"] == ["developer"]
    assert clause["lacks"][0]["places"] == [box["id"], town.project, town.bureau, "platform"]
    assert set(body["mend"]) == {"zh", "en"}


def test_what_is_hidden_is_not_explained(town: Town, dev: TestClient) -> None:
    dev.post("/boxes", json={"name": "a", "project": "census", "spec": {"size_gib": 5}})
    stranger = town.client("stranger")
    assert stranger.get("/explain?operation=town.box:delete&target=a").status_code == 404
    assert stranger.get("/explain?operation=town.box:create&project=census").status_code == 404


def test_a_token_that_is_too_narrow_says_so(town: Town) -> None:
    spec = {
        "subject": town.people["dev"],
        "scopes": ["*:read"],
        "expires_at": rfc3339(town.kernel.world.now_us() + 3_600_000_000),
    }
    command = Command(kind=Token, verb="create", place=town.project, spec=spec)
    secret = town.kernel.execute(Caller(id=town.people["dev"]), command).result().body["secret"]
    body = explained(town.client(Authorization=f"Bearer {secret}"), "operation=town.box:create&project=census")
    assert (body["allowed"], body["reason"]) == (False, "TOKEN_SCOPE")


def test_an_operation_that_is_none_names_the_nearest(dev: TestClient) -> None:
    for operation, near in (("town.box:creat", "create"), ("town.bax:create", "town.box:create")):
        problem = dev.get(f"/explain?operation={operation}&project=census").json()["problems"][0]
        assert (problem["pointer"], problem["mend"]) == ("?operation", f"Did you mean {near}?")
    assert dev.get("/explain?operation=town.box:create").json()["problems"][0]["pointer"] == "/project"
