"""A database of an older release is brought up, in one piece and with a copy from before; one of a newer is refused."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall import installation
from cloudhall.doctor.findings import State
from cloudhall.doctor.records import kept_copies
from cloudhall.domains.identity import sessions
from cloudhall.domains.identity.project import Project
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.store.moving import move
from cloudhall.kernel.store.opening import FILE, open_store
from cloudhall.kernel.store.revisions import SCHEMA_VERSION, mark, version
from cloudhall.kernel.store.sqlite import SQLiteStore
from cloudhall.kernel.world import Simulated, World
from tests.kit.databases import BOTH, fresh
from tests.kit.hall import folder

pytestmark = BOTH
DATA = Path(__file__).parent / "data/revision-1"
SESSION = "chs_afQotugSLKAniFOVb4b6vxx5qYbb04ICz4lpmx7HEXlP50"
MADE_US = 1_795_375_280_577_584
COPY = f"{FILE}.before-{SCHEMA_VERSION}"


class Crash(Exception):
    """The program ends here."""


@pytest.fixture
def home() -> Iterator[Path]:
    """Data folder of an installation of revision 1, its rows in SQLite."""
    with folder() as path:
        shutil.copytree(DATA / "keys", path / "keys")
        for key in (path / "keys").iterdir():
            key.chmod(0o600)
        (path / "keys").chmod(0o700)
        with contextlib.closing(sqlite3.connect(path / FILE)) as file:
            file.executescript((DATA / "rows.sql").read_text("utf-8"))
        yield path


@pytest.fixture
def database(home: Path) -> str:
    """Where the rows lie: moved to PostgreSQL where that is meant."""
    url = fresh()
    if url:
        with (
            contextlib.closing(open_store(home, url, World())) as target,
            contextlib.closing(SQLiteStore(home / FILE, World())) as source,
        ):
            move(source, target, lambda _: None, lambda _: None)
    return url


def opened(home: Path, database: str, world: World | None = None) -> Kernel:
    return Kernel(
        installation.build_registry(),
        home,
        world=world or Simulated(start_us=MADE_US),
        schemas=installation.SCHEMAS,
        revisions=installation.REVISIONS,
        database=database,
    )


def revision(home: Path, database: str) -> int:
    with contextlib.closing(open_store(home, database, World())) as store:
        return version(store.read(), store.dialect)


def test_an_older_installation_goes_on_where_it_was(home: Path, database: str) -> None:
    assert revision(home, database) == 1
    kernel = opened(home, database)
    try:
        caller = sessions.authenticate(kernel, SESSION)  # whoever was logged in still is
        assert caller.name == "zhou"
        assert [p.name for p in kernel.page(caller, Project)] == ["first"]
        kernel.seal()
    finally:
        kernel.stop()
    assert revision(home, database) == SCHEMA_VERSION
    opened(home, database).stop()


def test_the_rows_from_before_are_kept(home: Path, database: str) -> None:
    opened(home, database).stop()
    copy = home / COPY
    assert copy.stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(copy)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (1,)
        assert file.execute("SELECT count(*) FROM identity_session").fetchone() == (1,)
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (found,) = kept_copies(home)
    assert (found.state, COPY in found.detail.en) == (State.NOTE, True)
    copy.unlink()
    opened(home, database).stop()
    assert not copy.exists()  # nothing was due


def test_whoever_is_interrupted_begins_again(home: Path, database: str) -> None:
    def crash(point: str) -> None:
        if point == "store.commit:before":
            raise Crash

    world = Simulated(start_us=MADE_US)
    world.fault = crash
    with pytest.raises(Crash):
        opened(home, database, world)
    assert revision(home, database) == 1
    kernel = opened(home, database)
    assert sessions.authenticate(kernel, SESSION).name == "zhou"
    kernel.stop()
    assert revision(home, database) == SCHEMA_VERSION


def test_without_room_for_the_copy_nothing_is_changed(home: Path, database: str) -> None:
    (home / f"{COPY}.new").mkdir()  # stands for a disk that takes no file
    with pytest.raises((Unavailable, OSError)):
        opened(home, database)
    assert revision(home, database) == 1


def test_a_newer_one_is_refused_and_left_alone(home: Path, database: str) -> None:
    with contextlib.closing(open_store(home, database, World())) as store:
        store.write(lambda tx: mark(tx, store.dialect, SCHEMA_VERSION + 1)).result()
    with pytest.raises(Unavailable, match=f"schema {SCHEMA_VERSION + 1}, known {SCHEMA_VERSION}") as refused:
        opened(home, database)
    assert "更新的版本" in refused.value.text.zh
    assert not (home / COPY).exists()


def test_a_new_one_has_the_newest_revision_and_no_copy() -> None:
    with folder() as home:
        url = fresh()
        opened(home, url).stop()
        assert revision(home, url) == SCHEMA_VERSION
        assert not (home / COPY).exists()


def test_the_revisions_are_without_a_gap() -> None:
    assert [r.number for r in installation.REVISIONS] == list(range(2, SCHEMA_VERSION + 1))
