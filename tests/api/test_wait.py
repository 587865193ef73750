"""`?wait=`: the answer comes when the resource has settled, and not later than asked."""

import time

import pytest
from starlette.testclient import TestClient

from tests.api.town import Town


@pytest.fixture
def running(town: Town) -> None:
    """Let the controllers run."""
    town.kernel.reconciler.start()


def lid(client: TestClient, *, fits: bool = True, query: str = "?wait=20s") -> dict[str, object]:
    client.post("/boxes", json={"name": "a", "project": "census", "spec": {"size_gib": 5}})
    body = {"name": "lid", "project": "census", "spec": {"box": "a", "fits": fits}}
    answer = client.post(f"/lids{query}", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()
    assert answer.headers["etag"] == f'"{found["revision"]}"'
    return found


def test_it_answers_when_ready(dev: TestClient, running: None) -> None:
    assert lid(dev)["state"] == "ready"


def test_it_answers_when_blocked(dev: TestClient, running: None) -> None:
    began = time.monotonic()
    assert lid(dev, fits=False)["state"] == "attention"
    assert time.monotonic() - began < 10


def test_it_answers_when_the_time_is_over(dev: TestClient) -> None:
    began = time.monotonic()
    assert lid(dev, query="?wait=300ms")["state"] == "working"
    assert 0.3 <= time.monotonic() - began < 5


def test_a_deletion_is_waited_for_until_it_is_gone(dev: TestClient, running: None) -> None:
    lid(dev)
    answer = dev.delete("/lids/lid?wait=20s")
    assert (answer.status_code, answer.content) == (204, b"")
    assert dev.get("/lids/lid").status_code == 404


@pytest.mark.parametrize("wait", ["301s", "6m", "-1s", "1h", "soon", ""])
def test_how_long_one_may_wait(dev: TestClient, wait: str) -> None:
    answer = dev.post(f"/boxes?wait={wait}", json={"name": "a", "project": "census", "spec": {"size_gib": 5}})
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["pointer"] == "?wait"
