"""`validate_only`: everything that a change would do and cost, nothing done; refused exactly as the real one."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from cloudhall.kernel import events
from cloudhall.kernel.commands import Plan
from tests.api.town import Town

BODY = {"name": "a", "project": "census", "spec": {"size_gib": 5}}
DRY = "?validate_only=true"


def test_a_create_shows_resource_quota_rates_and_preview(town: Town, dev: TestClient) -> None:
    head = events.head(town.kernel.store.read())
    answer = dev.post(f"/boxes{DRY}", json=BODY, headers={"Idempotency-Key": "k"})
    plan = answer.json()
    assert answer.status_code == 200
    assert (plan["allowed"], plan["operation"], plan["policies"]) == (
        True,
        "town.box:create",
        ["town.box:create/developer"],
    )
    assert (plan["resource"]["name"], plan["resource"]["spec"]["size_gib"]) == ("a", 5)
    title = {"zh": "箱容量", "en": "Box space"}
    assert plan["quota"] == [{"key": "box_gib", "title": title, "unit": "GiB", "used": 0, "room": 100_000, "asked": 5}]
    assert plan["rates"] == [{"meter": "town.box_gib", "title": title, "unit": {"zh": "GiB", "en": "GiB"}, "level": 5}]
    assert plan["preview"] == [{"zh": "将占 5 GiB", "en": "Will take 5 GiB"}]
    assert plan["goes_too"] == []
    assert "price" not in plan
    assert events.head(town.kernel.store.read()) == head
    assert dev.post("/boxes", json=BODY, headers={"Idempotency-Key": "k"}).status_code == 201


def test_an_edit_an_action_and_a_deletion_show_what_they_would_do(dev: TestClient) -> None:
    dev.post("/boxes", json=BODY)
    lid = dev.post("/lids", json={"name": "lid", "project": "census", "spec": {"box": "a"}}).json()
    edit = dev.patch(f"/boxes/a{DRY}", json={"spec": {"size_gib": 9}}).json()
    assert (edit["resource"]["spec"]["size_gib"], edit["quota"][0]["asked"], edit["quota"][0]["used"]) == (9, 4, 5)
    action = dev.post(f"/boxes/a:resize{DRY}", json={"size_gib": 2}).json()
    assert (action["operation"], action["quota"][0]["asked"]) == ("town.box:resize", -3)
    deletion = dev.delete(f"/boxes/a{DRY}").json()
    assert deletion["goes_too"] == [{"kind": "town.lid", "id": lid["id"], "name": "lid"}]
    assert dev.get("/boxes/a").json()["spec"]["size_gib"] == 5


def test_it_is_priced_where_the_installation_sells(
    town: Town, dev: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pricing(plan: Plan) -> dict[str, Any]:
        return {"month_fen": 700 * dict(plan.rates)["town.box_gib"], "large_nano": 2**60}

    monkeypatch.setattr(town.kernel, "pricing", pricing)
    assert dev.post(f"/boxes{DRY}", json=BODY).json()["price"] == {"month_fen": 3_500, "large_nano": str(2**60)}


def test_it_is_refused_as_the_real_one_would_be(town: Town, dev: TestClient) -> None:
    dev.post("/boxes", json=BODY)
    viewer = town.client("viewer")
    old = {"If-Match": '"1"'}
    requests: list[tuple[TestClient, str, str, Any, dict[str, str], int]] = [
        (dev, "POST", "/boxes", BODY, {}, 400),
        (dev, "POST", "/boxes", BODY | {"spec": {}}, {}, 400),
        (dev, "POST", "/boxes", BODY | {"project": "harbour"}, {}, 404),
        (viewer, "POST", "/boxes", BODY | {"name": "b"}, {}, 403),
        (viewer, "DELETE", "/boxes/a", None, {}, 403),
        (dev, "PATCH", "/boxes/a", {"spec": {"note": "x"}}, old, 412),
        (
            dev,
            "POST",
            "/boxes",
            {"name": "c", "project": "census", "spec": {"size_gib": 1_000, "colour": "red"}},
            {},
            400,
        ),
    ]
    for client, method, address, body, headers, status in requests:
        dry, real = (client.request(method, address + query, json=body, headers=headers) for query in (DRY, ""))
        assert dry.status_code == real.status_code == status, dry.text
        differing = {"request_id"}
        assert {k: v for k, v in dry.json().items() if k not in differing} == {
            k: v for k, v in real.json().items() if k not in differing
        }
