"""What somebody types as a second factor: a code of the app, or a recovery code.

Invariants: wrong ones are counted for each person, whichever they were, and the count outlives the refusal; while an
account is locked nothing is compared, so that a flood gets no more guesses. Passkeys are not locked with it: they
cannot be guessed.
"""

from typing import TYPE_CHECKING

from cloudhall.domains.identity import passwords, recovery, totp
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import CloudhallError, TooMany, Unauthenticated
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

SCHEMA = """
CREATE TABLE identity_guess (
  person TEXT PRIMARY KEY, failures INTEGER NOT NULL, locked_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


def plain(typed: str) -> str:
    """Code without what apps and people put between its letters."""
    return typed.strip().lower().replace(" ", "")


def has_form(typed: str) -> bool:
    """Whether a text can be a code; no password is as short, or has the form of a recovery code by chance."""
    return bool(totp.CODE.fullmatch(plain(typed)) or recovery.FORM.fullmatch(plain(typed)))


def check(kernel: "Kernel", person: Person, code: str) -> str:
    """Use up a code of the app or a recovery code; answers which: `code`, `recovery`.

    Raises `Unauthenticated`, or `TooMany` while locked.
    """

    def write(tx: Tx) -> str | CloudhallError:  # an error is answered, not raised: the count of failures stays
        now_us = kernel.world.now_us()
        if locked := _locked(tx, person.id, now_us):
            return locked
        if totp.accept(kernel, tx, person.id, plain(code)):
            found = "code"
        elif recovery.accept(tx, person.id, plain(code)):
            found = "recovery"
            kernel.audit.append(tx, passwords.entry(Caller(id=person.id), person.id, "use_recovery_code"))
        else:
            _count(tx, person.id, now_us)
            return wrong()
        tx.execute("DELETE FROM identity_guess WHERE person = ?", (person.id,))
        return found

    answer = kernel.store.write(write).result()
    if isinstance(answer, CloudhallError):
        raise answer
    return answer


def _locked(tx: Tx, person: str, now_us: int) -> TooMany | None:
    row = tx.execute("SELECT locked_us FROM identity_guess WHERE person = ?", (person,)).fetchone()
    left_us = row[0] - now_us if row else 0
    if left_us <= 0:
        return None
    minutes = -(-left_us // (60 * SECOND_US))
    return TooMany(
        T("验证码连续输错，暂时锁定", "Locked after too many wrong codes"),
        mend=T(f"{minutes} 分钟后再试，或使用通行密钥", f"Try again in {minutes} min, or use a passkey"),
        reason="LOCKED",
    )


def _count(tx: Tx, person: str, now_us: int) -> None:
    tx.execute(
        "INSERT INTO identity_guess VALUES (?, 1, 0) ON CONFLICT (person) DO UPDATE SET "
        "failures = (identity_guess.failures + 1) % ?, locked_us = CASE WHEN identity_guess.failures + 1 >= ? "
        "THEN ? ELSE identity_guess.locked_us END",
        (person, passwords.FAILURES_MAX, passwords.FAILURES_MAX, now_us + passwords.LOCKED_US),
    )


def wrong() -> Unauthenticated:
    """Refusal of a code, whatever is wrong with it."""
    return Unauthenticated(
        T("验证码不对或已用过", "The code is wrong or was used already"),
        mend=T(
            "等下一个码再试；也可用恢复码。连续输错 5 次会锁定 15 分钟",
            "Wait for the next one and try again, or use a recovery code; five wrong ones lock for 15 minutes",
        ),
        reason="WRONG_CODE",
    )
