"""Attachments: the hot table that says which document belongs to which resource, of whatever kind.

No kind: an attachment has no rights, place or life of its own; all three are its resource's. Reads and writes rows;
who may, and what is logged, is decided in `attaching`.
Cost: an index of the resource's own documents, and one of the files.
"""

from pathlib import Path
from typing import NamedTuple

from cloudhall.domains.documents import files
from cloudhall.kernel.store import Tx

SCHEMA = """
CREATE TABLE IF NOT EXISTS attachment (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, resource TEXT NOT NULL, name TEXT NOT NULL, media_type TEXT NOT NULL,
  bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, at_us INTEGER NOT NULL, actor TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS attachment_name ON attachment (resource, name);
CREATE INDEX IF NOT EXISTS attachment_file ON attachment (sha256);
"""
_SELECT = "SELECT id, kind, resource, name, media_type, bytes, sha256, at_us, actor FROM attachment"


class Attachment(NamedTuple):
    """One document of one resource. `kind` is the resource's full kind, `actor` who attached it."""

    id: str
    kind: str
    resource: str
    name: str
    media_type: str
    bytes: int
    sha256: str
    at_us: int
    actor: str


def get(tx: Tx, id_: str) -> Attachment | None:
    """One row."""
    row = tx.execute(f"{_SELECT} WHERE id = ?", (id_.lower(),)).fetchone()
    return Attachment(*row) if row else None


def of_resource(tx: Tx, id_: str) -> list[Attachment]:
    """Documents of a resource, by name."""
    return [Attachment(*row) for row in tx.execute(f"{_SELECT} WHERE resource = ? ORDER BY name", (id_,))]


def add(tx: Tx, attached: Attachment) -> None:
    """Write a row; the names of a resource's documents differ."""
    tx.execute("INSERT INTO attachment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", attached)


def remove(tx: Tx, id_: str) -> bool:
    """Delete a row; False where it was gone already."""
    return tx.execute("DELETE FROM attachment WHERE id = ?", (id_,)).rowcount > 0


def needed(tx: Tx, sha256: str) -> bool:
    """Whether any resource refers to a file."""
    return tx.execute("SELECT 1 FROM attachment WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone() is not None


def hashes(tx: Tx) -> list[str]:
    """Every file that is referred to, once."""
    return [sha256 for (sha256,) in tx.execute("SELECT DISTINCT sha256 FROM attachment ORDER BY sha256")]


def wrong(tx: Tx, home: Path) -> list[str]:
    """Hashes of documents whose file is missing or was changed. Reads every file."""
    return [sha256 for sha256 in hashes(tx) if not files.sound(home / files.FOLDER, sha256)]
