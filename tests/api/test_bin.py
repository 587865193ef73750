"""`/bin`, `:restore`, `:purge`, and what a refused deletion says."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.town import Town


@pytest.fixture
def admin(town: Town) -> TestClient:
    return town.client("admin", **{"Accept-Language": "en"})


def made(admin: TestClient, name: str) -> str:
    body = {"name": name, "organisation": "bureau", "spec": {"title_zh": "项目"}}
    answer = admin.post("/projects", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def listed(client: TestClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/bin{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def test_what_is_deleted_is_listed_and_comes_back(admin: TestClient) -> None:
    id_ = made(admin, "later")
    preview = admin.delete("/projects/later?validate_only=true").json()["preview"]
    assert "recycle bin for 30 days" in preview[0]["en"]
    answer = admin.delete("/projects/later")
    assert (answer.status_code, answer.json()["state"]) == (202, "binned")
    (item,) = listed(admin)
    assert (item["id"], item["name"], item["kind"], item["holds"]) == (id_, "later", "identity.project", [])
    assert item["deleted_at"] < item["kept_until"]
    missing = admin.get("/projects/later")
    assert (missing.status_code, missing.json()["reason"]) == (404, "BINNED")
    assert "restore later" in missing.json()["how"]
    assert admin.post("/projects/later:restore").json()["id"] == id_
    assert listed(admin) == []
    assert admin.get("/projects/later").status_code == 200


def test_a_purge_says_what_goes_and_is_final(admin: TestClient) -> None:
    made(admin, "later")
    admin.delete("/projects/later")
    plan = admin.post("/projects/later:purge?validate_only=true").json()
    assert (plan["operation"], plan["goes_too"]) == ("identity.project:purge", [])
    assert admin.post("/projects/later:purge").json()["state"] == "deleting"
    assert [i["state"] for i in listed(admin)] in ([], ["deleting"])
    again = admin.post("/projects/later:restore")
    assert again.status_code in {404, 409}


def test_it_comes_in_pages_and_by_kind(admin: TestClient) -> None:
    for name in ("one", "two", "three"):
        made(admin, name)
        admin.delete(f"/projects/{name}")
    first = admin.get("/bin?page_size=2&kind=projects").json()
    assert [i["name"] for i in first["items"]] == ["three", "two"]
    rest = listed(admin, f"?page_size=2&kind=projects&page_token={first['next_page_token']}")
    assert [i["name"] for i in rest] == ["one"]
    assert listed(admin, "?kind=organisations") == []
    assert admin.get("/bin?page_token=other").status_code == 400


def test_a_refused_deletion_names_what_blocks_it(admin: TestClient, dev: TestClient) -> None:
    for n in range(12):
        dev.post("/boxes", json={"name": f"box-{n:02}", "project": "census", "spec": {"size_gib": 1}})
    answer = admin.delete("/projects/census")
    problem = answer.json()
    assert (answer.status_code, problem["reason"]) == (409, "BLOCKED_BY")
    assert problem["blocking_count"] == 12
    assert len(problem["blocking"]) == 10
    assert {b["kind"] for b in problem["blocking"]} == {"town.box"}
    assert all(b["id"] and b["name"].startswith("box-") for b in problem["blocking"])
    assert "Delete these first: cloudhall box delete" in problem["how"]
