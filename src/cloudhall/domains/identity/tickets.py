"""Tickets lead from one step of a log-in to the next: sealed, short-lived, good once, and no row until they are spent.

A ticket says what it is for, whom it is about and when it was made, under a MAC of the keyring. The challenge that an
authenticator signs is such a ticket too. Anybody may ask for one (the log-in page does at every look), so that making
one costs no write; spending one leaves its hash until it would have ended anyway.
"""

import base64
import binascii
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cloudhall.kernel import credentials
from cloudhall.kernel.errors import Unauthenticated
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

PURPOSE = "identity.ticket"
LIFE_US = 5 * 60 * SECOND_US
TAG_BYTES = 32
NONCE_BYTES = 16
LENGTH_MAX = 512
SCHEMA = """
CREATE TABLE identity_spent (hash BLOB PRIMARY KEY, expires_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX identity_spent_expires ON identity_spent (expires_us);
"""


class Ticket(NamedTuple):
    """What a ticket says; `subject` is the id of a person, or empty. `at_us` in microseconds since 1970."""

    use: str
    subject: str
    at_us: int
    nonce: str


def issue(kernel: "Kernel", use: str, subject: str = "", at_us: int | None = None) -> str:
    """Make a ticket; `at_us` dates it back to when what it stands for was begun."""
    made_us = kernel.world.now_us() if at_us is None else at_us
    ticket = Ticket(use, subject, made_us, kernel.world.random_bytes(NONCE_BYTES).hex())
    body = msgspec.json.encode(ticket)
    return base64.urlsafe_b64encode(kernel.keys.mac(PURPOSE, body) + body).decode().rstrip("=")


def read(kernel: "Kernel", use: str, text: str) -> Ticket:
    """Read a ticket for one use; raises `Unauthenticated` for one that is forged, for another use, or too old."""
    raw = _decoded(text)
    tag, body = raw[:TAG_BYTES], raw[TAG_BYTES:]
    if not kernel.keys.verify_mac(PURPOSE, body, tag):
        kernel.keys.refresh()  # another process may have made the key
        if not kernel.keys.verify_mac(PURPOSE, body, tag):
            raise _worthless()
    ticket = msgspec.json.decode(body, type=Ticket)
    if ticket.use != use or ticket.at_us + LIFE_US <= kernel.world.now_us():
        raise _worthless()
    return ticket


def spend(tx: Tx, text: str, now_us: int) -> None:
    """Use a ticket up; raises `Unauthenticated` where somebody has. It is whoever calls who has read it."""
    tx.execute("DELETE FROM identity_spent WHERE expires_us < ?", (now_us,))
    row = (credentials.digest(text), now_us + LIFE_US)
    if tx.execute("INSERT INTO identity_spent VALUES (?, ?) ON CONFLICT (hash) DO NOTHING", row).rowcount == 0:
        raise _worthless()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text[:LENGTH_MAX] + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _worthless() from None


def _worthless() -> Unauthenticated:
    return Unauthenticated(
        T("这一步已超时或已用过", "This step has run out of time or was done already"),
        mend=T("重新登录", "Log in from the beginning"),
        reason="TICKET",
    )
