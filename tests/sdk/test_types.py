"""A type checker knows what each kind has, and says where a program asks for something else."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
from cloudhall.sdk import Cloudhall

cloud = Cloudhall()
reveal_type(cloud.buckets.get("stats")["spec"]["quota_gib"])
cloud.buckets.create("stats", {"quota_gib": "1", "grade": "open"})
cloud.buckets.create("stats", {"quota_gib": 1, "grade": "opn"})
cloud.buckets.create("stats", {"grade": "open"})
list(cloud.buckets.list(where={"grad": "open"}))
cloud.buckets.get("stats")["status"]["nothing"]
cloud.statements.delete("2026-11")
cloud.bukets
"""
SAID = {
    5: 'Revealed type is "int"',
    6: 'TypedDict item "quota_gib" has type "int"',
    7: "Literal['opn']",
    8: 'Missing key "quota_gib"',
    9: 'Argument "where"',
    10: 'has no key "nothing"',
    11: '"Statements" has no attribute "delete"',
    12: 'maybe "buckets"?',
}


def test_a_checker_finds_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM, "utf-8")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(file)]
    told = subprocess.run(mypy, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    by_line = {int(line.split(":")[1]): line for line in told.splitlines() if "error:" in line or "Revealed" in line}
    assert by_line.keys() == SAID.keys(), told
    for number, said in SAID.items():
        assert said in by_line[number]
