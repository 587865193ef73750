"""What law says on a day, over HTTP, and when a period ends."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.town import Town


def test_rules_in_force_are_those_of_the_day_with_source_and_mark(dev: TestClient) -> None:
    body = dev.get("/rules", params={"as_of": "2024-12-31"}).json()
    rows = {row["id"]: row for row in body["items"]}
    spring = rows["calendar.statutory"]
    assert (body["as_of"], spring["value"]["days"]["spring"]) == ("2024-12-31", 3)
    assert spring["sources"][0]["edition"] == "国务院令第644号"
    assert rows["calendar.holidays"]["mark"] == {"zh": "已核对原文", "en": "Checked against the source"}
    assert rows["clock.hours"]["verified"] is False


def test_a_table_that_says_nothing_of_a_day_is_named(dev: TestClient) -> None:
    absent = dev.get("/rules", params={"as_of": "2027-06-01"}).json()["absent"]
    assert [table["id"] for table in absent] == ["calendar.holidays"]


def test_without_a_day_it_is_today_in_beijing(town: Town, dev: TestClient) -> None:
    town.kernel.world.now_us = lambda: 1_767_196_800_000_000  # type: ignore[method-assign]  # 2025-12-31 16:00 UTC
    assert dev.get("/rules").json()["as_of"] == "2026-01-01"


def test_the_history_of_a_table_is_every_row(dev: TestClient) -> None:
    found = dev.get("/rules/calendar.holidays").json()
    assert [row["valid_from"][:4] for row in found["items"]] == [str(year) for year in range(2007, 2027)]
    assert dev.get("/rules/calendar.holiday").status_code == 404


def test_rules_are_for_those_who_are_logged_in(town: Town) -> None:
    assert town.client().get("/rules").status_code == 401


def test_a_period_ends_where_a_hand_has_counted(dev: TestClient) -> None:
    asked: dict[str, Any] = {"from": "2026-09-18", "days": 20, "as_of": "2026-10-08"}
    body = dev.get("/deadline", params=asked).json()
    assert (body["due"], body["state"], body["used_days"], body["left_days"]) == ("2026-10-22", "running", 9, 11)
    assert [step["day"] for step in body["steps"]] == ["2026-10-09", "2026-10-16", "2026-10-22"]
    assert (body["estimated"], body["mark"]["en"]) == (False, "As announced")


def test_pauses_move_the_end_and_an_open_one_stops_the_clock(dev: TestClient) -> None:
    asked: dict[str, Any] = {
        "from": "2026-09-18",
        "days": 20,
        "as_of": "2026-10-08",
        "pause": ["2026-09-28/2026-09-30", "2026-10-08/.."],
    }
    body = dev.get("/deadline", params=asked).json()
    assert (body["due"], body["state"], body["used_days"]) == ("2026-10-28", "paused", 5)


def test_an_end_in_a_year_without_a_notice_is_marked(dev: TestClient) -> None:
    body = dev.get("/deadline", params={"from": "2027-01-04", "days": 20, "as_of": "2027-01-04"}).json()
    assert (body["estimated"], body["mark"]["zh"]) == (True, "所依节假日安排尚未公布，为估计")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"from": "soon"}, "?from"),
        ({"days": "0"}, "?days"),
        ({"pause": "2026-09-30/2026-09-28"}, "?pause"),
        ({"pause": "0001-01-01/.."}, "?pause"),
        ({"pause": "2026-09-30/9999-12-31"}, "?pause"),
        ({"pause": "Friday"}, "?pause"),
        ({"as_of": "2026-13-01"}, "?as_of"),
    ],
)
def test_what_cannot_be_counted_is_refused_where_it_stands(
    dev: TestClient, wrong: dict[str, str], pointer: str
) -> None:
    answer = dev.get("/deadline", params={"from": "2026-09-18", "days": "20", **wrong})
    assert answer.status_code == 400
    assert [problem["pointer"] for problem in answer.json()["problems"]] == [pointer]


@pytest.mark.parametrize(
    "odd", [{"from": "2006-12-31"}, {"from": "0001-01-01"}, {"as_of": "9999-12-31"}, {"from": "2050-12-30"}]
)
def test_days_beyond_the_calendar_are_answered(dev: TestClient, odd: dict[str, str]) -> None:
    answer = dev.get("/deadline", params={"from": "2026-09-18", "days": "20", **odd})
    assert (answer.status_code, answer.json()["reason"]) == (404, "CALENDAR")
