"""Usage of a project: totals that its readings add up to, gaps, quotas; for whoever may read the project."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from cloudhall.kernel import amendments, metering
from cloudhall.kernel.metering import Gap, Reading
from cloudhall.kernel.wire import rfc3339
from tests.api.town import GIB, OPENED, Town

HOUR_US = 3_600_000_000
START_US = 1_793_491_200_000_000  # 2026-11-01T00:00:00Z
BOX = "bx-2kfbjmhtmf55862b3"
PERIOD = "from=2026-11-01T00:00:00Z&to=2026-11-01T10:00:00Z"


@pytest.fixture
def measured(town: Town) -> None:
    """Ten hours: a level of 3 then 5 GiB with a gap of an hour between, and seven openings."""

    def reading(n: int, meter: str, begin: int, end: int, quantity: int) -> Reading:
        return Reading(
            source="test",
            source_id=f"{meter}/{n}",
            meter=meter,
            resource=BOX,
            project=town.project,
            from_us=START_US + begin * HOUR_US,
            to_us=START_US + end * HOUR_US,
            quantity_micro=quantity * 1_000_000,
        )

    readings = [
        reading(0, GIB.key, 0, 4, 3),
        reading(1, GIB.key, 5, 9, 5),
        *(reading(n, OPENED.key, n, n + 1, 1) for n in range(7)),
    ]
    gap = Gap(
        source="test",
        source_id="gap",
        meter=GIB.key,
        resource=BOX,
        project=town.project,
        from_us=START_US + 4 * HOUR_US,
        to_us=START_US + 5 * HOUR_US,
        cause="engine_killed",
    )
    town.kernel.store.write(lambda tx: metering.record(tx, readings, [gap], now_us=START_US)).result()


def get(client: TestClient, address: str) -> dict[str, Any]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_totals_are_exact_integers(town: Town, dev: TestClient, measured: None) -> None:
    body = get(dev, f"/usage?project=census&{PERIOD}")
    level, times = body["items"]
    whole = (3 * 4 + 5 * 4) * 1_000_000 * HOUR_US
    assert whole > 2**53
    assert (level["meter"], level["aggregation"], level["resource"], level["readings"]) == (GIB.key, "level", BOX, 2)
    assert level["quantity_micro_us"] == str(whole)
    assert level["average_micro"] == 3_200_000
    assert (times["meter"], times["quantity_micro"], times["unit"]) == (
        OPENED.key,
        7_000_000,
        {"zh": "次", "en": "times"},
    )
    assert (body["project"], body["from"], body["to"]) == (town.project, "2026-11-01T00:00:00Z", "2026-11-01T10:00:00Z")


def test_readings_add_up_to_the_total_page_by_page(dev: TestClient, measured: None) -> None:
    address = f"/usage/readings?project=census&meter={OPENED.key}&resource={BOX.upper()}&{PERIOD}&page_size=3"
    shares, token = [], ""
    while True:
        page = get(dev, f"{address}{token}")
        shares += [r["share_micro"] for r in page["items"]]
        if "next_page_token" not in page:
            break
        token = f"&page_token={page['next_page_token']}"
    assert shares == [1_000_000] * 7
    assert dev.get(f"{address.replace('10:00', '09:00')}{token}").status_code == 400


def test_a_period_says_how_well_it_is_known(dev: TestClient, measured: None) -> None:
    page = get(dev, f"/usage/readings?project=census&meter={GIB.key}&resource={BOX}&{PERIOD}")
    assert [r["share_micro_us"] for r in page["items"]] == [str(n * 4_000_000 * HOUR_US) for n in (3, 5)]
    assert page["coverage"] == {
        "measured_us": 8 * HOUR_US,
        "declared_us": HOUR_US,
        "unexplained": [{"from": "2026-11-01T09:00:00Z", "to": "2026-11-01T10:00:00Z"}],
        "doubled": [],
    }
    (gap,) = get(dev, f"/usage/gaps?project=census&{PERIOD}")["items"]
    assert gap == {
        "meter": GIB.key,
        "resource": BOX,
        "from": rfc3339(START_US + 4 * HOUR_US),
        "to": rfc3339(START_US + 5 * HOUR_US),
        "cause": "engine_killed",
        "source": "test",
    }


def test_quotas_show_what_is_used_and_left(town: Town, dev: TestClient) -> None:
    dev.post("/boxes", json={"name": "a", "project": "census", "spec": {"size_gib": 7}})
    (quota,) = get(dev, "/usage/quotas?project=census")["items"]
    assert (quota["key"], quota["used"], quota["room"], quota["left"]) == ("box_gib", 7, 100_000, 99_993)
    assert quota["title"] == {"zh": "箱容量", "en": "Box space"}
    assert get(town.client("admin"), "/usage/quotas?project=bureau")["items"] == []


def test_usage_is_for_whoever_may_read_the_project(town: Town, measured: None) -> None:
    assert len(get(town.client("viewer"), f"/usage?project={town.project}&{PERIOD}")["items"]) == 2
    for address in ("/usage", "/usage/gaps", "/usage/quotas", f"/usage/readings?meter={GIB.key}&resource={BOX}&"):
        mark = "" if address.endswith("&") else "?"
        assert town.client("stranger").get(f"{address}{mark}project=census").status_code == 404


def test_what_cannot_be_asked_is_said_at_once(dev: TestClient) -> None:
    problems = dev.get("/usage/readings?from=yesterday&page_size=0").json()["problems"]
    assert {p["pointer"]: p["code"] for p in problems} == {
        "?from": "TYPE",
        "?page_size": "TYPE",
        "?project": "MISSING",
        "?meter": "MISSING",
        "?resource": "MISSING",
    }
    backwards = dev.get("/usage?project=census&from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z")
    assert backwards.json()["problems"][0]["code"] == "RANGE"
    near = dev.get(f"/usage/readings?project=census&meter=town.box_gb&resource={BOX}")
    assert (near.status_code, near.json()["how"]) == (404, f"Did you mean {GIB.key}?")


def test_a_time_may_have_any_zone(dev: TestClient, measured: None) -> None:
    plain = get(dev, "/usage?project=census&from=2026-11-01T08:00:00%2B08:00&to=2026-11-01T18:00:00+08:00")
    assert plain["from"] == "2026-11-01T00:00:00Z"
    assert len(plain["items"]) == 2


def test_a_reading_told_in_two_ways_is_shown_with_both(town: Town, dev: TestClient, measured: None) -> None:
    other = Reading(
        source="test",
        source_id=f"{OPENED.key}/3",
        meter=OPENED.key,
        resource=BOX,
        project=town.project,
        from_us=START_US + 3 * HOUR_US,
        to_us=START_US + 4 * HOUR_US,
        quantity_micro=2_000_000,
    )
    town.kernel.store.write(lambda tx: metering.record(tx, [other], now_us=START_US + 1)).result()
    (conflict,) = get(dev, "/usage/conflicts?project=census")["items"]
    assert (conflict["reading"], conflict["why"]["en"]) == (f"test/{OPENED.key}/3", "The first to come counts")
    assert (conflict["counted"]["quantity_micro"], conflict["refused"]["quantity_micro"]) == (1_000_000, 2_000_000)
    assert (conflict["correction"], conflict["id"]) == ("", metering.body_hash(other).hex())
    amend = amendments.amend
    town.kernel.store.write(lambda tx: amend(tx, "cr-1", other, "pe-1", "the second", now_us=START_US + 2)).result()
    (conflict,) = get(dev, "/usage/conflicts?project=census")["items"]
    assert (conflict["correction"], conflict["counted"]["quantity_micro"]) == ("cr-1", 2_000_000)
    rows = get(dev, f"/usage/readings?project=census&meter={OPENED.key}&resource={BOX}&{PERIOD}")["items"]
    amended = [
        (r["sign"], r["quantity_micro"], r.get("reason", "")) for r in rows if r["reading"] == conflict["reading"]
    ]
    assert amended == [(1, 1_000_000, ""), (-1, 1_000_000, "the second"), (1, 2_000_000, "the second")]
    assert sum(int(r["share_micro"]) for r in rows) == 8_000_000
