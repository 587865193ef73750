"""Log-ins under way at an identity provider: what ties the answer to its question, and the question to its browser.

An attempt is good once, for ten minutes, in the browser that began it. Only the hash of its state is kept; nonce and
PKCE verifier are worth nothing without it.
"""

from typing import TYPE_CHECKING, NamedTuple

from cloudhall.kernel import credentials
from cloudhall.kernel.errors import TooMany
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US, World

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

LIFE_US = 600 * SECOND_US
OPEN_MAX = 10_000  # so that a flood of beginnings fills no disk
SECRET_BYTES = 32
SCHEMA = """
CREATE TABLE identity_attempt (
  state BLOB PRIMARY KEY, provider TEXT NOT NULL, browser TEXT NOT NULL, nonce TEXT NOT NULL, verifier TEXT NOT NULL,
  back TEXT NOT NULL, person TEXT NOT NULL, expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_attempt_expires ON identity_attempt (expires_us);
"""


class Attempt(NamedTuple):
    """One attempt. `person` is who wants to link an account, empty for a log-in; `back` where to go afterwards."""

    provider: str
    browser: str
    nonce: str
    verifier: str
    back: str
    person: str


def secret(world: World) -> str:
    """A value that nobody guesses: state, nonce, verifier (RFC 7636 4.1: 43 to 128 unreserved characters)."""
    return world.random_bytes(SECRET_BYTES).hex()


def keep(kernel: "Kernel", state: str, attempt: Attempt) -> None:
    """Keep an attempt; raises `TooMany`."""

    def write(tx: Tx) -> None:
        now_us = kernel.world.now_us()
        tx.execute("DELETE FROM identity_attempt WHERE expires_us <= ?", (now_us,))
        (open_,) = tx.execute("SELECT count(*) FROM identity_attempt").fetchone()
        if open_ >= OPEN_MAX:
            raise TooMany(T("正在登录的人太多", "Too many log-ins at once"), retry_after_s=LIFE_US // SECOND_US)
        row = (credentials.digest(state), *attempt, now_us + LIFE_US)
        tx.execute("INSERT INTO identity_attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    kernel.store.write(write).result()


def take(kernel: "Kernel", state: str, browser: str) -> Attempt | None:
    """Use an attempt up; None for one that is unknown, used, too old, or of another browser."""
    columns = "provider, browser, nonce, verifier, back, person"
    sql = f"DELETE FROM identity_attempt WHERE state = ? AND browser = ? AND expires_us > ? RETURNING {columns}"  # noqa: S608  the line above
    key = (credentials.digest(state), browser, kernel.world.now_us())
    row = kernel.store.write(lambda tx: tx.execute(sql, key).fetchone()).result()
    return Attempt(*row) if row and browser else None
