"""A new installation of a backup: killed and begun again, refused where it would be wrong, and living on."""

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from cloudhall.backup import manifest, rows
from cloudhall.kernel.store.revisions import SCHEMA_VERSION
from tests.backup.shell import KEY, begin, restored, run
from tests.e2e.api import Api
from tests.e2e.server import Server

KILLS = 3
LONGEST_S = 4.0  # a restore of the city takes about as long


def refused(own: Path, home: Path) -> str:
    done = run("restore", "--from", own / "backup", "--key-file", own / KEY, "--home", home)
    assert done.returncode in (1, 7), done.stderr
    return done.stderr


def test_killed_at_any_moment_and_begun_again_it_ends_the_same(
    taken: Path, tmp_path: Path, server: Callable[..., Server]
) -> None:
    again, chance = server("home", demo=False), random.Random(7)  # noqa: S311  a seed replays it
    for _ in range(KILLS):
        process = begin("restore", "--from", taken / "backup", "--key-file", taken / KEY, "--home", again.home)
        time.sleep(0.3 + chance.random() * LONGEST_S)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if again.home.exists():
            break
    else:
        restored(taken, again.home)
    assert not list(tmp_path.glob("*.partial"))
    assert rows.tables(again.home / rows.NAME) == manifest.read(taken / "backup").tables
    again.start()
    with contextlib.closing(Api.of(again.url, "chen-xiaolan")) as developer:
        assert {b["name"] for b in developer.items("buckets")} >= {"division-codes", "economic-tables"}


def test_nothing_is_restored_over_what_is_there(taken: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine").touch()
    assert "is there already and not empty" in refused(taken, tmp_path / "home")
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["mine"]


def test_any_file_that_was_changed_or_is_missing_is_found(own: Path, tmp_path: Path) -> None:
    for path in sorted((own / "backup").iterdir()):
        whole = path.read_bytes()
        at = len(whole) // 2
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert "error: " in refused(own, tmp_path / "home"), path.name
        assert not (tmp_path / "home").exists()
        path.write_bytes(whole)
    (own / "backup" / "objects-0001.pack").rename(own / "pack")
    assert "objects-0001.pack" in refused(own, tmp_path / "home")
    (own / "pack").rename(own / "backup" / "objects-0001.pack")
    assert restored(own, tmp_path / "home").exists()


def test_what_a_newer_release_has_written_is_refused(own: Path, tmp_path: Path) -> None:
    database, path = own / "backup" / rows.NAME, own / "backup" / manifest.NAME
    with contextlib.closing(sqlite3.connect(database)) as copy:
        copy.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    assert "was written by a newer release (schema 3, known 2)" in refused(own, tmp_path / "home")
    made = manifest.read(own / "backup")
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(made, format=manifest.FORMAT + 1, cloudhall="9.0")))
    assert "was written by a newer release, 9.0" in refused(own, tmp_path / "home")
    assert not (tmp_path / "home").exists()
