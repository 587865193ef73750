"""Taking a backup of an installation that serves, or of one that is stopped."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cloudhall.backup import kept, manifest, rows, sealed, trouble
from cloudhall.backup.engine import contents_of
from cloudhall.backup.manifest import File, Manifest
from cloudhall.backup.objects import Copy
from cloudhall.drivers.objects import weed_binary
from cloudhall.drivers.objects.weed_copy import SLACK_NS
from cloudhall.kernel import audit
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

POINTS_MAX = 5
"""Moments that are tried, each with less left to copy, before we give up."""
NS = 1_000_000_000
HEAD = f"keys/{audit.HEAD_FILE}"
Progress = Callable[[T, int], None]
"""Hears which step it is at and how many bytes more were done."""
OBJECTS, ROWS, SINCE, SUMS = (
    T("对象", "Objects"),
    T("数据行", "Rows"),
    T("期间的改动", "Changes meanwhile"),
    T("校验和", "Checksums"),
)


def create(home: Path, database: str, folder: Path, secret: bytes | None, progress: Progress) -> Manifest:
    """Back up the installation in `home`, its rows in PostgreSQL where `database` names one, to `folder`.

    That must be new or empty. Without a secret the keys lie in clear. `Unavailable` when the engine or the database
    falls silent or no moment could be copied.
    """
    if not (home / (HEAD if database else rows.NAME)).is_file():
        raise trouble.no_installation(home)
    with new_folder(folder) as work:
        head = (home / HEAD).read_bytes()  # before the rows: a log never lags behind the head that is kept of it
        at_ns = _objects_and_rows(home, database, work, progress)
        kept.take(home, work, progress)
        beside = sealed.gathered(home) | {HEAD: head}  # after the rows: no row is sealed with a key that came later
        made = _described(home, work, at_ns, progress)
        sealed.write(work, beside, secret, manifest.encoded(made))
        manifest.write(work, made)
    return made


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to work in; it gets its name when the block ends well and goes when it does not.

    What an earlier run left there when it was killed goes first.
    """
    if folder.exists() and any(folder.iterdir()):
        raise trouble.taken(folder)
    work = folder.with_name(folder.name + ".partial")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700, parents=True)
    try:
        yield work
        os.sync()
        work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def has_objects(home: Path) -> bool:
    """Whether the embedded engine keeps the objects; where an S3 elsewhere does, they are not ours to copy."""
    return (home / "objects" / "data").is_dir()


def _objects_and_rows(home: Path, database: str, work: Path, progress: Progress) -> int:
    """Copy both; answers the one moment (ns) that they are of."""
    if not has_objects(home):
        return _rows(home, database, work, progress)
    with contents_of(home / "objects") as contents, Copy.new(work) as copy:
        since_ns = time.time_ns() - SLACK_NS
        copy.take(contents, lambda n: progress(OBJECTS, n))
        for _ in range(POINTS_MAX):
            at_ns = _rows(home, database, work, progress)
            time.sleep(max(0.0, (at_ns + 4 * SLACK_NS - time.time_ns()) / NS))  # until the filer has told all of it
            if copy.follow(contents, contents.changes(since_ns, at_ns), lambda n: progress(SINCE, n)):
                copy.finish()
                return at_ns
            since_ns = at_ns
    raise trouble.restless()


def _rows(home: Path, database: str, work: Path, progress: Progress) -> int:
    at_ns = rows.snapshot(home, database, work / rows.NAME)
    progress(ROWS, (work / rows.NAME).stat().st_size)
    return at_ns


def _described(home: Path, work: Path, at_ns: int, progress: Progress) -> Manifest:
    database, log = work / rows.NAME, audit.AuditLog.open(Keyring.open(home / "keys", World()), World())
    return Manifest(
        database_schema=rows.schema_version(database),
        engine=_engine(home),
        at_us=at_ns // 1_000,
        files=_summed(work, progress),
        tables=rows.tables(database),
        audit=rows.log_of(database, log.verifier_key()),
        buckets=_held(work) if has_objects(home) else None,
    )


def _held(work: Path) -> dict[str, manifest.Held]:
    with Copy.of(work) as copy:
        return copy.held()


def _engine(home: Path) -> str:
    if not has_objects(home):
        return ""
    engine = weed_binary.identify(weed_binary.locate(), home / "objects" / "engine.json")
    return f"{engine.version} {engine.sha256}"


def _summed(work: Path, progress: Progress) -> dict[str, File]:
    for path in work.iterdir():
        path.chmod(0o600)
    return {p.name: manifest.file_of(p, lambda n: progress(SUMS, n)) for p in sorted(work.iterdir())}
