"""One resource over HTTP: made, read, edited, acted on, deleted; who may, who may not, who must not even know."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from cloudhall.domains.identity.token import Token
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.wire import rfc3339
from tests.api.town import Town


def make(client: TestClient, name: str = "a", **spec: Any) -> dict[str, Any]:
    answer = client.post("/boxes", json={"name": name, "project": "census", "spec": {"size_gib": 5, **spec}})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_create_answers_where_it_is_and_which_revision(town: Town, dev: TestClient) -> None:
    body = {"name": "stats", "project": "census", "labels": {"owner": "张三"}, "spec": {"size_gib": 5, "grade": "open"}}
    answer = dev.post("/boxes", json=body)
    box = answer.json()
    assert answer.status_code == 201
    assert is_id(box["id"])
    assert answer.headers["location"] == f"/api/v1/boxes/{box['id']}"
    assert answer.headers["etag"] == f'"{box["revision"]}"'
    assert (box["kind"], box["name"], box["project"], box["state"]) == ("town.box", "stats", town.project, "ready")
    assert box["labels"] == {"owner": "张三"}
    assert box["spec"]["grade"] == "open"
    assert dev.get(answer.headers["location"].removeprefix("/api/v1")).json() == box


@pytest.mark.parametrize("how", ["name", "id", "ID"])
def test_a_resource_is_found_by_name_and_by_id_in_either_case(dev: TestClient, how: str) -> None:
    box = make(dev, "stats")
    target = {"name": "stats", "id": box["id"], "ID": box["id"].upper()}[how]
    answer = dev.get(f"/boxes/{target}")
    assert answer.json() == box
    assert answer.headers["etag"] == f'"{box["revision"]}"'


def test_a_name_in_two_projects_asks_which_one(town: Town, dev: TestClient) -> None:
    town.grant(town.people["dev"], "developer", town.other)
    first, second = (
        make(dev),
        dev.post("/boxes", json={"name": "a", "project": "harbour", "spec": {"size_gib": 1}}).json(),
    )
    unclear = dev.get("/boxes/a")
    assert unclear.status_code == 409
    assert set(unclear.json()["candidates"]) == {first["id"], second["id"]}
    assert dev.get("/boxes/a?project=harbour").json()["id"] == second["id"]
    assert dev.patch(f"/boxes/a?project={town.project}", json={"spec": {"note": "x"}}).json()["id"] == first["id"]
    assert dev.post("/boxes/a:seal?project=harbour").json()["id"] == second["id"]
    assert dev.delete("/boxes/a?project=harbour").json()["id"] == second["id"]


def test_what_one_may_not_see_is_not_there_and_what_one_may_not_do_is_named(town: Town, dev: TestClient) -> None:
    box = make(dev)
    stranger, viewer = town.client("stranger"), town.client("viewer", **{"Accept-Language": "en"})
    for hidden in (
        stranger.get(f"/boxes/{box['id']}"),
        stranger.patch(f"/boxes/{box['id']}", json={"spec": {"note": "x"}}),
        stranger.delete("/boxes/a"),
        stranger.post("/boxes", json={"name": "b", "project": "census", "spec": {"size_gib": 1}}),
        stranger.get("/boxes/bx-2kfbjmhtmf55862b3"),
    ):
        assert (hidden.status_code, hidden.json()["code"]) == (404, "NOT_FOUND")
    assert stranger.get("/boxes").json()["items"] == []
    for seen in (
        viewer.patch("/boxes/a", json={"spec": {"note": "x"}}),
        viewer.delete("/boxes/a"),
        viewer.post("/boxes/a:seal"),
        viewer.post("/boxes", json={"name": "b", "project": "census", "spec": {"size_gib": 1}}),
    ):
        assert (seen.status_code, seen.json()["code"]) == (403, "FORBIDDEN")
        assert "developer" in seen.json()["detail"]
    assert viewer.get("/boxes/a").json() == box


def test_an_edit_is_a_merge_patch(dev: TestClient) -> None:
    make(dev, tags={"a": "1", "b": "2"}, note="old", opens_at="2026-12-01T00:00:00+08:00")
    dev.patch("/boxes/a", json={"labels": {"x": "1", "y": "2"}})
    patch = {
        "name": "b",
        "labels": {"x": None, "z": "3"},
        "spec": {"tags": {"a": None, "c": "3"}, "note": None, "opens_at": None},
    }
    answer = dev.patch("/boxes/a", json=patch, headers={"Content-Type": "application/merge-patch+json"})
    box = answer.json()
    assert answer.status_code == 200
    assert answer.headers["etag"] == f'"{box["revision"]}"'
    assert (box["name"], box["labels"]) == ("b", {"y": "2", "z": "3"})
    assert (box["spec"]["tags"], box["spec"]["note"], box["spec"]["opens_at"]) == ({"b": "2", "c": "3"}, "", None)
    assert box["spec"]["size_gib"] == 5
    assert dev.get("/boxes/a").status_code == 404


def test_a_stale_edit_is_refused_with_the_difference(dev: TestClient) -> None:
    seen = make(dev)
    dev.patch("/boxes/a", json={"spec": {"note": "theirs", "size_gib": 9}})
    headers = {"If-Match": f'"{seen["revision"]}"'}
    answer = dev.patch("/boxes/a", json={"spec": {"note": "mine", "grade": "internal"}}, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (412, "STALE")
    assert problem["difference"] == {"note": {"now": "theirs", "yours": "mine"}}
    assert problem["current"]["spec"]["size_gib"] == 9
    for stale in (dev.delete("/boxes/a", headers=headers), dev.post("/boxes/a:seal", headers=headers)):
        assert stale.status_code == 412
    fresh = {"If-Match": f'"{problem["current"]["revision"]}"'}
    assert dev.patch("/boxes/a", json={"spec": {"note": "mine"}}, headers=fresh).json()["spec"]["note"] == "mine"
    assert dev.patch("/boxes/a", json={"spec": {"note": "any"}}, headers={"If-Match": "*"}).status_code == 200


def test_an_action_takes_its_arguments_as_the_body(dev: TestClient) -> None:
    make(dev)
    assert dev.post("/boxes/a:resize", json={"size_gib": 40}).json()["spec"]["size_gib"] == 40
    sealed = dev.post("/boxes/a:seal")
    assert (sealed.status_code, sealed.json()["spec"]["sealed"]) == (200, True)
    again = dev.post("/boxes/a:seal").json()
    assert (again["status"], again["reason"], again["detail"]) == (409, "NOT_NOW", "Sealed already")


@pytest.mark.parametrize(
    ("address", "near"), [("/boxes/a:reseal", "seal"), ("/boxes/a:delete", ""), ("/lids/x:open", "")]
)
def test_an_unknown_action_names_the_nearest(dev: TestClient, address: str, near: str) -> None:
    """Delete, create and update have methods of their own; as actions they do not exist."""
    make(dev)
    answer = dev.post(address)
    assert (answer.status_code, answer.json()["reason"]) == (404, "NO_SUCH_ACTION")
    assert near in answer.json()["how"]
    assert dev.get("/boxes/a").status_code == 200


def test_delete_is_accepted_and_goes_on(town: Town, dev: TestClient) -> None:
    make(dev)
    answer = dev.delete("/boxes/a")
    assert (answer.status_code, answer.json()["state"]) == (202, "deleting")
    assert dev.get("/boxes/a").json()["deleting_at"] == answer.json()["deleting_at"]
    town.kernel.reconciler.run_due()
    assert dev.get("/boxes/a").status_code == 404


def test_what_no_declaration_allows_is_no_method(town: Town) -> None:
    admin = town.client("admin")
    assert admin.post("/badges", json={"name": "gold"}).status_code == 201
    for answer, allowed in ((admin.patch("/badges/gold", json={}), "GET"), (admin.delete("/badges/gold"), "GET")):
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert admin.put("/badges").status_code == 405
    without_verb = admin.post("/boxes/a", json={})
    assert (without_verb.status_code, without_verb.headers["allow"]) == (405, "GET, PATCH, DELETE, POST")


def test_a_secret_is_shown_once(town: Town) -> None:
    dev = town.client("dev")
    spec = {
        "subject": town.people["dev"],
        "scopes": ["*"],
        "expires_at": rfc3339(town.kernel.world.now_us() + 3_600_000_000),
    }
    made = dev.post("/tokens", json={"organisation": town.project, "spec": spec})
    assert made.status_code == 201, made.text
    assert made.json()["secret"].startswith("cht_")
    assert "secret" not in dev.get(f"/tokens/{made.json()['id']}").json()


def test_a_scoped_token_does_what_its_scopes_say(town: Town, dev: TestClient) -> None:
    make(dev)
    spec = {
        "subject": town.people["dev"],
        "scopes": ["town.box:read"],
        "expires_at": rfc3339(town.kernel.world.now_us() + 3_600_000_000),
    }
    command = Command(kind=Token, verb="create", place=town.project, spec=spec)
    secret = town.kernel.execute(Caller(id=town.people["dev"]), command).result().body["secret"]
    client = town.client(Authorization=f"Bearer {secret}")
    assert client.get("/boxes/a").status_code == 200
    refused = client.delete("/boxes/a").json()
    assert (refused["status"], refused["reason"]) == (403, "TOKEN_SCOPE")
    assert client.get("/projects").json()["items"] == []


def test_the_quota_is_charged_and_named(dev: TestClient) -> None:
    for number in range(100):
        make(dev, f"b{number}", size_gib=1_000)
    answer = dev.post("/boxes", json={"name": "one-more", "project": "census", "spec": {"size_gib": 1}})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["reason"]) == (409, "QUOTA_EXCEEDED", "box_gib")
    assert (problem["used"], problem["room"], problem["asked"]) == (100_000, 100_000, 1)
