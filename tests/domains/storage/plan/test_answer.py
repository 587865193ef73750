"""What people and programs are told of a plan: on the command line, and on the page of the console."""

import json
from pathlib import Path

import pytest

from cloudhall.domains.storage.plan.operate import Asked, answer
from cloudhall.domains.storage.plan.page import context
from cloudhall.kernel.errors import CloudhallError, Invalid, Unavailable


def test_one_plan_tells_every_figure_formula_and_assumption_in_both_languages() -> None:
    data, zh = answer(Asked("1EB", ["10+4"], "rack"), "zh")
    en = answer(Asked("1EB", ["10+4"], "rack"), "en")[1]
    (plan,) = data["plans"]
    assert len(zh) == len(en)
    for line in plan["lines"]:
        assert any(line["title"]["zh"] in text and line["formula"]["zh"] in text for text in zh)
        assert any(line["title"]["en"] in text and line["formula"]["en"] in text for text in en)
    for row in plan["assumptions"]:
        assert any(row["name"] in text and row["source"]["zh"] in text for text in zh)
    assert "未核对" in "\n".join(zh)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_several_are_compared_and_simulated_one_by_one() -> None:
    data, lines = answer(Asked("1EB", ["3", "2"], "rack", years=20), "en")
    assert [line.split()[0] for line in lines[1:3]] == ["2", "3"]
    assert all(plan["simulation"]["years"] == 20 for plan in data["plans"])
    assert sum("20 years simulated" in line for line in lines) == 2


def test_what_is_typed_stands_over_the_file_and_the_file_over_the_usual(tmp_path: Path) -> None:
    kept = tmp_path / "ours.toml"
    kept.write_text("disk_tb = 30\npue = 1.2\n", "utf-8")
    data, lines = answer(Asked("1EB", ["3"], "rack", str(kept), {"pue": "1.1"}), "en")
    rows = {row["name"]: row for row in data["plans"][0]["assumptions"]}
    assert (rows["disk_tb"]["value"], rows["pue"]["value"], rows["kwh_fen"]["value"]) == (30, 1.1, 60)
    assert rows["disk_tb"]["given"]
    assert any("disk_tb" in line and "given" in line for line in lines)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (Asked("1EB", ["10+4"], "hall"), Invalid),
        (Asked("1EB", ["10+4"], "rack", "absent.toml"), Unavailable),
        (Asked("1EB", ["10+4"], "rack", years=-1), Invalid),
        (Asked("1EB", ["10+4"], "rack", years=10**9), Invalid),
    ],
)
def test_what_cannot_be_done_says_how_to_mend_it(asked: Asked, error: type[CloudhallError]) -> None:
    with pytest.raises(error) as refused:
        answer(asked, "en")
    assert refused.value.text.zh
    assert refused.value.how.en


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("disk_tb: 30", "utf-8")
    with pytest.raises(Invalid, match="no TOML"):
        answer(Asked("1EB", ["3"], "rack", str(tmp_path / "bad.toml")), "en")


def test_the_page_begins_with_an_exabyte_and_keeps_what_was_typed() -> None:
    first = context({})
    assert first["typed"]["capacity"] == "1EB"
    assert [b.name for b in first["beside"] if b.chosen] == ["10+4"]
    asked = context({"capacity": "2PB", "scheme": "8+3", "domain": "server", "disk_tb": "30", "rack_kw": ""})
    assert {b.name for b in asked["beside"]} == {"2", "3", "6+3", "10+4", "17+3", "8+3"}
    assert asked["command"].endswith("--capacity 2PB --scheme 8+3 --domain server --disk-tb 30")
    assert next(f.text for f in asked["fields"] if f.name == "disk_tb") == "30"


def test_the_page_says_what_is_wrong_and_keeps_the_form() -> None:
    shown = context({"scheme": "none", "disk_tb": "24"})
    assert shown["plan"] is None
    assert "none" in shown["wrong"].text.zh
    assert shown["typed"]["scheme"] == "none"
