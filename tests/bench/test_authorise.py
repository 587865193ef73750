"""`bench/authorise.py` on a few requests: it ends with its figures, and nothing differs from cedarpy."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "bench/authorise.py"


def test_few_requests_agree_and_the_last_line_is_the_figures() -> None:
    command = [sys.executable, str(SCRIPT), "--policies", "53", "--requests", "600", "--lists", "6"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(run.stdout.splitlines()[-1])
    assert figures["policies"] == 53
    assert (figures["compared"], figures["mismatches"]) == (600, 0)
    assert (figures["lists_compared"], figures["list_mismatches"]) == (6, 0)
    assert figures["ratio_to_cedarpy"] > 5
