"""Passwords: argon2id, a few at a time, locked after too many wrong ones.

Invariants: a password is never stored, logged or compared in clear; an unknown log-in takes as long as a wrong one;
hashing runs at most `HASHES_AT_ONCE` at a time, so that a flood of log-ins takes no more memory than that; a failure is
counted before the next guess at it is compared, so that a flood gets no more guesses either.
Parameters: RFC 9106 section 4, second recommendation (64 MiB, t=3, p=4), argon2-cffi's default.
"""

import functools
import threading
from typing import TYPE_CHECKING

from cloudhall.domains.identity.person import Person
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Invalid, Problem, TooMany, Unauthenticated
from cloudhall.kernel.kinds import Outcome, Ready, Wait, finalizer
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from argon2 import PasswordHasher

    from cloudhall.kernel.context import Context
    from cloudhall.kernel.kernel import Kernel

HASHES_AT_ONCE = 2
LENGTH_MIN = 8
LENGTH_MAX = 256
RULE = T(f"{LENGTH_MIN} 到 {LENGTH_MAX} 个字符", f"{LENGTH_MIN} to {LENGTH_MAX} characters")
OPENED = ("identity_password", "identity_login")
FACTORS = ("identity_totp", "identity_recovery", "identity_passkey", "identity_guess")
TABLES = (*OPENED, *FACTORS, "identity_reset")
FAILURES_MAX = 5
LOCKED_US = 15 * 60 * SECOND_US
SCHEMA = """
CREATE TABLE identity_password (
  person TEXT PRIMARY KEY, hash TEXT NOT NULL, changed_us INTEGER NOT NULL, failures INTEGER NOT NULL,
  locked_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
_hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)


def change(kernel: "Kernel", caller: Caller, person: Person, old: str, password: str) -> None:
    """Set one's own password, knowing the old one, and end all one's sessions.

    Raises `Invalid`, `Unauthenticated` or `TooMany`.
    """
    check_length(password)
    known = verify(kernel, person, old)
    hashed = hash_password(password)

    def write(tx: Tx) -> None:
        require_same(tx, person.id, known)
        take_away(tx, person.id)
        store(tx, person.id, hashed, kernel.world.now_us())
        kernel.audit.append(tx, entry(caller, person.id, "set_password"))

    kernel.store.write(write).result()


def check_length(password: str) -> None:
    """Raise `Invalid` for a password that is too short or too long."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        text = T(f"密码须有 {RULE.zh}", f"A password has {RULE.en}")
        raise Invalid(text, problems=(Problem("LENGTH", "/password", text),))


def entry(caller: Caller, person: str, verb: str) -> Entry:
    """Leaf of a change of somebody's password."""
    action, kind = f"identity.person:{verb}", "identity.person"
    return Entry(actor=caller.id, action=action, kind=kind, resource=person, request=caller.request)


def store(tx: Tx, person: str, hashed: str, now_us: int) -> None:
    """Keep a hash made by `hash_password`."""
    tx.execute(
        "INSERT INTO identity_password VALUES (?, ?, ?, 0, 0) ON CONFLICT (person) DO UPDATE SET "
        "hash = excluded.hash, changed_us = excluded.changed_us, failures = 0, locked_us = 0",
        (person, hashed, now_us),
    )


def take_away(tx: Tx, person: str) -> None:
    """Remove the password, and end every session."""
    _delete(tx, person, OPENED)


def there(tx: Tx, person: str) -> bool:
    """Whether somebody has a password."""
    return tx.execute("SELECT 1 FROM identity_password WHERE person = ?", (person,)).fetchone() is not None


def require_older(tx: Tx, person: str, than_us: int) -> None:
    """Raise `Unauthenticated` where the password was changed or reset since."""
    sql = "SELECT 1 FROM identity_password WHERE person = ? AND changed_us <= ?"
    if tx.execute(sql, (person, than_us)).fetchone() is None:
        raise _wrong()


