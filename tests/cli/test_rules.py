"""Rules and periods on the command line."""

import json

from tests.cli.shell import Shell


def test_rules_of_a_day_are_listed_with_source_and_mark(shell: Shell) -> None:
    rows = [line.split("\t") for line in shell.out("rules list --as-of 2024-12-31").splitlines()]
    hours = next(row for row in rows if row[0] == "clock.hours")
    assert hours[4] == "Not checked against the source"
    assert hours[5] == "Common practice; places differ"
    statutory = next(row for row in rows if row[0] == "calendar.statutory")
    assert statutory[2:] == [
        "2014-01-01",
        "2025-01-01",
        "Checked against the source",
        "Regulation on public holidays 国务院令第644号 Article 2 2013-12-11",
    ]


def test_a_table_without_a_rule_for_the_day_is_told_beside_the_data(shell: Shell) -> None:
    told = shell.err("rules list --as-of 2027-06-01")
    assert told == "Nothing for that day in: calendar.holidays\n"


def test_a_table_is_told_row_by_row_in_the_language_of_the_reader(shell: Shell) -> None:
    told = shell.run("rules get clock.hours -o table", env={"CLOUDHALL_LANG": "zh"}).stdout
    assert "2004-07-01 –   未核对原文" in told
    assert ["下班", "17:00"] in [line.split() for line in told.splitlines()]
    rows = [line.split("\t") for line in shell.out("rules get calendar.statutory").splitlines()]
    assert [json.loads(row[3])["days"]["spring"] for row in rows] == [3, 3, 3, 4]


def test_a_period_is_read(shell: Shell) -> None:
    told = shell.out("rules due 2026-09-18 20 --as-of 2026-10-10 --pause 2026-09-28/2026-10-08 -o table").splitlines()
    assert told[0].split() == ["Ends", "on", "2026-10-28"]
    assert [line.split()[-1] for line in told[2:6]] == ["running", "7", "13", "0"]
    assert shell.json("rules due 2026-09-18 20")["due"] == "2026-10-22"


def test_a_day_that_is_none_is_refused_by_name(shell: Shell) -> None:
    assert "must be a date such as 2026-11-01" in shell.err("rules due soon 20", code=2)
