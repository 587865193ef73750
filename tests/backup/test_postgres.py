"""An installation whose rows lie in PostgreSQL: backed up while it serves, and restored into either database."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudhall.backup import manifest, rows
from tests.backup.shell import KEY, begin, run
from tests.e2e.api import Api
from tests.e2e.server import Server
from tests.kit.postgres import Server as Postgres

KILLS = 3
LONGEST_S = 4.0


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[str]:
    name = postgres.make()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    name = postgres.make()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demonstration city on PostgreSQL, up."""
    city = Server(tmp_path_factory.mktemp("pg") / "home", environ={"CLOUDHALL_DATABASE": database})
    try:
        city.start()
        yield city
    finally:
        city.end()


@pytest.fixture(scope="module")
def kept(served: Server, database: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a backup, taken while accounts are made; what was acknowledged before and after lies beside."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / KEY).write_text("0123456789abcdef" * 2)
    stop, made = threading.Event(), [0]

    def make() -> None:
        with contextlib.closing(Api.of(served.url, "chen-xiaolan")) as developer:
            while not stop.is_set():
                body = {"name": f"a-{made[0]}", "project": "economic-monitoring", "spec": {"purpose": "x"}}
                developer.post("service-accounts", body).ok()
                made[0] += 1

    maker = threading.Thread(target=make)
    maker.start()
    try:
        until(lambda: made[0] > 3)
        (folder / "before").write_text(str(made[0]))
        taken = ("backup", "--home", served.home, "--to", folder / "backup", "--key-file", folder / KEY)
        done = run(*taken, CLOUDHALL_DATABASE=database)
        assert done.returncode == 0, done.stderr
    finally:
        stop.set()
        maker.join()
    (folder / "after").write_text(str(made[0]))
    return folder


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_proven_without_any_postgres(kept: Path) -> None:
    done = run("backup", "verify", "--from", kept / "backup", "--key-file", kept / KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " checks, 0 failed" in done.stdout


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
def test_it_lives_on_in_either_database(
    kept: Path, empty: str, where: str, server: Callable[..., Server], tmp_path: Path
) -> None:
    environ = {"CLOUDHALL_DATABASE": empty} if where == "postgres" else {}
    again = server("again", demo=False, environ=environ)
    words = ("restore", "--from", kept / "backup", "--key-file", kept / KEY, "--home", again.home)
    done = run(*words, **environ)
    assert done.returncode == 0, done.stderr
    assert (again.home / rows.NAME).exists() == (where == "sqlite")
    again.start()
    with contextlib.closing(Api.of(again.url, "chen-xiaolan")) as developer:
        seen = {a["name"] for a in developer.items("service-accounts") if a["name"].startswith("a-")}
        assert {b["name"] for b in developer.items("buckets")} >= {"division-codes", "economic-tables"}
        body = {"name": "later", "project": "economic-monitoring", "spec": {"purpose": "x"}}
        developer.post("service-accounts", body).ok()
    before, after = (int((kept / name).read_text()) for name in ("before", "after"))
    assert seen == {f"a-{n}" for n in range(len(seen))}  # without a gap: what came later is not there either
    assert before <= len(seen) <= after
    again.stop()
    if where == "postgres":
        taken = ("backup", "--home", again.home, "--to", tmp_path / "b", "--keys-in-clear", "--database", empty)
        assert run(*taken).returncode == 0
        assert manifest.read(tmp_path / "b").tables.keys() == manifest.read(kept / "backup").tables.keys()


def test_a_restore_that_was_killed_is_begun_again(
    kept: Path, empty: str, server: Callable[..., Server], tmp_path: Path
) -> None:
    chance = random.Random(11)  # noqa: S311  a seed replays it
    again = server("again", demo=False, environ={"CLOUDHALL_DATABASE": empty})
    words = ("restore", "--from", kept / "backup", "--key-file", kept / KEY, "--home", again.home, "--database", empty)
    for _ in range(KILLS):
        process = begin(*words)
        time.sleep(0.5 + chance.random() * LONGEST_S)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if again.home.exists():
            break
    else:
        done = run(*words)
        assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob("*.partial"))
    again.start()
    with contextlib.closing(Api.of(again.url, "chen-xiaolan")) as developer:
        assert {b["name"] for b in developer.items("buckets")} >= {"division-codes", "economic-tables"}


def test_rows_that_are_there_are_not_written_over(kept: Path, database: str, tmp_path: Path) -> None:
    words = ("restore", "--from", kept / "backup", "--key-file", kept / KEY, "--home", tmp_path / "home")
    done = run(*words, CLOUDHALL_DATABASE=database)
    assert (done.returncode, "Make an empty database" in done.stderr) == (7, True), done.stderr
    assert not (tmp_path / "home").exists()


def test_a_backup_that_was_killed_is_whole_or_not_there(served: Server, database: str, tmp_path: Path) -> None:
    chance = random.Random(3)  # noqa: S311  a seed replays it
    for n in range(KILLS):
        words = ("backup", "--home", served.home, "--to", tmp_path / f"b{n}", "--keys-in-clear")
        process = begin(*words, CLOUDHALL_DATABASE=database)
        time.sleep(0.4 + chance.random() * 2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if (tmp_path / f"b{n}").exists():
            manifest.check_files(tmp_path / f"b{n}", manifest.read(tmp_path / f"b{n}"))


def test_a_database_that_is_away_is_said(served: Server, tmp_path: Path) -> None:
    words = ("backup", "--home", served.home, "--to", tmp_path / "b", "--keys-in-clear")
    done = run(*words, CLOUDHALL_DATABASE="postgresql://nobody@127.0.0.1:1/none")
    assert (done.returncode, "is not available" in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "b").exists()