def require_same(tx: Tx, person: str, known: str) -> None:
    """Raise `Unauthenticated` where the hash that `verify` answered is no longer the person's.

    Between comparing and writing somebody may have reset the password: what is opened then would outlive the reset.
    """
    sql = "SELECT 1 FROM identity_password WHERE person = ? AND hash = ?"
    if tx.execute(sql, (person, known)).fetchone() is None:
        raise _wrong()


def verify(kernel: "Kernel", person: Person | None, password: str) -> str:
    """Compare, and answer the hash that it was compared with, for `require_same`.

    Raises `Unauthenticated`, or `TooMany` while locked. Counts failures.
    """
    nobodys = _nobodys_hash()
    with _hashing:
        now, row = kernel.world.now_us(), None
        if person is not None:
            sql = "SELECT hash, locked_us FROM identity_password WHERE person = ?"
            row = kernel.store.read().execute(sql, (person.id,)).fetchone()
        hashed, locked_us = row or (nobodys, 0)
        if locked_us > now:
            raise _locked(locked_us - now)
        right = _matches(hashed, password)
        if person is not None and row is not None:
            kernel.store.write(lambda tx: _count(tx, person.id, now, right=right)).result()
    if not right or row is None:
        raise _wrong()
    return str(hashed)


def _wrong() -> Unauthenticated:
    return Unauthenticated(
        T("登录名或密码不对", "Wrong log-in or password"),
        mend=T(
            "核对后再试；连续输错 5 次会锁定 15 分钟",
            "Check both and try again; five wrong ones lock for 15 minutes",
        ),
        reason="WRONG_PASSWORD",
    )


def _locked(left_us: int) -> TooMany:
    minutes = -(-left_us // (60 * SECOND_US))
    return TooMany(
        T("密码连续输错，账号暂时锁定", "Locked after too many wrong passwords"),
        mend=T(
            f"{minutes} 分钟后再试，或请安全管理员重设密码",
            f"Try again in {minutes} min, or have the password reset",
        ),
        reason="LOCKED",
    )


def _count(tx: Tx, person: str, now_us: int, *, right: bool) -> None:
    if right:
        tx.execute(
            "UPDATE identity_password SET failures = 0, locked_us = 0 WHERE person = ? AND failures > 0", (person,)
        )
        return
    tx.execute(
        "UPDATE identity_password SET failures = (failures + 1) % ?, "
        "locked_us = CASE WHEN failures + 1 >= ? THEN ? ELSE locked_us END WHERE person = ?",
        (FAILURES_MAX, FAILURES_MAX, now_us + LOCKED_US, person),
    )


@finalizer(Person)
def forget(person: Person, ctx: "Context") -> Outcome:
    """Whoever is gone leaves no password, no second factor, no code and no session behind."""
    found = (f"SELECT 1 FROM {table} WHERE person = ?" for table in TABLES)  # noqa: S608  names of ours
    if ctx.tx.execute(" UNION ".join(found), (person.id,) * len(TABLES)).fetchone() is None:
        return Ready()
    ctx.write(lambda tx: _delete(tx, person.id, TABLES))
    return Wait("Forgetting", T("正在清除登录方式和会话", "removing what opens the account, and sessions"), 0)


def _delete(tx: Tx, person: str, tables: tuple[str, ...]) -> None:
    for table in tables:
        tx.execute(f"DELETE FROM {table} WHERE person = ?", (person,))  # noqa: S608  names of ours


def hash_password(password: str) -> str:
    """Argon2id with its salt and parameters, as text."""
    with _hashing:
        return _hasher().hash(password)


def _matches(hashed: str, password: str) -> bool:
    from argon2.exceptions import VerificationError

    try:
        return _hasher().verify(hashed, password[:LENGTH_MAX])
    except VerificationError:
        return False


@functools.cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


@functools.cache
def _nobodys_hash() -> str:
    """Return a hash that no password matches, so that an unknown log-in takes as long."""
    return hash_password("\0" * LENGTH_MIN)
