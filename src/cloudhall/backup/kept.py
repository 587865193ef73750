"""Folders of the home whose files never change once they are there: archived events and documents, as one tar file.

They are taken after the rows. What the rows of the moment refer to is still there then: an archived file is never
deleted, a document not before a day has passed.
"""

import contextlib
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cloudhall.domains.documents import files
from cloudhall.kernel import archive, parquet
from cloudhall.kernel.text import T

NAME = "kept.tar"
FILES = T("归档与附件", "Archive and documents")


def take(home: Path, work: Path, progress: Callable[[T, int], None]) -> None:
    """Put all of them into the backup, those on their way left out."""
    with tarfile.open(work / NAME, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in _whole(home):
            with contextlib.suppress(FileNotFoundError):  # nothing had referred to it for a day
                tar.add(path, path.relative_to(home).as_posix(), recursive=False)
                progress(FILES, path.stat().st_size)


def give(folder: Path, home: Path) -> None:
    """Lay them out in a home; a backup of an older release has none."""
    if (folder / NAME).exists():
        with tarfile.open(folder / NAME) as tar:
            tar.extractall(home, filter="data")


def _whole(home: Path) -> Iterator[Path]:
    yield from sorted(p for p in (home / archive.FOLDER).glob("*") if p.suffix != parquet.PARTIAL)
    yield from sorted(p for p in (home / files.FOLDER).glob("*/*") if p.parent.name != files.INCOMING)
