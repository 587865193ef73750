"""What is wrong is said all at once, in both languages, with where and how to mend it."""

import json
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from cloudhall.api.problems import MEDIA_TYPE
from cloudhall.kernel.kernel import Kernel
from tests.api.town import Town


def problems_of(answer: Any) -> dict[str, str]:
    """Codes by pointer."""
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()["problems"]
    assert len({p["pointer"] for p in found}) == len(found)
    return {p["pointer"]: p["code"] for p in found}


def test_everything_wrong_with_a_create_is_said_at_once(dev: TestClient) -> None:
    body = {
        "nme": "x",
        "project": 7,
        "labels": "red",
        "spec": {"size_gib": 5_000, "grde": "open", "grade": "top", "sealed": True, "note": 3, "opens_at": "soon"},
    }
    answer = dev.post("/boxes?wait=long&waite=1s", json=body, headers={"Idempotency-Key": "\t"})
    assert answer.status_code == 400
    assert problems_of(answer) == {
        "?wait": "TYPE",
        "?waite": "UNKNOWN",
        "Idempotency-Key:": "PATTERN",
        "/nme": "UNKNOWN",
        "/project": "TYPE",
        "/labels": "TYPE",
        "/name": "MISSING",
        "/spec/size_gib": "RANGE",
        "/spec/grde": "UNKNOWN",
        "/spec/grade": "CHOICE",
        "/spec/sealed": "BY_ACTION",
        "/spec/note": "TYPE",
        "/spec/opens_at": "TYPE",
    }
    mends = {p["pointer"]: p.get("mend", "") for p in answer.json()["problems"]}
    assert mends["/nme"] == "Did you mean name?"
    assert mends["/spec/grde"] == "Did you mean grade?"
    assert mends["?waite"] == "Did you mean wait?"
    assert "open, internal, secret" in mends["/spec/grade"]


def test_everything_wrong_with_an_edit_is_said_at_once(dev: TestClient) -> None:
    dev.post("/boxes", json={"name": "a", "project": "census", "spec": {"size_gib": 5}})
    patch = {"project": "harbour", "name": "Ä", "labels": {"x": 1}, "spec": {"size_gib": None, "colr": "red"}}
    answer = dev.patch("/boxes/a", json=patch, headers={"If-Match": "seven"})
    assert problems_of(answer) == {
        "If-Match:": "TYPE",
        "/project": "UNKNOWN",
        "/name": "PATTERN",
        "/labels": "TYPE",
        "/spec/size_gib": "TYPE",
        "/spec/colr": "UNKNOWN",
    }
    assert problems_of(dev.patch("/boxes/a", json={"spec": {"colour": "blue"}})) == {"/spec/colour": "IMMUTABLE"}


def test_a_missing_place_is_said_with_the_rest(dev: TestClient) -> None:
    answer = dev.post("/boxes", json={})
    assert problems_of(answer) == {"/project": "MISSING", "/name": "MISSING", "/spec/size_gib": "MISSING"}
    person = problems_of(dev.post("/people", json={"name": "x", "spec": {"display_name": "X"}}))
    assert person == {"/organisation": "MISSING"}


def test_pointers_to_arguments_point_into_the_body(dev: TestClient) -> None:
    dev.post("/boxes", json={"name": "a", "project": "census", "spec": {"size_gib": 5}})
    assert problems_of(dev.post("/boxes/a:resize", json={"size": 3})) == {"/size": "UNKNOWN", "/size_gib": "MISSING"}
    both = dev.post("/boxes/a:resize?x=1", json={"size": 3})
    assert problems_of(both) == {"?x": "UNKNOWN", "/size": "UNKNOWN", "/size_gib": "MISSING"}
    assert problems_of(dev.post("/boxes/a:seal", json={"hard": True})) == {"/hard": "UNKNOWN"}


@pytest.mark.parametrize("spec", [[], 0, "", False, None])
def test_a_spec_that_is_no_object_is_not_taken_for_an_empty_one(dev: TestClient, spec: Any) -> None:
    answer = dev.post("/boxes", json={"name": "a", "project": "census", "spec": spec})
    assert problems_of(answer)["/spec"] == "TYPE"


