"""`bench/run`: what it accepts as a measurement. A measurement of a test's own stands in for the real ones."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A copy of the runner over the installed environment, with a bootstrap that has nothing to do."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/bootstrap.py").write_text("")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    shutil.copy(ROOT / "bench/run", tmp_path / "bench/run")
    return tmp_path / "bench"


def run(bench: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([bench / "run", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("print('warming up'); print('{\"rate\": 3}')", 0),
        ("print('{\"rate\": 3}'); print('done')", 1),
        ("print('[3]')", 1),
        ("print('{\"rate\": 3} {}')", 1),
        ("pass", 1),
        ("print('{}'); raise SystemExit(7)", 7),
    ],
)
def test_a_measurement_ends_with_one_json_object(bench: Path, script: str, code: int) -> None:
    (bench / "rate.py").write_text(script)
    done = run(bench, "rate")
    assert done.returncode == code
    assert ("did not end with one JSON object" in done.stderr) == (code == 1)


def test_options_and_output_pass_through(bench: Path) -> None:
    (bench / "rate.py").write_text("import sys, json; print('a line'); print(json.dumps({'said': sys.argv[1:]}))")
    assert run(bench, "rate", "--rows", "9").stdout == 'a line\n{"said": ["--rows", "9"]}\n'


def test_an_unknown_name_lists_the_known_ones(bench: Path) -> None:
    (bench / "rate.py").write_text("")
    for arguments in ((), ("rates",)):
        done = run(bench, *arguments)
        assert done.returncode == 2
        assert done.stderr == "usage: bench/run [--record] NAME [options], NAME one of: rate\n"


def test_a_recorded_measurement_says_on_what_it_ran(bench: Path) -> None:
    (bench / "rate.py").write_text("print('{\"rate\": 3}')")
    for row in ("8", "9"):
        assert run(bench, "--record", "rate", "--rows", row).returncode == 0
    lines = [json.loads(line) for line in (bench / "results/rate.jsonl").read_text().splitlines()]
    assert [(line["options"], line["figures"]) for line in lines] == [(["--rows", n], {"rate": 3}) for n in "89"]
    assert lines[0]["machine"]["cores"]
    assert lines[0]["others_cores"] >= 0


def test_what_failed_is_not_recorded(bench: Path) -> None:
    (bench / "rate.py").write_text("print('{}'); raise SystemExit(7)")
    assert run(bench, "--record", "rate").returncode == 7
    assert not (bench / "results").exists()
