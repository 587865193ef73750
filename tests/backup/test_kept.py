"""Archived events and documents go into a backup and come out of it; what an older release has made has none."""

from pathlib import Path

import pytest

from cloudhall.backup import kept
from cloudhall.domains.documents import attachments, files
from cloudhall.domains.documents.attachments import Attachment
from cloudhall.domains.documents.files import Incoming
from cloudhall.kernel import archive, parquet
from cloudhall.kernel.archive import Limits
from cloudhall.kernel.text import T
from tests.kit.hall import Hall, opened


def filled(hall: Hall) -> None:
    """Archive a few events, attach a document."""
    hall.project()
    hall.kernel.history.width, hall.kernel.history.limits = 1, Limits(kept_rows=1)
    hall.kernel.levels.collect()
    assert hall.kernel.history.turn() == 1
    incoming = Incoming(hall.home / files.FOLDER, files.limit_bytes())
    incoming.write(b"paper\n")
    received = incoming.received()
    files.publish(hall.home / files.FOLDER, received)
    row = Attachment("do-1", "kind", "resource", "a.txt", "text/plain", 6, received.sha256, 1, "person")
    hall.write(lambda tx: attachments.add(tx, row))


def silent(_step: T, _bytes: int) -> None:
    """Nobody watches."""


def test_what_is_taken_is_given_back(tmp_path: Path) -> None:
    with opened() as hall:
        filled(hall)
        (hall.home / archive.FOLDER / f"x{parquet.PARTIAL}").touch()
        Incoming(hall.home / files.FOLDER, 1).received()
        told: list[int] = []
        kept.take(hall.home, tmp_path, lambda _step, n: told.append(n))
        kept.give(tmp_path, tmp_path / "home")
        assert list(archive.wrong(hall.read(), tmp_path / "home")) == []
        assert attachments.wrong(hall.read(), tmp_path / "home") == []
        assert sum(path.is_file() for path in (tmp_path / "home").rglob("*")) == len(told) == 2


def test_nothing_kept_and_nothing_taken_are_no_trouble(tmp_path: Path) -> None:
    with opened() as hall:
        kept.take(hall.home, tmp_path, silent)
        kept.give(tmp_path, tmp_path / "home")
        kept.give(tmp_path / "older", tmp_path / "home")
        assert not list((tmp_path / "home").rglob("*"))


def test_a_file_that_goes_while_it_is_taken_is_none_of_the_moment(tmp_path: Path) -> None:
    with opened() as hall:
        filled(hall)
        (archived,) = (hall.home / archive.FOLDER).iterdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kept, "_whole", lambda _home: iter([archived, archived.with_name("gone")]))
            kept.take(hall.home, tmp_path, silent)
        kept.give(tmp_path, tmp_path / "home")
        assert [p.name for p in (tmp_path / "home" / archive.FOLDER).iterdir()] == [archived.name]
