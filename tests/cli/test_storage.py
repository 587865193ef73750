"""`cloudhall storage plan` without a server: options reach the plan, in both languages, and errors their exit code."""

import json

import pytest

from cloudhall.cli.storage import STORAGE
from cloudhall.sdk.errors import Refused


def typed(line: str) -> None:
    STORAGE.main(["plan", *line.split()], standalone_mode=False)


def test_options_reach_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    typed("--capacity 2PB --scheme 3,2 --scheme 6+3 --domain server --disk-tb 30 --set pue=1.1 --detection-h 2 --json")
    plans = json.loads(capsys.readouterr().out)["plans"]
    assert {plan["scheme"] for plan in plans} == {"2", "3", "6+3"}
    rows = {row["name"]: row["value"] for row in plans[0]["assumptions"]}
    assert (rows["disk_tb"], rows["pue"], rows["detection_h"]) == (30, 1.1, 2)
    assert {plan["domain"] for plan in plans} == {"server"}


@pytest.mark.parametrize(("language", "said"), [("zh", "每年预计损失"), ("en", "Expected loss a year")])
def test_it_is_told_in_the_language_of_the_reader(
    language: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDHALL_LANG", language)
    typed("")
    assert said in capsys.readouterr().out


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(Refused):
        typed("--scheme 10+0")
