"""The program as an operator calls it."""

import os
import subprocess
from pathlib import Path

from tests.e2e.server import PROGRAM

KEY = "key"
RUN_S = 90


def environment() -> dict[str, str]:
    """Environment that reads nobody's configuration, in English."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "TMPDIR", "PYTHONPATH", "CLOUDHALL_WEED")
        if name in os.environ
    }
    return kept | {"CLOUDHALL_LANG": "en", "TZ": "UTC"}


def run(*words: object, typed: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `cloudhall` to its end; a traceback is never right."""
    done = subprocess.run(
        [PROGRAM, *map(str, words)],
        env=environment() | environ,
        input=typed,
        capture_output=True,
        encoding="utf-8",
        timeout=RUN_S,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def begin(*words: object, **environ: str) -> subprocess.Popen[bytes]:
    """Start it and do not wait."""
    return subprocess.Popen(
        [PROGRAM, *map(str, words)], env=environment() | environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def restored(taken: Path, home: Path) -> Path:
    """Make an installation of a backup with its key beside it; `home` is new."""
    done = run("restore", "--from", taken / "backup", "--key-file", taken / KEY, "--home", home)
    assert done.returncode == 0, done.stderr
    return home
