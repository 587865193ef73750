"""`POST /<plural>:batch_create`: a status for each item, and problems that point into what was sent."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from cloudhall.kernel.batches import ITEMS_MAX
from cloudhall.kernel.wire import rfc3339
from tests.api.town import Town


def boxes(*names: str, **spec: Any) -> list[dict[str, Any]]:
    return [{"name": name, "project": "census", "spec": {"size_gib": 5, **spec}} for name in names]


def names(client: TestClient) -> set[str]:
    return {item["name"] for item in client.get("/boxes").json()["items"]}


def test_all_are_made(dev: TestClient) -> None:
    answer = dev.post("/boxes:batch_create", json={"items": boxes("a", "b", "c")})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["done"], body["refused"]) == (3, 0)
    assert [(i["status"], i["resource"]["name"]) for i in body["items"]] == [(201, "a"), (201, "b"), (201, "c")]
    assert body["items"][0]["resource"] == dev.get("/boxes/a").json()


def test_each_refusal_stands_at_its_item_as_if_it_came_alone(dev: TestClient) -> None:
    items = [
        *boxes("a", "a"),
        *boxes("b", size_gib=0),
        {"nmae": "c", "project": "census", "spec": {"size_gib": 5}},
        {"name": "d", "spec": {"size_gib": 5}},
        "no object",
        {"name": "e", "project": "nowhere", "spec": {"size_gib": 5}},
        *boxes("f"),
    ]
    answer = dev.post("/boxes:batch_create", json={"items": items})
    assert answer.status_code == 200
    body = answer.json()
    assert [i["status"] for i in body["items"]] == [201, 400, 400, 400, 400, 400, 404, 201]
    assert (body["done"], body["refused"]) == (2, 6)
    pointers = [{p["pointer"] for p in i.get("problem", {}).get("problems", ())} for i in body["items"]]
    assert pointers[1] == {"/items/1/name"}
    assert pointers[2] == {"/items/2/spec/size_gib"}
    assert pointers[3] == {"/items/3/nmae", "/items/3/name"}
    assert pointers[4] == {"/items/4/project"}
    assert "/items/5" in pointers[5]
    assert body["items"][1]["problem"]["texts"]["detail"].keys() == {"zh", "en"}
    assert names(dev) == {"a", "f"}


def test_atomic_is_all_or_nothing_and_names_everything(dev: TestClient) -> None:
    items = [*boxes("a", "b"), *boxes("b", size_gib=0), {"name": "d", "spec": {}}]
    answer = dev.post("/boxes:batch_create", json={"items": items, "atomic": True})
    assert answer.status_code == 400
    pointers = {p["pointer"] for p in answer.json()["problems"]}
    assert pointers == {"/items/2/spec/size_gib", "/items/3/project", "/items/3/spec/size_gib"}
    assert "2 of 4" in answer.json()["detail"]
    assert names(dev) == set()
    assert dev.post("/boxes:batch_create", json={"items": boxes("a", "b"), "atomic": True}).status_code == 201


def test_a_dry_run_shows_each_plan_and_makes_nothing(dev: TestClient) -> None:
    sent = {"items": boxes("a", "a", "b")}
    answer = dev.post("/boxes:batch_create?validate_only=true", json=sent)
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [i["status"] for i in items] == [200, 400, 200]
    assert [i["preview"]["quota"][0]["used"] for i in items if "preview" in i] == [0, 5]
    assert items[0]["preview"]["resource"]["revision"] == 0
    assert names(dev) == set()
    refused = dev.post("/boxes:batch_create?validate_only=true", json=sent | {"atomic": True})
    assert refused.status_code == 400


def test_a_secret_is_shown_at_its_item_and_again_under_the_key(town: Town) -> None:
    admin = town.client("admin")
    spec = {"scopes": ["*:read"], "expires_at": rfc3339(town.kernel.world.now_us() + 3_600_000_000)}
    items = [{"name": n, "organisation": "bureau", "spec": spec} for n in ("one", "two")]
    key = {"Idempotency-Key": "k"}
    first, again = (admin.post("/tokens:batch_create", json={"items": items}, headers=key) for _ in range(2))
    assert first.status_code == 201, first.text
    assert len({i["resource"]["secret"] for i in first.json()["items"]}) == 2
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    dry = admin.post("/tokens:batch_create?validate_only=true", json={"items": [{**items[0], "name": "three"}]})
    assert dry.json()["done"] == 1
    assert '"secret"' not in dry.text


def test_a_key_stands_for_one_batch(dev: TestClient) -> None:
    def send(*wanted: str) -> Any:
        headers = {"Idempotency-Key": "k", "Request-Id": "rq-1"}
        return dev.post("/boxes:batch_create", json={"items": boxes(*wanted)}, headers=headers).json()

    assert send("a", "a") == send("a", "a")
    assert send("b")["reason"] == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/items"}),
        ({"items": []}, {"/items"}),
        ({"items": {}}, {"/items"}),
        ({"items": [{}] * (ITEMS_MAX + 1)}, {"/items"}),
        ({"items": [{}], "atomic": 1, "atomc": True, "a/b": 1}, {"/atomic", "/atomc", "/a~1b"}),
    ],
)
def test_a_wrong_batch_is_refused_as_a_whole(dev: TestClient, body: Any, pointers: set[str]) -> None:
    answer = dev.post("/boxes:batch_create", json=body)
    assert answer.status_code == 400
    assert {p["pointer"] for p in answer.json()["problems"]} == pointers


def test_the_largest_batch_fits(dev: TestClient) -> None:
    items = boxes(*(f"box-{n}" for n in range(ITEMS_MAX)))
    answer = dev.post("/boxes:batch_create", json={"items": items})
    assert (answer.status_code, answer.json()["done"]) == (201, ITEMS_MAX)


def test_a_denial_stands_at_its_item_and_in_the_log(town: Town) -> None:
    body = town.client("viewer").post("/boxes:batch_create", json={"items": boxes("a", "b")}).json()
    assert [i["status"] for i in body["items"]] == [403, 403]
    found = town.client("auditor").get("/audit", params={"action": "town.box:create"}).json()["items"]
    assert [e["phase"] for e in found] == ["denied", "denied"]
    assert {e["resource"] for e in found} == {"a", "b"}


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [("GET", "/boxes:batch_create", 405), ("POST", "/boxes:batch_creat", 404), ("POST", "/badges:bulk_delete", 405)],
)
def test_an_operation_that_is_none(dev: TestClient, method: str, address: str, status: int) -> None:
    answer = dev.request(method, address)
    assert answer.status_code == status
    assert answer.json()["how"]
