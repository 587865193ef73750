"""Dated tables: what is in force on a day, and how it is told."""

import datetime
from pathlib import Path

import pytest

from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.registry import DeclarationError, Domain, Registry
from cloudhall.kernel.rule_files import KERNEL_RULES
from cloudhall.kernel.rules import UNVERIFIED, VERIFIED, Field, told, wire
from cloudhall.kernel.text import T
from tests.kernel.law import BOOK

D = datetime.date
DAYS = Field(T("天数", "Days"), T("天", "d"))


def test_a_question_names_its_day_and_gets_the_row_of_that_day() -> None:
    spring = [BOOK.at("calendar.statutory", day).value["days"]["spring"] for day in (D(2024, 12, 31), D(2025, 1, 1))]
    assert spring == [3, 4]


def test_the_first_day_is_in_force_and_the_day_after_the_last_is_not() -> None:
    before = BOOK.table("calendar.statutory").rules[0]
    assert (before.holds(before.valid_from), before.holds(D(2007, 12, 31)), before.holds(D(2008, 1, 1))) == (1, 1, 0)


def test_a_day_without_a_rule_is_refused_and_says_which_days_have_one() -> None:
    with pytest.raises(NotFound, match="1999-09-17") as refused:
        BOOK.at("calendar.statutory", D(1999, 9, 17))
    assert "1999-09-18" in refused.value.how.en
    with pytest.raises(NotFound) as refused:
        BOOK.at("calendar.holidays", D(2027, 1, 1))
    assert "before 2027-01-01" in refused.value.how.en


def test_a_table_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(NotFound) as refused:
        BOOK.table("calendar.holiday")
    assert "calendar.holidays" in refused.value.how.zh


def test_a_domain_declares_tables_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "fee.toml").write_text(
        (KERNEL_RULES / "clock-pauses.toml").read_text("utf-8").replace("clock.", "fee.")
    )
    registry = Registry([domain(tmp_path)])
    assert registry.rules.at("fee.pauses", D(2026, 11, 20)).verified is False
    assert registry.calendar.works(D(2026, 11, 20))


def test_two_tables_of_one_id_are_refused() -> None:
    with pytest.raises(DeclarationError, match="two rule tables have the id"):
        Registry([domain(KERNEL_RULES)])


def domain(rules: Path) -> Domain:
    return Domain(name="fees", title=T("费", "Fees"), question=T("多少？", "How much?"), kinds=(), rules=rules)


def test_every_row_carries_its_mark() -> None:
    marks = {t.id: wire(t, t.rules[-1])["mark"]["en"] for t in BOOK}
    assert marks["calendar.holidays"] == VERIFIED.en
    assert {id_ for id_, mark in marks.items() if mark == UNVERIFIED.en} == {
        "calendar.lunar",
        "clock.hours",
        "clock.pauses",
    }


def test_the_notice_whose_number_was_not_found_is_not_verified() -> None:
    rules = BOOK.table("calendar.holidays").rules
    assert [(r.valid_from.year, r.sources[0].edition) for r in rules if not r.verified] == [(2008, "")]


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        (3, "3 天", "3 d"),
        (True, "是", "yes"),
        (datetime.time(9), "09:00 天", "09:00 d"),
        ([D(2026, 1, 4), D(2026, 2, 14)], "2026-01-04 天、2026-02-14 天", "2026-01-04 d, 2026-02-14 d"),
    ],
)
def test_a_value_is_told_in_both_languages_with_its_unit(value: object, zh: str, en: str) -> None:
    assert told(DAYS, value) == T(zh, en)


def test_entries_of_a_value_are_named() -> None:
    field = Field(T("天数", "Days"), None, {"a": T("甲", "A"), "b": T("乙", "B")})
    assert told(field, {"a": 1, "b": 2}) == T("甲 1；乙 2", "A 1; B 2")


def test_a_row_on_the_wire_has_plain_values_beside_what_people_read() -> None:
    table = BOOK.table("clock.hours")
    row = wire(table, table.rules[0])
    assert row["value"]["closes"] == "17:00:00"
    assert row["shown"]["closes"] == {"title": {"zh": "下班", "en": "Closes"}, "text": {"zh": "17:00", "en": "17:00"}}
    assert (row["valid_from"], row["valid_to"], row["verified"]) == ("2004-07-01", None, False)
