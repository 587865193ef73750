"""`:bulk_delete` and `:bulk_label`: the plan first, then exactly that; and the label that lists are asked by."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.town import Town

OPEN = "/boxes:bulk_delete?grade=open"


@pytest.fixture
def stocked(dev: TestClient) -> TestClient:
    for name, grade, labels in (
        ("a", "open", {"team": "x"}),
        ("b", "open", {"team": "y", "old": ""}),
        ("c", "secret", {"team": "x"}),
    ):
        spec = {"size_gib": 5, "grade": grade}
        dev.post("/boxes", json={"name": name, "project": "census", "labels": labels, "spec": spec})
    dev.post("/lids", json={"name": "lid", "project": "census", "spec": {"box": dev.get("/boxes/a").json()["id"]}})
    return dev


def plan(client: TestClient, address: str, body: Any = None) -> dict[str, Any]:
    answer = client.post(f"{address}&validate_only=true", json=body or {})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def names(client: TestClient, query: str) -> set[str]:
    return {item["name"] for item in client.get(f"/boxes?{query}").json()["items"]}


def test_the_plan_says_what_goes_what_goes_too_and_what_is_given_back(stocked: TestClient) -> None:
    said = plan(stocked, OPEN)
    assert (said["operation"], said["done"], said["refused"]) == ("town.box:delete", 2, 0)
    assert {i["name"]: [g["name"] for g in i["goes_too"]] for i in said["items"]} == {"a": ["lid"], "b": []}
    assert [(q["key"], q["given_back"]) for q in said["quota"]] == [("box_gib", 10)]
    assert {i["state"] for i in stocked.get("/boxes").json()["items"]} == {"ready"}


def test_what_was_shown_is_deleted(stocked: TestClient) -> None:
    token = plan(stocked, OPEN)["plan"]
    answer = stocked.post(OPEN, json={"plan": token})
    assert answer.status_code == 202
    assert [i["resource"]["state"] for i in answer.json()["items"]] == ["deleting", "deleting"]
    assert plan(stocked, OPEN)["items"] == []


def test_without_a_plan_or_with_an_old_one_nothing_is_done(stocked: TestClient) -> None:
    bare = stocked.post(OPEN)
    assert [(p["code"], p["pointer"]) for p in bare.json()["problems"]] == [("MISSING", "/plan")]
    token = plan(stocked, OPEN)["plan"]
    stocked.patch("/boxes/c", json={"spec": {"grade": "open"}})
    stocked.patch("/boxes/b", json={"spec": {"note": "mine"}})
    answer = stocked.post(OPEN, json={"plan": token})
    assert (answer.status_code, answer.json()["reason"]) == (409, "PLAN_CHANGED")
    said = {k: answer.json()[k] for k in ("added", "gone", "changed")}
    assert said == {"added": ["c"], "gone": [], "changed": ["b"]}
    assert names(stocked, "grade=open") == {"a", "b", "c"}


def test_labels_are_put_on_and_taken_off(stocked: TestClient) -> None:
    address, patch = "/boxes:bulk_label?label=team", {"team": "z", "old": None}
    token = plan(stocked, address, {"labels": patch})["plan"]
    answer = stocked.post(address, json={"labels": patch, "plan": token})
    assert (answer.status_code, answer.json()["done"]) == (200, 3)
    assert names(stocked, "label=team:z") == {"a", "b", "c"}
    assert names(stocked, "label=old") == set()


def test_a_key_gets_the_first_answer(stocked: TestClient) -> None:
    token = plan(stocked, OPEN)["plan"]
    first, again = (
        stocked.post(f"{OPEN}&lang={language}", json={"plan": token}, headers={"Idempotency-Key": "k"})
        for language in ("zh", "en")
    )
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("address", "body", "pointers"),
    [
        ("/boxes:bulk_delete?colour=red", {}, {"?colour"}),
        ("/boxes:bulk_delete?page_size=3", {}, {"?page_size"}),
        ("/boxes:bulk_delete?grade=open", {"plan": 1, "x": 1}, {"/plan", "/x"}),
        ("/boxes:bulk_label?grade=open", {}, {"/labels"}),
        ("/boxes:bulk_label?grade=open", {"labels": {"a": 1}}, {"/labels"}),
    ],
)
def test_a_wrong_request_is_refused(dev: TestClient, address: str, body: Any, pointers: set[str]) -> None:
    answer = dev.post(address, json=body)
    assert answer.status_code == 400
    assert {p["pointer"] for p in answer.json()["problems"]} == pointers


def test_who_may_not_is_told_at_each(town: Town, stocked: TestClient) -> None:
    viewer = town.client("viewer")
    said = plan(viewer, OPEN)
    assert [i["problem"]["code"] for i in said["items"]] == ["FORBIDDEN", "FORBIDDEN"]
    answer = viewer.post(OPEN, json={"plan": said["plan"]})
    assert (answer.status_code, answer.json()["done"]) == (200, 0)
    assert names(stocked, "grade=open") == {"a", "b"}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("label=team:x", {"a", "c"}),
        ("label=team", {"a", "b", "c"}),
        ("label=team:x&label=team:y", {"a", "b", "c"}),
        ("label=team:y&label=old", {"b"}),
        ("label=old:", {"b"}),
        ("label=team:x&grade=open", {"a"}),
        ("label=nobody", set()),
    ],
)
def test_lists_are_asked_by_label(stocked: TestClient, query: str, wanted: set[str]) -> None:
    assert names(stocked, query) == wanted
