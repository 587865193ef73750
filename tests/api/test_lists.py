"""Lists: filters by index, order, pages that hold still, counts."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.town import Town
from tests.kit.databases import BOTH

pytestmark = BOTH

GRADES = ("open", "internal", "secret")


@pytest.fixture
def boxes(town: Town, dev: TestClient) -> list[str]:
    """Twelve boxes, oldest first: four of each grade; every third opens at some time."""
    for n in range(12):
        spec = {"size_gib": 1 + n % 5, "grade": GRADES[n % 3], "note": f"Shelf {n:02}"}
        opens = {} if n % 3 else {"opens_at": f"2026-12-{n + 1:02}T00:00:00Z"}
        body = {
            "name": f"box-{n:02}",
            "project": "census",
            "labels": {"row": "甲" if n < 6 else "乙"},
            "spec": spec | opens,
        }
        assert dev.post("/boxes", json=body).status_code == 201
    dev.post("/boxes/box-03:seal")
    return [f"box-{n:02}" for n in range(12)]


def names(client: TestClient, query: str = "") -> list[str]:
    answer = client.get(f"/boxes{query}")
    assert answer.status_code == 200, answer.text
    return [box["name"] for box in answer.json()["items"]]


def pages(client: TestClient, query: str) -> list[list[str]]:
    """Every page of a question."""
    found, token = [], ""
    while True:
        page = client.get(f"/boxes?{query}" + (f"&page_token={token}" if token else "")).json()
        found.append([box["name"] for box in page["items"]])
        token = page.get("next_page_token", "")
        if not token:
            return found


def test_newest_come_first(dev: TestClient, boxes: list[str]) -> None:
    assert names(dev) == boxes[::-1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?grade=open", [9, 6, 3, 0]),
        ("?spec.grade=open", [9, 6, 3, 0]),
        ("?grade=open&grade=secret&size_gib=1", [5, 0]),
        ("?sealed=true", [3]),
        ("?sealed=false&size_gib=4", [8]),
        ("?name=box-07", [7]),
        ("?q=BOX-1", [11, 10]),
        ("?q=shelf 0&size_gib=2", [6, 1]),
        ("?q=甲&grade=internal", [4, 1]),
        ("?q=%25", []),
        ("?q=box_0", []),
        ("?project=census&name=box-00", [0]),
        ("?project=harbour", []),
        ("?sort=name&page_size=2", [0, 1]),
        ("?sort=created_at&page_size=2", [0, 1]),
        ("?sort=-size_gib&page_size=3", [9, 4, 8]),
        ("?sort=opens_at&grade=open", [0, 3, 6, 9]),
        ("?sort=-opens_at&page_size=4", [9, 6, 3, 0]),
    ],
)
def test_filters_and_orders(town: Town, dev: TestClient, boxes: list[str], query: str, expected: list[int]) -> None:
    town.grant(town.people["dev"], "viewer", town.other)
    assert names(dev, query) == [boxes[n] for n in expected]


def test_an_id_is_searched_for_as_one(dev: TestClient, boxes: list[str]) -> None:
    box = dev.get("/boxes/box-04").json()
    assert names(dev, f"?q={box['id'].upper()}") == ["box-04"]


@pytest.mark.parametrize(
    "order", ["created_at", "-created_at", "name", "-size_gib", "size_gib", "opens_at", "-opens_at", "-sealed", "note"]
)
def test_pages_in_any_order_hold_every_row_once(dev: TestClient, boxes: list[str], order: str) -> None:
    whole = names(dev, f"?sort={order}")
    cut = pages(dev, f"sort={order}&page_size=5")
    assert [len(p) for p in cut] == [5, 5, 2]
    assert [name for page in cut for name in page] == whole
    assert sorted(whole) == boxes


def test_pages_hold_still_under_inserts_and_deletions(town: Town, dev: TestClient, boxes: list[str]) -> None:
    first = dev.get("/boxes?page_size=4").json()
    for name in ("late-1", "late-2"):
        dev.post("/boxes", json={"name": name, "project": "census", "spec": {"size_gib": 1}})
    dev.delete(f"/boxes/{first['items'][-1]['name']}")
    town.kernel.reconciler.run_due()
    second = dev.get(f"/boxes?page_size=4&page_token={first['next_page_token']}").json()
    assert [b["name"] for b in first["items"] + second["items"]] == boxes[:3:-1]


def test_the_last_page_has_no_token(dev: TestClient, boxes: list[str]) -> None:
    assert "next_page_token" in dev.get("/boxes?page_size=11").json()
    assert "next_page_token" not in dev.get("/boxes?page_size=12").json()


def test_a_token_belongs_to_its_question(town: Town, dev: TestClient, boxes: list[str]) -> None:
    token = dev.get("/boxes?grade=open&page_size=2").json()["next_page_token"]
    assert names(dev, f"?grade=open&page_size=3&page_token={token}") == ["box-03", "box-00"]
    edited = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    for query in (
        f"?grade=secret&page_token={token}",
        f"?page_token={token}",
        f"?grade=open&sort=name&page_token={token}",
        f"?grade=open&page_token={edited}",
        "?page_token=%C3%BC",
        "?page_token=",
        "?page_token=A",
    ):
        answer = dev.get(f"/boxes{query}")
        assert answer.status_code == 400, query
        assert answer.json()["problems"][0]["pointer"] == "?page_token"
    assert dev.get(f"/lids?page_token={token}").status_code == 400


def test_facets_count_what_the_filter_leaves(dev: TestClient, boxes: list[str]) -> None:
    page = dev.get("/boxes?size_gib=1&facets=grade,sealed&page_size=1").json()
    assert {f["value"]: f["count"] for f in page["facets"]["grade"]} == {"open": 1, "secret": 1, "internal": 1}
    assert page["facets"]["sealed"] == [{"value": False, "count": 3}]
    assert dev.get("/boxes?facets=sealed").json()["facets"]["sealed"][1] == {"value": True, "count": 1}


@pytest.mark.parametrize(
    ("query", "pointer", "code", "said"),
    [
        ("?colour=red", "?colour", "NO_INDEX", "Indexed: grade, size_gib, sealed, opens_at, note"),
        ("?spec.colour=red", "?spec.colour", "NO_INDEX", "Indexed: grade, size_gib, sealed, opens_at, note"),
        ("?facets=colour", "?facets", "NO_INDEX", "Indexed: grade, size_gib, sealed, opens_at, note"),
        ("?grad=open", "?grad", "UNKNOWN", "Did you mean grade?"),
        ("?grade=top", "?grade", "TYPE", "Got 'top'"),
        ("?size_gib=big", "?size_gib", "TYPE", "Got 'big'"),
        ("?sealed=yes", "?sealed", "TYPE", "Got 'yes'"),
        ("?page_size=0", "?page_size", "TYPE", "Got '0'"),
        ("?page_size=1001", "?page_size", "TYPE", "Got '1001'"),
        ("?page_size=5&page_size=6", "?page_size", "TWICE", ""),
        ("?sort=colour", "?sort", "TYPE", "Got 'colour'"),
    ],
)
def test_a_question_that_no_index_answers_is_refused(
    dev: TestClient, query: str, pointer: str, code: str, said: str
) -> None:
    answer = dev.get(f"/boxes{query}")
    assert answer.status_code == 400
    (problem,) = answer.json()["problems"]
    assert (problem["pointer"], problem["code"]) == (pointer, code)
    assert said in problem.get("mend", "")


def test_all_wrong_parameters_are_named_at_once(dev: TestClient) -> None:
    problems = dev.get("/boxes?colour=red&grade=top&page_size=x&facets=colour").json()["problems"]
    assert {p["pointer"] for p in problems} == {"?colour", "?grade", "?page_size", "?facets"}


def test_a_reference_is_filtered_by_name_or_id(dev: TestClient, boxes: list[str]) -> None:
    for name, box in (("lid-a", "box-01"), ("lid-b", "box-02")):
        body = {"name": name, "project": "census", "spec": {"box": box}}
        assert dev.post("/lids", json=body).status_code == 201
    id_ = dev.get("/boxes/box-01").json()["id"]
    for value in ("box-01", id_, id_.upper()):
        assert [lid["name"] for lid in dev.get(f"/lids?box={value}").json()["items"]] == ["lid-a"]
    problem = dev.get("/lids?box=box-99").json()["problems"][0]
    assert (problem["pointer"], problem["code"]) == ("?box", "NO_SUCH")


def test_a_hidden_project_is_not_there(town: Town, dev: TestClient) -> None:
    assert dev.get("/boxes?project=harbour").status_code == 404
    assert dev.get("/boxes?project=nowhere").status_code == 404


def test_only_what_one_may_see_is_listed_and_counted(town: Town, dev: TestClient, boxes: list[str]) -> None:
    stranger = town.client("stranger")
    stranger.post("/boxes", json={"name": "theirs", "project": "harbour", "spec": {"size_gib": 1}})
    page: dict[str, Any] = stranger.get("/boxes?facets=grade").json()
    assert [b["name"] for b in page["items"]] == ["theirs"]
    assert page["facets"]["grade"] == [{"value": "internal", "count": 1}]
