"""The page of the rules: each with validity, source and mark, in both languages."""

import re

from tests.console.yard import Yard


def test_every_table_is_there_with_its_mark_and_source(yard: Yard) -> None:
    html = yard.visitor("devon").open("/rules?as_of=2026-11-20")
    assert 'href="/rules/calendar.holidays"' in html
    assert "国办发明电〔2025〕7号" in html
    assert "from 2026-01-01, until before 2027-01-01" in html
    assert html.count("Checked against the source") == html.count('class="sign ok"') == 4
    assert html.count("Not checked against the source") == 4


def test_the_page_is_complete_in_chinese(yard: Yard) -> None:
    html = yard.visitor("devon").open("/rules?as_of=2026-11-20&lang=zh")
    main = html.partition("<main")[2].partition("<footer")[0]
    assert "未核对原文" in main
    # Only names of tables, addresses and markup are in Latin letters; GB/T is the number of a standard.
    words = re.findall(r">[^<]*[A-Za-z]{3,}[^<]*<", main)
    assert words == []


def test_a_day_without_a_rule_says_so(yard: Yard) -> None:
    assert "Nothing is laid down for this day yet." in yard.visitor("devon").open("/rules?as_of=2027-06-01")


def test_the_history_of_a_table_begins_with_the_newest(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    html = visitor.open("/rules/calendar.statutory")
    assert re.findall(r"国务院令第\d+号", html) == [f"国务院令第{n}号" for n in (795, 644, 513, 270)]
    visitor.open("/rules/calendar.holiday")
    assert visitor.status == 404


def test_the_page_says_how_to_ask_for_the_same_elsewhere(yard: Yard) -> None:
    html = yard.visitor("devon").open("/rules?as_of=2026-11-20")
    assert "cloudhall rules list --as-of 2026-11-20" in html
    assert "/api/v1/rules?as_of=2026-11-20" in html
    assert "cloudhall rules get clock.hours" in yard.visitor("devon").open("/rules/clock.hours")


def test_a_day_that_is_none_is_today(yard: Yard) -> None:
    visitor = yard.visitor("devon")
    assert re.search(r'name="as_of" value="\d{4}-\d\d-\d\d"', visitor.open("/rules?as_of=soon"))
