"""Secrets of resources: made at create and shown once. Afterwards a hash is kept, or a wrapped copy for the controller.

A secret reads `<prefix>_<body><check>`; by the check (CRC-32) scanners tell a leaked token from chance without asking.
"""

import hashlib
import secrets as compare
import zlib
from typing import Any

from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import Where
from cloudhall.kernel.world import World

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECK_LENGTH = 6
SCHEMA = """
CREATE TABLE IF NOT EXISTS secret (
  resource TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, wrapped BLOB
) STRICT, WITHOUT ROWID;
"""


def make(prefix: str, length: int, world: World) -> str:
    """Make a new secret; 5.95 bits a letter."""
    number = int.from_bytes(world.random_bytes(length), "big")
    body = _letters(number, length)
    return f"{prefix}_{body}{_check(body)}" if prefix else body


def well_formed(text: str, prefix: str) -> bool:
    """Whether a text can be one of ours; costs no look-up."""
    head, _, rest = text.partition("_")
    body, check = rest[:-CHECK_LENGTH], rest[-CHECK_LENGTH:]
    return head == prefix and compare.compare_digest(_check(body).encode(), check.encode(errors="replace"))


def keep(tx: Tx, keys: Keyring, resource: Kind[Any, Any], secret: str) -> None:
    """Keep what the declaration says: always the hash, the wrapped copy only where a controller needs it."""
    declared = type(resource).meta.secret
    assert declared is not None
    wrapped = keys.wrap("secrets", secret.encode(), resource.id.encode()) if declared.kept else None
    tx.execute("INSERT INTO secret VALUES (?, ?, ?)", (resource.id, digest(secret), wrapped))


def owner_of(tx: Tx, secret: str) -> str | None:
    """Id of the resource that a presented secret belongs to."""
    row = tx.execute("SELECT resource FROM secret WHERE hash = ?", (digest(secret),)).fetchone()
    return row[0] if row else None


def owns(secret: str) -> Where:
    """The row itself of that resource, among those of its kind."""
    return Where("id = (SELECT resource FROM secret WHERE hash = ?)", (digest(secret),))


def reveal(tx: Tx, keys: Keyring, resource: str) -> str:
    """Unwrap a kept secret for a controller; raises KeyError where none is kept."""
    row = tx.execute("SELECT wrapped FROM secret WHERE resource = ? AND wrapped IS NOT NULL", (resource,)).fetchone()
    if row is None:
        raise KeyError(resource)
    return keys.unwrap("secrets", row[0], resource.encode()).decode()


def is_kept(tx: Tx, resource: str) -> bool:
    """Whether a wrapped copy is there."""
    sql = "SELECT 1 FROM secret WHERE resource = ? AND wrapped IS NOT NULL"
    return tx.execute(sql, (resource,)).fetchone() is not None


def entrust(tx: Tx, keys: Keyring, resource: str, secret: str) -> None:
    """Keep a secret that somebody else has made, for a controller; nobody is found by it."""
    salted = hashlib.sha256(resource.encode() + secret.encode(errors="replace")).digest()
    wrapped = keys.wrap("secrets", secret.encode(), resource.encode())
    tx.execute("INSERT INTO secret VALUES (?, ?, ?)", (resource, salted, wrapped))


def forget_copy(tx: Tx, resource: str) -> None:
    """Remove the copy once nobody needs it any more; the hash stays."""
    tx.execute("UPDATE secret SET wrapped = NULL WHERE resource = ?", (resource,))


def forget(tx: Tx, resource: str) -> None:
    """Remove hash and copy."""
    tx.execute("DELETE FROM secret WHERE resource = ?", (resource,))


def digest(secret: str) -> bytes:
    """SHA-256: a secret of 238 bits needs no slow hash."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def _letters(number: int, length: int) -> str:
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(LETTERS))
        letters.append(LETTERS[digit])
    return "".join(letters)


def _check(body: str) -> str:
    return _letters(zlib.crc32(body.encode(errors="replace")), CHECK_LENGTH)
