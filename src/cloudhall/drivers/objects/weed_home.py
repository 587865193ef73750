"""The engine's folder: private to our user, used by one Cloudhall at a time.

Whoever can read this folder can read every object past the S3 door, so it is 0700. Files of ours are replaced whole:
a reader sees the old bytes or the new ones.
"""

import errno
import fcntl
import os
from pathlib import Path

from cloudhall.drivers.objects.trouble import no_room
from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.text import T


def prepare(home: Path) -> None:
    """Make the folder and its `data` within, closed to others."""
    for folder in (home, home / "data"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)


def lock(home: Path) -> int:
    """Take the folder for this process; the descriptor holds it until closed. `Conflict` when another has it.

    Two engines on the same files destroy them (seaweedfs#6857).
    """
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Conflict(
            T("另一个云厅正在使用 {home}", "Another Cloudhall uses {home}").format(home=home),
            mend=T(
                "先停掉它，或用 CLOUDHALL_HOME 指定另一个目录",
                "Stop it first, or choose another folder with CLOUDHALL_HOME",
            ),
            reason="home_in_use",
        ) from None
    return descriptor


def write_private(path: Path, content: bytes) -> None:
    """Replace a file whole, mode 0600, on disk before it takes the name. `Unavailable` where there is no room."""
    beside = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        beside.replace(path)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise no_room(path) from error
        raise
