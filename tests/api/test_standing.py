"""How a resource stands, over HTTP: what it waits for, who may act, when next; what is hidden is not explained."""

from starlette.testclient import TestClient

from tests.api.town import Town


def blocked(town: Town, dev: TestClient) -> str:
    return lid(town, dev, "top", fits=False)


def lid(town: Town, dev: TestClient, name: str, *, fits: bool) -> str:
    dev.post("/boxes", json={"name": "box", "project": "census", "spec": {"size_gib": 5}})
    made = dev.post("/lids", json={"name": name, "project": "census", "spec": {"box": "box", "fits": fits}})
    assert made.status_code == 201, made.text
    town.kernel.reconciler.run_due()
    return str(made.json()["id"])


def test_what_is_blocked_names_who_may_act(town: Town, dev: TestClient) -> None:
    top = blocked(town, dev)
    told = dev.get("/lids/top:explain?project=census").json()
    assert (told["id"], told["state"], told["reason"]) == (top, "attention", "DoesNotFit")
    assert told["message"]["zh"] == "盖不上"
    assert told["waits_for"]["type"] == "people"
    assert {"id": town.people["dev"], "name": "dev"} in told["waits_for"]["who"][0]["holders"]
    assert told["frees"][0]["en"] == "Once it is mended, it can be tried again at once"
    assert "next_at" not in told
    assert told["since"] <= told["deadline"]


def test_a_retry_looks_again_and_changes_nothing_else(town: Town, dev: TestClient) -> None:
    top = blocked(town, dev)
    before = dev.get(f"/lids/{top}").json()
    again = dev.post(f"/lids/{top}:retry")
    assert again.status_code == 200, again.text
    assert again.json()["generation"] == before["generation"]
    assert town.kernel.reconciler.run_due() == 1
    assert town.client("viewer").post(f"/lids/{top}:retry").status_code == 403


def test_what_is_ready_waits_for_nothing_and_is_not_retried(town: Town, dev: TestClient) -> None:
    lid(town, dev, "flat", fits=True)
    told = dev.get("/lids/flat:explain?project=census").json()
    assert told["state"] == "ready"
    assert not {"reason", "waits_for", "frees"} & set(told)
    assert dev.post("/lids/flat:retry?project=census").status_code == 409


def test_what_is_hidden_is_not_explained(town: Town, dev: TestClient) -> None:
    top = blocked(town, dev)
    assert town.client("stranger").get(f"/lids/{top}:explain").status_code == 404
