"""Stored answers: a key sent twice gets the first answer again, whatever happened in between.

Kept 24 hours. The answer is wrapped, because that of a create may hold a secret that is shown once.
"""

import hashlib
from typing import Any

import msgspec

from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.keys import Keyring
from cloudhall.kernel.store import Question, Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

KEPT_US = 24 * 3_600 * SECOND_US
KEY_LENGTH_MAX = 255
SCHEMA = """
CREATE TABLE IF NOT EXISTS request_key (
  principal TEXT NOT NULL, key TEXT NOT NULL, request BLOB NOT NULL, answer BLOB NOT NULL, expires_us INTEGER NOT NULL,
  PRIMARY KEY (principal, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS request_key_expires ON request_key (expires_us);
"""


def fingerprint(*parts: Any) -> bytes:
    """16 bytes that tell one request from another."""
    return hashlib.blake2b(msgspec.json.encode(parts, order="sorted"), digest_size=16).digest()


def recall(tx: Tx, keys: Keyring, caller: Caller, key: str, request: bytes, now_us: int) -> dict[str, Any] | None:
    """Return the first answer under this key, or None; raises `Conflict` when the request was another."""
    row = tx.execute(*question(caller, key, now_us)).fetchone()
    if row is None:
        return None
    if row[0] != request:
        raise Conflict(
            T(f"幂等键 {key} 已用于另一个请求", f"The idempotency key {key} was used for another request"),
            mend=T("每个新请求用新的键", "Use a new key for each new request"),
            reason="IDEMPOTENCY_KEY_REUSED",
        )
    answer: dict[str, Any] = msgspec.json.decode(keys.unwrap("answers", row[1], key.encode()))
    return answer


def question(caller: Caller, key: str, now_us: int) -> Question:
    """What `recall` asks."""
    sql = "SELECT request, answer FROM request_key WHERE principal = ? AND key = ? AND expires_us > ?"
    return sql, (caller.id, key, now_us)


def store(tx: Tx, keys: Keyring, caller: Caller, key: str, request: bytes, answer: dict[str, Any], now_us: int) -> None:
    """Keep an answer, in the transaction of the command."""
    blob = keys.wrap("answers", msgspec.json.encode(answer), key.encode())
    tx.execute(
        "INSERT INTO request_key VALUES (?, ?, ?, ?, ?) ON CONFLICT (principal, key) DO UPDATE "
        "SET request = excluded.request, answer = excluded.answer, expires_us = excluded.expires_us",
        (caller.id, key, request, blob, now_us + KEPT_US),
    )


def forget_expired(tx: Tx, now_us: int) -> None:
    """Drop answers older than 24 hours."""
    tx.execute("DELETE FROM request_key WHERE expires_us <= ?", (now_us,))
