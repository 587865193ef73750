"""The rows from before an upgrade, kept beside the data until somebody deletes them.

They are an SQLite file as the old release would read it, wherever the rows lie; the way back is a backup, of which this
is the part that the upgrade changed. What is destroyed later is still in it: so it should go when the upgrade has
proven itself, and `doctor` says so.
"""

import contextlib
import logging
import os
import sqlite3
from pathlib import Path

from cloudhall.kernel.store import Store, troubles
from cloudhall.kernel.store.opening import FILE
from cloudhall.kernel.store.revisions import SCHEMA_VERSION, version

log = logging.getLogger(__name__)


def keep_before(home: Path, database: str, store: Store) -> Path | None:
    """Copy the rows where a revision is due; answers the copy, None where none is. Cost: that of a backup of them."""
    found = version(store.read(), store.dialect)
    if found in (0, SCHEMA_VERSION):
        return None
    copy = home / f"{FILE}.before-{SCHEMA_VERSION}"
    draft = copy.with_name(f"{copy.name}.new")
    draft.unlink(missing_ok=True)
    _copy(home, database, draft)
    draft.chmod(0o600)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(copy)
    log.warning(
        "the schema goes from revision %d to %d; the rows from before are kept in %s", found, SCHEMA_VERSION, copy
    )
    return copy


def _copy(home: Path, database: str, draft: Path) -> None:
    if database:
        from cloudhall.kernel.store.unloading import unload

        unload(database, draft)
        return
    try:
        with (
            contextlib.closing(sqlite3.connect(home / FILE)) as live,
            contextlib.closing(sqlite3.connect(draft)) as copy,
        ):
            live.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()  # one file, without a log beside it
    except sqlite3.OperationalError as error:
        raise troubles.disk_full() if "full" in str(error) else troubles.unavailable(error, f" {draft}") from error
