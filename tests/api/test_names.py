"""Names behind ids: those of what one may see."""

from starlette.testclient import TestClient

from tests.api.town import Town


def test_ids_have_names_for_whoever_may_see_them(town: Town, dev: TestClient) -> None:
    box = dev.post("/boxes", json={"name": "a", "project": "census", "spec": {"size_gib": 5}}).json()["id"]
    asked = {"id": [box.upper(), town.project, "bx-2kfbgwvb0tj3pmymc", "zz-1", "platform"]}
    assert dev.get("/names", params=asked).json() == {"names": {box: "a", town.project: "census"}}
    assert town.client("stranger").get("/names", params=asked).json() == {"names": {}}
    assert dev.get("/names").status_code == 400
    assert town.client().get("/names", params=asked).status_code == 401
