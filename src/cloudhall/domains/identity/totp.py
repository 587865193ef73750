"""Codes of an authenticator app: TOTP (RFC 6238) with SHA-1, 30 s and 6 digits, which is what every app knows.

Invariants: the secret lies wrapped by the keyring, bound to its person, and is shown once; a code is good for its own
step and one on either side, and no step twice, nor an older one; a secret counts from its first right code on.
"""

import base64
import hmac
import re
from typing import TYPE_CHECKING, NamedTuple

from cloudhall.kernel import wrapped
from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US
from cloudhall.kernel.wrapped import Wrapped

if TYPE_CHECKING:
    from cloudhall.domains.identity.person import Person
    from cloudhall.kernel.kernel import Kernel

PURPOSE = "identity.totp"
ISSUER = "Cloudhall"
SECRET_BYTES = 20  # as long as the hash, RFC 4226 section 4, R6
STEP_S = 30
DRIFT = 1
CODE = re.compile(r"[0-9]{6}")
SCHEMA = """
CREATE TABLE identity_totp (
  person TEXT PRIMARY KEY, wrapped BLOB NOT NULL, confirmed_us INTEGER NOT NULL, last_step INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

wrapped.define(Wrapped(PURPOSE, "identity_totp", "wrapped", "person"))


class Enrolment(NamedTuple):
    """A secret as it is shown, once: in base32, and as the address that apps read from a square code."""

    secret: str
    uri: str


def enrol(kernel: "Kernel", person: "Person") -> Enrolment:
    """Make a secret that waits for its first code; one that waited before is replaced.

    Raises `Conflict` where one is in force.
    """
    import pyotp

    secret = base64.b32encode(kernel.world.random_bytes(SECRET_BYTES)).decode()
    kept = kernel.keys.wrap(PURPOSE, secret.encode(), person.id.encode())

    def write(tx: Tx) -> None:
        made = tx.execute(
            "INSERT INTO identity_totp VALUES (?, ?, 0, 0) ON CONFLICT (person) DO UPDATE SET "
            "wrapped = excluded.wrapped WHERE identity_totp.confirmed_us = 0",
            (person.id, kept),
        )
        if made.rowcount == 0:
            raise _there_already()

    kernel.store.write(write).result()
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=person.name, issuer_name=ISSUER))


def accept(kernel: "Kernel", tx: Tx, person: str, code: str, *, confirming: bool = False) -> bool:
    """Whether a code is right and new, and use its step up.

    `confirming` asks the secret that waits for its first code, else the one in force is asked.
    """
    import pyotp

    sql = "SELECT wrapped, last_step, confirmed_us FROM identity_totp WHERE person = ? AND (confirmed_us = 0) = (? = 1)"
    row = tx.execute(sql, (person, int(confirming))).fetchone()
    if row is None or not CODE.fullmatch(code):
        return False
    now_us = kernel.world.now_us()
    otp, now = pyotp.TOTP(kernel.keys.unwrap(PURPOSE, row[0], person.encode()).decode()), now_us // SECOND_US // STEP_S
    for step in range(max(now - DRIFT, row[1] + 1), now + DRIFT + 1):
        if hmac.compare_digest(otp.at(step * STEP_S), code):
            used = "UPDATE identity_totp SET last_step = ?, confirmed_us = ? WHERE person = ?"
            tx.execute(used, (step, now_us if confirming else row[2], person))
            return True
    return False


def in_force(tx: Tx, person: str) -> bool:
    """Whether codes are asked of somebody."""
    sql = "SELECT 1 FROM identity_totp WHERE person = ? AND confirmed_us > 0"
    return tx.execute(sql, (person,)).fetchone() is not None


def _there_already() -> Conflict:
    return Conflict(
        T("已设置动态验证码", "Codes are set up already"),
        mend=T("先移除，再重新设置", "Remove them first, then set them up anew"),
        reason="ENROLLED",
    )
