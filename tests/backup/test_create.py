"""Where a backup ends before its end, nothing is left that looks like one."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudhall.backup import manifest
from tests.backup.shell import KEY, begin, run
from tests.e2e.server import Server

LONGEST_S = 1.2  # a backup of the city takes about as long
KILLS = 3


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / KEY).write_text("k" * 32)
    return tmp_path / KEY


def test_killed_at_any_moment_it_is_whole_or_not_there(city: Server, tmp_path: Path, key: Path) -> None:
    chance, folder = random.Random(4), tmp_path / "backup"  # noqa: S311  a seed replays it
    for _ in range(KILLS):
        process = begin("backup", "--home", city.home, "--to", folder, "--key-file", key)
        time.sleep(0.3 + chance.random() * LONGEST_S)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if folder.exists():
            manifest.check_files(folder, manifest.read(folder))
            break
    else:
        assert run("backup", "--home", city.home, "--to", folder, "--key-file", key).returncode == 0
    assert not (tmp_path / "backup.partial").exists()
    assert run("backup", "verify", "--from", folder, "--key-file", key).returncode == 0


def test_a_stopped_installation_is_backed_up_too(server: Callable[..., Server], tmp_path: Path, key: Path) -> None:
    city = server("stopped")
    city.start()
    city.stop()
    done = run("backup", "--home", city.home, "--to", tmp_path / "backup", "--key-file", key)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "16 objects" in done.stderr
    assert city.start() > 0  # and nothing of the backup is in its way


def test_what_is_there_is_not_written_over(city: Server, taken: Path, key: Path, tmp_path: Path) -> None:
    before = (taken / "backup" / manifest.NAME).read_bytes()
    done = run("backup", "--home", city.home, "--to", taken / "backup", "--key-file", key)
    assert (done.returncode, "is there already" in done.stderr) == (7, True)
    assert (taken / "backup" / manifest.NAME).read_bytes() == before
    none = run("backup", "--home", tmp_path / "nowhere", "--to", tmp_path / "b", "--key-file", key)
    assert (none.returncode, "There is no installation" in none.stderr) == (1, True)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Say where with --to"),
        (("verify",), "Name a backup with --from"),
        (("--to", "x"), "There is no terminal to ask"),
        (("--to", "x", "--keys-in-clear", "--passphrase-stdin"), "Give one of"),
        (("--to", "x", "--key-file", "/dev/null"), "less than 32 bytes"),
        (("--to", "x", "--key-file", "/nowhere"), "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(words: tuple[str, ...], said: str) -> None:
    done = run("backup", *words)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
