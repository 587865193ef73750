"""One-time codes: how somebody comes in who has no password yet, or no longer knows it.

What another person can do about a password is a reset: it ends whatever the person had opened and makes a code, with
which the person chooses a password that nobody else knows.

Invariants: a code is shown once and kept as its hash; it is good for 24 hours and for one password, and a later reset
makes it worthless. Sessions end with a reset, and API tokens made before it are refused.
Must never happen: an administrator whose password came from a code of another administrator. Such a code is made on the
server alone, before the role is granted and after; `origin` remembers who made the one that the present password came
from. Otherwise whoever grants and resets could be all three administrators (GB/T 22239 8.1.5).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from cloudhall.domains.identity import passwords
from cloudhall.domains.identity.person import Person
from cloudhall.kernel import credentials, places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Forbidden, NotFound, Unauthenticated
from cloudhall.kernel.roles import ADMINISTRATORS
from cloudhall.kernel.store import Question, Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

R = TypeVar("R")
CODE_PREFIX = "chc"
CODE_LENGTH = 20  # 119 bits: no guess at it need be counted
CODE_US = 24 * 3_600 * SECOND_US
SERVER = Caller(id="server", type="ServiceAccount", name="server", request="server")
BY_COMMAND = T(
    "停下服务器，在它的机器上运行 cloudhall {command} {name}",
    "Stop the server and run this on its machine: cloudhall {command} {name}",
)
ON_SERVER = BY_COMMAND.format(command="reset-password", name="{name}")
SCHEMA = """
CREATE TABLE identity_reset (
  person TEXT PRIMARY KEY, hash BLOB UNIQUE, origin TEXT NOT NULL, made_us INTEGER NOT NULL, expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


class Code(NamedTuple):
    """A code as it is shown, once; `expires_us` in microseconds since 1970."""

    secret: str
    expires_us: int


def reset(kernel: "Kernel", caller: Caller, person: Person) -> Code:
    """Reset somebody's password as security administrator; raises `Forbidden`, for an administrator's always."""
    return as_administrator(kernel, caller, person, "reset_password", lambda tx: make(kernel, tx, caller, person.id))


def as_administrator(
    kernel: "Kernel", caller: Caller, person: Person, verb: str, write: Callable[[Tx], R], *, of_anybody: bool = False
) -> R:
    """Change how somebody comes in: whoever may suspend them may, an administrator's only with `of_anybody`.

    Raises `Forbidden`, which the log holds too.
    """

    def allowed(tx: Tx) -> R:
        kernel.authority.require(tx, caller, "suspend", person)
        if not of_anybody:
            _refuse_administrators(kernel, tx, person, verb)
        return write(tx)

    try:
        return kernel.store.write(allowed).result()
    except Forbidden as denial:
        entry = msgspec.structs.replace(
            passwords.entry(caller, person.id, verb), phase="denied", project=person.place, reason=denial.reason
        )
        kernel.note(entry).result()
        raise


def reset_on_server(kernel: "Kernel", name: str) -> Code:
    """Reset anybody's password, by log-in; for whoever has the data folder. Raises `NotFound`."""
    person = named(kernel, name)
    return kernel.store.write(lambda tx: make(kernel, tx, SERVER, person.id)).result()


def named(kernel: "Kernel", name: str) -> Person:
    """Whoever has a log-in; for whoever has the data folder. Raises `NotFound`."""
    found = kernel.tables[Person].named(kernel.store.read(), name.strip().lower())
    if not found:
        raise NotFound(T(f"没有登录名 {name}", f"There is no log-in {name}"), mend=T("核对登录名", "Check the log-in"))
    return found[0]


def make(kernel: "Kernel", tx: Tx, maker: Caller, person: str) -> Code:
    """Take password and sessions away and make a code. Decides nothing: `maker` may do it."""
    if kernel.tables[Person].get(tx, person) is None:
        raise NotFound(T("没有这个人", "There is no such person"))
    secret = credentials.make(CODE_PREFIX, CODE_LENGTH, kernel.world)
    now = kernel.world.now_us()
    passwords.take_away(tx, person)
    row = (person, credentials.digest(secret), maker.id, now, now + CODE_US)
    tx.execute(
        "INSERT INTO identity_reset VALUES (?, ?, ?, ?, ?) ON CONFLICT (person) DO UPDATE SET hash = excluded.hash, "
        "origin = excluded.origin, made_us = excluded.made_us, expires_us = excluded.expires_us",
        row,
    )
    kernel.audit.append(tx, passwords.entry(maker, person, "reset_password"))
    return Code(secret, now + CODE_US)


def remember(tx: Tx, person: str, origin: str, now_us: int) -> None:
    """Note who opened the way by which somebody new chose a password: they may have seen the code."""
    tx.execute("INSERT INTO identity_reset VALUES (?, NULL, ?, ?, ?)", (person, origin, now_us, now_us))


def owner(kernel: "Kernel", code: str) -> Person:
    """Whose code it is; raises `Unauthenticated` for one that is wrong, used, replaced or too old."""
    sql = "SELECT person FROM identity_reset WHERE hash = ? AND expires_us > ?"
    tx = kernel.store.read()
    row = tx.execute(sql, (_digest(code), kernel.world.now_us())).fetchone()
    person = kernel.tables[Person].get(tx, row[0]) if row else None
    if person is None or person.spec.suspended or person.deleting_us is not None:
        raise _worthless()
    return person


def choose(kernel: "Kernel", code: str, password: str, *, request: str = "") -> Person:
    """Set the password of the code's owner; raises `Invalid` or `Unauthenticated`. The code is used up."""
    passwords.check_length(password)
    person = owner(kernel, code)
    hashed = passwords.hash_password(password)
    caller = Caller(id=person.id, request=request)

    def write(tx: Tx) -> None:
        now = kernel.world.now_us()
        sql = "UPDATE identity_reset SET hash = NULL WHERE person = ? AND hash = ? AND expires_us > ?"
        if tx.execute(sql, (person.id, _digest(code), now)).rowcount == 0:
            raise _worthless()
        passwords.store(tx, person.id, hashed, now)
        kernel.audit.append(tx, passwords.entry(caller, person.id, "choose_password"))

    kernel.store.write(write).result()
    return person


def is_code(text: str) -> bool:
    """Whether a text has the form of a code; costs no look-up."""
    return credentials.well_formed(text.strip(), CODE_PREFIX)


def made_by_another(tx: Tx, person: str) -> bool:
    """Whether the person's password or code came from somebody else than the server."""
    sql = "SELECT 1 FROM identity_reset WHERE person = ? AND origin <> ?"
    return tx.execute(sql, (person, SERVER.id)).fetchone() is not None


def last_us(tx: Tx, person: str) -> int:
    """When the person's password was last reset; 0 where it never was."""
    row = tx.execute(*last_question(person)).fetchone()
    return int(row[0]) if row else 0


def last_question(person: str) -> Question:
    """What `last_us` asks."""
    return "SELECT made_us FROM identity_reset WHERE person = ?", (person,)


def _refuse_administrators(kernel: "Kernel", tx: Tx, person: Person, verb: str) -> None:
    held = places.granted(tx, person.id, kernel.world.now_us())
    if not held.keys().isdisjoint(ADMINISTRATORS):
        raise Forbidden(
            T(
                f"{person.name} 是管理员，只能在服务器上重设",
                f"{person.name} is an administrator, for whom this is done on the server alone",
            ),
            mend=BY_COMMAND.format(command=verb.replace("_", "-"), name=person.name),
            reason="ADMINISTRATOR",
        )


def _digest(code: str) -> bytes:
    return credentials.digest(code.strip())


def _worthless() -> Unauthenticated:
    return Unauthenticated(
        T("一次性代码不对、已用过或已过期", "The one-time code is wrong, used or too old"),
        mend=T("请安全管理员重新重设密码", "Ask a security administrator to reset the password once more"),
        reason="CODE",
    )
