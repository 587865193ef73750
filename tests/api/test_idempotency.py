"""A change sent again under its key gets the first answer, whatever happened in between."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from starlette.testclient import TestClient

from tests.api.town import Town

BODY = {"name": "a", "project": "census", "spec": {"size_gib": 5}}
KEY = {"Idempotency-Key": "order 66 / a"}


def test_the_first_answer_comes_again(town: Town, dev: TestClient) -> None:
    first = dev.post("/boxes", json=BODY, headers=KEY)
    dev.patch("/boxes/a", json={"spec": {"note": "changed since"}})
    again = dev.post("/boxes", json=BODY, headers=KEY)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.json()) == (201, first.json())
    assert (again.headers["location"], again.headers["etag"]) == (first.headers["location"], first.headers["etag"])
    dev.delete("/boxes/a")
    town.kernel.reconciler.run_due()
    assert dev.post("/boxes", json=BODY, headers=KEY).json() == first.json()


def test_edits_actions_and_deletions_are_replayed_too(dev: TestClient) -> None:
    dev.post("/boxes", json=BODY)
    dev.patch("/boxes/a", json={"labels": {"x": "1"}})
    requests = [
        ("PATCH", "/boxes/a", {"labels": {"x": None, "y": "2"}, "spec": {"tags": {"t": "1"}}}),
        ("POST", "/boxes/a:resize", {"size_gib": 7}),
        ("DELETE", "/boxes/a", None),
    ]
    for n, (method, address, body) in enumerate(requests):
        first, again = (dev.request(method, address, json=body, headers={"Idempotency-Key": f"k{n}"}) for _ in range(2))
        assert first.status_code in {200, 202}, first.text
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json()


def test_a_key_is_for_one_request(dev: TestClient) -> None:
    dev.post("/boxes", json=BODY, headers=KEY)
    for other in (
        dev.post("/boxes", json=BODY | {"name": "b"}, headers=KEY),
        dev.delete("/boxes/a", headers=KEY),
    ):
        assert (other.status_code, other.json()["reason"]) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_a_key_is_one_persons(town: Town, dev: TestClient) -> None:
    first = dev.post("/boxes", json=BODY, headers=KEY).json()
    theirs = town.client("stranger").post("/boxes", json=BODY | {"project": "harbour"}, headers=KEY)
    assert theirs.status_code == 201
    assert theirs.json()["id"] != first["id"]


def test_a_refused_request_takes_no_key(dev: TestClient) -> None:
    assert dev.post("/boxes", json=BODY | {"spec": {}}, headers=KEY).status_code == 400
    assert dev.post("/boxes", json=BODY, headers=KEY).status_code == 201


@pytest.mark.parametrize(
    ("key", "allowed"), [("k", True), ("k" * 255, True), ("k" * 256, False), ("", False), ("a\tb", False)]
)
def test_which_keys_there_are(dev: TestClient, key: str, allowed: bool) -> None:
    answer = dev.post("/boxes", json=BODY, headers={"Idempotency-Key": key})
    assert answer.status_code == (201 if allowed else 400)


def test_many_at_once_under_one_key_make_one(town: Town) -> None:
    with town.served() as address, ThreadPoolExecutor(16) as pool:
        headers = {"Authorization": f"Bearer {town.token('dev')}", **KEY}
        answers = list(pool.map(lambda _n: httpx2.post(f"{address}/boxes", json=BODY, headers=headers), range(16)))
        boxes = httpx2.get(f"{address}/boxes", headers=headers).json()["items"]
    assert [a.status_code for a in answers] == [201] * 16
    assert len({a.json()["id"] for a in answers}) == len(boxes) == 1
    assert sum("idempotency-replayed" not in a.headers for a in answers) == 1
