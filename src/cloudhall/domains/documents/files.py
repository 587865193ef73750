"""Files under the SHA-256 of their bytes, in `documents` of the home: the same bytes are kept once.

What arrives is written to `incoming`, hashed on the way and synced; it gets its name inside the transaction that refers
to it. So a reference never lacks its file, and a crash leaves at most a file that nothing refers to. A file goes a day
after it was last needed (its time of change says when): a backup that copies files after the rows finds all of them.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cloudhall.kernel.errors import Invalid, Unavailable
from cloudhall.kernel.text import T

FOLDER, INCOMING = "documents", "incoming"
KEPT_S = 86_400
MIB = 1 << 20
LIMIT = "CLOUDHALL_DOCUMENT_MIB"
LIMIT_MIB = 50
DROPPED_BYTES_MAX = 256 * MIB


class Received(NamedTuple):
    """A file that has arrived and has no name yet."""

    path: Path
    bytes: int
    sha256: str

    def discard(self) -> None:
        """Let it go, unless it has been given its name."""
        self.path.unlink(missing_ok=True)


class Incoming:
    """One file that arrives, block by block.

    What is beyond the limit is read and dropped, so that its sender hears why.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """`folder` is that of all documents; raises `Unavailable` where it cannot be written."""
        self._limit, self._size, self._sha256 = limit_bytes, 0, hashlib.sha256()
        try:
            (folder / INCOMING).mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path = folder / INCOMING / os.urandom(16).hex()
            self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except OSError as error:
            raise _unwritable(error) from error

    def write(self, block: bytes) -> None:
        """Take a block; raises `Invalid` where the sender goes on and on."""
        self._size += len(block)
        if self._size > self._limit + DROPPED_BYTES_MAX:
            raise self._too_large()
        if self._size > self._limit:
            return
        self._sha256.update(block)
        try:
            self._file.write(block)
        except OSError as error:
            raise _unwritable(error) from error

    def received(self) -> Received:
        """Sync what has arrived; raises `Invalid` where that was too much."""
        if self._size > self._limit:
            raise self._too_large()
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _unwritable(error) from error
        self._file.close()
        return Received(self._path, self._size, self._sha256.hexdigest())

    def discard(self) -> None:
        """Let go of what has arrived so far."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _too_large(self) -> Invalid:
        most = self._limit // MIB
        return Invalid(
            T(f"附件最大 {most} MiB", f"A document has at most {most} MiB"),
            mend=T("更大的文件请放入存储桶", "Larger files belong into a bucket"),
            reason="DOCUMENT_SIZE",
        )


def limit_bytes() -> int:
    """Largest document that CLOUDHALL_DOCUMENT_MIB allows; raises `Invalid` where that is no number."""
    said = os.environ.get(LIMIT, "") or str(LIMIT_MIB)
    if not (said.isascii() and said.isdecimal() and int(said)):
        raise Invalid(T(f"{LIMIT} 应为正整数，而不是“{said}”", f"{LIMIT} is a positive number, not {said!r}"))
    return int(said) * MIB


def path_of(folder: Path, sha256: str) -> Path:
    """Where a file lies; 256 folders keep each of them short."""
    return folder / sha256[:2] / sha256


def publish(folder: Path, received: Received) -> None:
    """Give a file its name, durably; for what is there already it is needed from now on. Within the transaction."""
    path = path_of(folder, received.sha256)
    try:
        path.parent.mkdir(exist_ok=True, mode=0o700)
        received.path.replace(path)
        touch(folder, received.sha256)
        for changed in (path.parent, folder):
            _sync(changed)
    except OSError as error:
        raise _unwritable(error) from error


def touch(folder: Path, sha256: str) -> None:
    """Say that a file was needed until now."""
    with contextlib.suppress(FileNotFoundError):  # what was lost is told by `wrong`, not here
        os.utime(path_of(folder, sha256))


def unneeded(folder: Path) -> Iterator[Path]:
    """Files that nobody has needed for a day, and what was left of arrivals. Cost: a look at each file."""
    for path in folder.glob("*/*"):
        try:
            if path.stat().st_mtime < time.time() - KEPT_S:
                yield path
        except FileNotFoundError:
            continue  # an arrival that has just got its name


def sound(folder: Path, sha256: str) -> bool:
    """Whether a file is there and has the bytes that its name says. Reads it."""
    try:
        with path_of(folder, sha256).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _unwritable(error: OSError) -> Unavailable:
    return Unavailable(
        T(f"附件写不下来：{error.strerror}", f"The document cannot be written: {error.strerror}"),
        mend=T("检查磁盘空间和目录权限", "Check disk space and the folder's permissions"),
        reason="DOCUMENTS",
    )
