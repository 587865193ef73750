"""Start stays light: what a call costs, and what it never brings in."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.cli.shell import Shell

RUN = (sys.executable, "-c", "from cloudhall.cli.main import main; main()")
HEAVY = {"msgspec", "starlette", "uvicorn", "jinja2", "cedarpy", "cryptography", "boto3", "argon2", "rich"}
LIMIT_CPU_MS = 150


def imported(*line: str) -> set[str]:
    """Top-level packages that a call imports."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", *RUN[1:], *line], capture_output=True, text=True, check=True
    ).stderr
    names = (row.rpartition("|")[2].strip() for row in told.splitlines() if row.startswith("import time:"))
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("line", [("--help",), ("bucket", "create", "--help"), ("help", "exit-codes"), ("context",)])
def test_nothing_heavy_is_imported(line: tuple[str, ...]) -> None:
    subprocess.run([*RUN, "--help"], check=True, capture_output=True)  # makes the catalogue
    found = imported(*line)
    assert "click" in found
    assert not found & HEAVY


def test_the_first_call_needs_the_declarations_and_no_engine() -> None:
    assert imported("--help") & HEAVY <= {"msgspec"}


def test_help_costs_little(record_property: Callable[[str, object], None]) -> None:
    def cpu_ms() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*RUN, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1_000

    first, *later = (cpu_ms() for _ in range(6))
    record_property("first_help_cpu_ms", first)
    record_property("help_cpu_ms", min(later))
    assert min(later) <= LIMIT_CPU_MS  # the least of five: the machine may be busy, the program is not


def test_nobody_home_is_a_line_and_no_traceback() -> None:
    done = subprocess.run(
        [*RUN, "bucket", "list"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "CLOUDHALL_URL": "http://127.0.0.1:1"},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: http://127.0.0.1:1 cannot be reached")
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(shell: Shell) -> None:
    script = f"{RUN[0]} -c '{RUN[2]}' project list -o json | true"
    done = subprocess.run(["bash", "-c", script], check=False, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
