"""The commands end to end, on both command lines, without a server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cloudhall.domains.compute.placement.__main__ import main
from tests.domains.compute.placement.kit import machines, written


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = machines(600, 3)
    columns = (made.arrival_s, made.cpu_milli // 1000, made.memory_mib / 1024, made.life_s)
    rows = [
        (n, n, at_s, cpu, mem, max(life, 0), max(life, 0), int(life < 0))
        for n, (at_s, cpu, mem, life) in enumerate(zip(*(column.tolist() for column in columns), strict=True))
    ]
    return str(written(tmp_path_factory.mktemp("trace"), list(rows)))


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_LANG", "en")


def test_replay_tells_people_and_programs_the_same(
    trace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["replay", "--trace", trace, "--hosts", "30", "--numpy"]
    assert main([*line, "--page", str(tmp_path / "p.html"), "--svg", str(tmp_path / "p.svg")]) == 0
    shown = capsys.readouterr()
    assert "slower" in shown.err
    assert main([*line, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["refused"] == 0
    assert told["state_hash"] in shown.out
    assert "Proven lower bound" in (tmp_path / "p.svg").read_text("utf-8")
    assert told["state_hash"] in (tmp_path / "p.html").read_text("utf-8")


def test_explain_adds_up_to_the_fleet(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--trace", trace, "--hosts", "10", "--numpy", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sum(count["hosts"] for count in told["counts"]) == told["fleet"] == 10
    assert told["fitting"] == 0
    assert main(["explain", "--trace", trace, "--hosts", "10", "--numpy", "--cpu", "16", "--memory-gib", "112"]) == 0
    assert "16 c, 112 GiB" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["defragment", "evacuate"])
def test_a_plan_is_proposed_and_carried_out(trace: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["plan", kind, "--trace", trace, "--hosts", "30", "--level", "host", "--domains", "0", "--numpy", "--json"]
    assert main([*line, "--moves", "20", "--carry-out"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert 0 < told["moves"] == len(told["steps"]) <= 20
    assert told["state_hash"] != told["state_hash_before"]


def test_what_is_wrong_is_one_line_and_how_to_mend_it(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--trace", trace, "--hosts", "60", "--numpy"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == ["NOT_FOUND: only 0 requests were refused", "give fewer --hosts"]


def test_the_common_command_line_offers_the_same(trace: str) -> None:
    line = ["replay", "--trace", trace, "--hosts", "30", "--numpy", "--json"]
    said = [
        subprocess.run([sys.executable, *how, *line], capture_output=True, text=True, check=True).stdout
        for how in (
            ["-m", "cloudhall.domains.compute.placement"],
            ["-c", "from cloudhall.cli.main import main; main()", "placement"],
        )
    ]
    assert json.loads(said[0]) == json.loads(said[1])


def test_help_needs_no_numpy() -> None:
    code = "import sys; from cloudhall.cli.placement import PLACEMENT; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
