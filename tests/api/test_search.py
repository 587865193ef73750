"""Search over every kind that one may see."""

import pytest
from starlette.testclient import TestClient

from cloudhall.api import saying
from tests.api.town import Town
from tests.kit.databases import BOTH

pytestmark = BOTH


def hits(client: TestClient, query: str) -> list[tuple[str, str]]:
    answer = client.get(f"/search?{query}")
    assert answer.status_code == 200, answer.text
    return [(hit["kind"], hit["name"]) for hit in answer.json()["items"]]


@pytest.fixture
def things(town: Town, dev: TestClient) -> None:
    body = {
        "name": "census-2026",
        "project": "census",
        "labels": {"负责人": "张三"},
        "spec": {"size_gib": 5, "note": "Atlas"},
    }
    dev.post("/boxes", json=body)
    dev.post("/lids", json={"name": "census-lid", "project": "census", "spec": {"box": "census-2026"}})


def test_names_labels_and_indexed_text_are_found(dev: TestClient, things: None) -> None:
    assert hits(dev, "q=census") == [
        ("identity.project", "census"),
        ("town.box", "census-2026"),
        ("town.lid", "census-lid"),
    ]
    assert hits(dev, "q=张三") == hits(dev, "q=atlas") == [("town.box", "census-2026")]
    assert hits(dev, "q=nowhere") == []


def test_an_id_is_found_whatever_its_kind(dev: TestClient, things: None) -> None:
    id_ = dev.get("/lids/census-lid").json()["id"]
    assert hits(dev, f"q={id_.upper()}") == [("town.lid", "census-lid")]


def test_only_what_one_may_see_is_found(town: Town, things: None) -> None:
    assert hits(town.client("stranger"), "q=census") == []


def test_a_search_can_be_of_one_kind_and_says_where_there_is_more(dev: TestClient, things: None) -> None:
    for n in range(3):
        dev.post("/boxes", json={"name": f"census-{n}", "project": "census", "spec": {"size_gib": 1}})
    answer = dev.get("/search?q=census&kind=boxes&page_size=2").json()
    assert [hit["name"] for hit in answer["items"]] == ["census-2", "census-1"]
    assert answer["more"] == ["boxes"]
    assert dev.get("/search?q=census&kind=town.box").json()["more"] == []


def test_of_many_rows_only_indexes_are_asked(dev: TestClient, things: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        dev.post("/boxes", json={"name": f"other-{n}", "project": "census", "spec": {"size_gib": 1}})
    assert hits(dev, "q=ensus&kind=boxes") == [("town.box", "census-2026")]
    monkeypatch.setattr(saying, "FEW_MAX", 1)
    assert hits(dev, "q=ensus&kind=boxes") == []
    for text in ("census", "负责人", "负责人:张三", "负责人=张三", "Atl"):
        assert hits(dev, f"q={text}&kind=boxes") == [("town.box", "census-2026")], text
    assert dev.get("/boxes?q=cens").json()["items"][0]["name"] == "census-2026"
    assert hits(dev, "q=负责人:李四&kind=boxes") == []


def test_rules_and_pages_of_the_documentation_are_found_too(dev: TestClient) -> None:
    pages = dev.get("/search?q=office hours&lang=en").json()["pages"]
    assert pages[0]["sort"] == "rules"
    assert pages[0]["path"].startswith("/rules/")
    docs = [page for page in dev.get("/search?q=first bucket").json()["pages"] if page["sort"] == "docs"]
    assert docs
    assert all(page["path"].startswith("/docs/") for page in docs)
    assert "pages" not in dev.get("/search?q=office&kind=boxes").json()


def test_what_cannot_be_searched_is_said(dev: TestClient) -> None:
    assert dev.get("/search").json()["problems"][0]["pointer"] == "?q"
    problem = dev.get("/search?q=x&kind=box").json()["problems"][0]
    assert (problem["pointer"], problem["mend"]) == ("?kind", "Did you mean boxes?")