def test_a_domain_check_and_a_taken_name_are_problems_like_any_other(dev: TestClient) -> None:
    dev.post("/boxes", json={"name": "a", "project": "census", "spec": {"size_gib": 5}})
    body = {"name": "a", "project": "census", "spec": {"size_gib": 5}}
    assert problems_of(dev.post("/boxes", json=body)) == {"/name": "TAKEN"}
    body = {"name": "b", "project": "census", "spec": {"size_gib": 5, "colour": "red"}}
    assert problems_of(dev.post("/boxes", json=body)) == {"/spec/colour": "COLOUR"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "NOT_JSON"),
        (b'{"a": NaN}', "NOT_JSON"),
        (b'{"a": "\xff"}', "NOT_JSON"),
        (b"[" * 100_000, "NOT_JSON"),
        (b"[1]", "TYPE"),
        (b"null", "TYPE"),
    ],
)
def test_a_body_that_is_no_json_object_says_so(dev: TestClient, body: bytes, code: str) -> None:
    answer = dev.post("/boxes", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert problems_of(answer) == {"": code}


def test_a_body_of_another_type_or_too_large_is_refused(town: Town, dev: TestClient) -> None:
    form = dev.post("/boxes", data={"name": "a"})
    assert (form.status_code, form.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    large = json.dumps({"name": "a", "labels": {"x": "y" * (1 << 20)}}).encode()
    for content in (large, iter([large[:100], large[100:]])):
        answer = dev.post("/boxes", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
    assert dev.get("/boxes").json()["items"] == []


@pytest.mark.parametrize(
    ("header", "query", "cookie", "language"),
    [
        ("", "", "", "zh"),
        ("en", "", "", "en"),
        ("de, en;q=0.5, zh;q=0.4", "", "", "en"),
        ("en;q=0.1, zh-CN", "", "", "zh"),
        ("en-GB", "?lang=zh", "", "zh"),
        ("zh", "", "en", "en"),
        ("en;q=0", "", "", "zh"),
        ("fr", "", "", "zh"),
        ("en;q=high", "", "", "zh"),
    ],
)
def test_an_error_speaks_the_language_asked_for_and_carries_both(
    town: Town, header: str, query: str, cookie: str, language: str
) -> None:
    headers = {"Accept-Language": header} | ({"Cookie": f"lang={cookie}"} if cookie else {})
    answer = town.client("dev").get(f"/boxes/none{query}", headers=headers)
    problem = answer.json()
    texts = problem["texts"]
    assert answer.headers["content-language"] == language
    assert [problem[m] for m in ("title", "detail", "how")] == [texts[m][language] for m in ("title", "detail", "how")]
    assert texts["title"] == {"zh": "没有找到", "en": "Not found"}
    assert problem["type"] == problem["docs"] == "/docs/reference/errors#not_found"


def test_a_wrong_language_is_a_problem(dev: TestClient) -> None:
    assert problems_of(dev.get("/boxes?lang=fr")) == {"?lang": "TYPE"}


def test_every_answer_names_its_request(town: Town, dev: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    assert dev.get("/boxes", headers={"Request-Id": "ci-42"}).headers["request-id"] == "ci-42"
    made = [dev.get("/none").headers["request-id"] for _ in range(2)]
    assert made[0] != made[1]
    for strange in ("a b", "x" * 65, "<script>", "-"):
        answer = dev.get("/none", headers={"Request-Id": strange})
        assert answer.headers["request-id"].startswith("rq-")
        assert answer.json()["request_id"] == answer.headers["request-id"]
    assert not caplog.records


def test_a_request_id_stands_in_the_audit_log(town: Town, dev: TestClient) -> None:
    body = {"name": "a", "project": "census", "spec": {"size_gib": 5}}
    dev.post("/boxes", json=body, headers={"Request-Id": "ci-43"})
    assert town.kernel.audit.search(town.kernel.store.read(), limit=1)[0].leaf.request == "ci-43"


def test_a_fault_of_ours_is_logged_and_not_told(
    town: Town, dev: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: Any, **_more: Any) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(Kernel, "find", broken)
    with caplog.at_level(logging.ERROR):
        answer = dev.get("/boxes/a")
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "secret of the house" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["request-id"] in caplog.text
    assert "secret of the house" in caplog.text


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/boxes/a/b", 404),
        ("PUT", "/boxes/a", 405),
        ("GET", "/login", 405),
        ("GET", "/", 404),
    ],
)
def test_an_address_that_is_none_is_a_problem(dev: TestClient, method: str, address: str, status: int) -> None:
    answer = dev.request(method, address)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.headers["request-id"]
    assert ("allow" in answer.headers) is (status == 405)


def test_an_unknown_kind_names_the_nearest(dev: TestClient) -> None:
    assert dev.get("/box").json()["how"] == "Did you mean boxes?"


def test_answers_are_private(dev: TestClient) -> None:
    for answer in (dev.get("/boxes"), dev.get("/boxes/none"), dev.get("/audit/verifier-key"), dev.get("/openapi.json")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in answer.headers
    preflight = dev.options(
        "/boxes", headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 405
    assert "access-control-allow-origin" not in preflight.headers


@pytest.mark.parametrize("address", ["/boxes/a%0Ab", "/boxes/%0Aa:seal", "/%0Aboxes"])
def test_an_address_with_a_line_break_is_a_problem_like_any_other(dev: TestClient, address: str) -> None:
    answer = dev.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (404, MEDIA_TYPE)
    assert answer.json()["code"] == "NOT_FOUND"
