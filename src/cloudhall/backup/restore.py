"""Making a new installation out of a backup. Killed at any moment and begun again, it ends the same."""

import shutil
import time
from pathlib import Path

from cloudhall.backup import create, kept, manifest, rows, sealed
from cloudhall.backup.create import Progress, new_folder
from cloudhall.backup.engine import contents_of
from cloudhall.backup.manifest import Manifest
from cloudhall.backup.objects import Copy
from cloudhall.drivers.objects import weed_process
from cloudhall.drivers.objects.weed_home import prepare, write_private
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

FILES = T("核对文件", "Checking files")
LOST = "lost"
"""Where the engine's driver keeps when its log of changes was cut: older cursors count every bucket anew."""


def restore(folder: Path, home: Path, secret: bytes | None, progress: Progress, database: str = "") -> Manifest:
    """Make the installation `home`, which must be new or empty. Nothing of it is there before all of it is.

    Its rows go into the empty PostgreSQL database of a URL where `database` is one: there in one transaction, before
    the folder has its name. Whoever is killed between the two begins again, and finds the rows that are there already.
    `Unavailable` for a backup that is damaged or of a newer release, or when the secret does not open its keys.
    """
    made = manifest.read(folder)
    rows.schema_version(folder / rows.NAME)
    beside = sealed.read(folder, secret, (folder / manifest.NAME).read_bytes())
    manifest.check_files(folder, made, lambda n: progress(FILES, n))
    _end_what_was_left(home)
    with new_folder(home) as work:
        sealed.spread(beside, work)  # the engine's keys among them: it would make others at its first start
        shutil.copyfile(folder / rows.NAME, work / rows.NAME)
        progress(create.ROWS, made.files[rows.NAME].bytes)
        kept.give(folder, work)
        if made.buckets is not None:
            _give_objects(folder, work / "objects", progress)
            write_private(work / sealed.PORTS, beside[sealed.PORTS])
        if database:
            _give_rows(work, database)
    return made


def _give_rows(work: Path, database: str) -> None:
    """Move the rows on to PostgreSQL, and leave no second copy of them behind."""
    from cloudhall.moving import copy_rows

    copy_rows(work, database, lambda _: None, World())
    for path in work.glob(f"{rows.NAME}*"):
        path.unlink()


def _give_objects(folder: Path, objects: Path, progress: Progress) -> None:
    prepare(objects)
    with contents_of(objects) as contents, Copy.of(folder) as copy:
        copy.give(contents, lambda n: progress(create.OBJECTS, n))
    # The rows know the old engine's log up to a time; the new one's begins here, and would be taken for new writes.
    write_private(objects / LOST, str(time.time_ns()).encode())


def _end_what_was_left(home: Path) -> None:
    """End the engine of a restore that was killed, before its folder goes."""
    left = home.with_name(home.name + ".partial") / "objects"
    if left.is_dir():
        weed_process.end_stale(left)
