"""Second factors: what somebody holds beside a password, how it is proven, changed by its owner, and reset by others.

Codes of an app, passkeys, and the recovery codes that come with the first of either. Invariants: whoever changes what
guards an account proves anew who they are; nobody but its owner ever sees a secret or a recovery code; what an
administrator can do to somebody's factors is to take them all away. An administrator's own are reset on the server
alone, for the reason that `resets` gives.
"""

import os
from typing import TYPE_CHECKING, NamedTuple

from cloudhall.domains.identity import codes, passkeys, passwords, recovery, resets, tickets, totp
from cloudhall.domains.identity.person import Person
from cloudhall.kernel import places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from cloudhall.kernel.roles import ADMINISTRATORS
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

REQUIRED = "SECOND_FACTOR_REQUIRED"
RULE, NOBODY, FOR_ADMINISTRATORS = "CLOUDHALL_SECOND_FACTOR", "", "administrators"
SCHEMAS = (totp.SCHEMA, recovery.SCHEMA, passkeys.SCHEMA, codes.SCHEMA, tickets.SCHEMA)


class Held(NamedTuple):
    """What somebody holds: whether codes of an app, which passkeys, how many recovery codes not used yet."""

    codes: bool
    passkeys: tuple[passkeys.Passkey, ...]
    recovery_codes: int

    def __bool__(self) -> bool:
        """Whether a password alone opens no session."""
        return self.codes or bool(self.passkeys)


def held(tx: Tx, person: str) -> Held:
    """What somebody holds. Cost: three look-ups by person."""
    return Held(totp.in_force(tx, person), passkeys.of(tx, person), recovery.left(tx, person))


def rule() -> str:
    """Who must have a second factor; raises `Invalid` for a setting that says something else."""
    asked = os.environ.get(RULE, NOBODY)
    if asked not in (NOBODY, FOR_ADMINISTRATORS):
        raise Invalid(
            T(f"{RULE} 只能是 {FOR_ADMINISTRATORS} 或不设", f"{RULE} is {FOR_ADMINISTRATORS} or not set at all"),
            reason="SETTING",
        )
    return asked


def must_enrol(tx: Tx, person: str, now_us: int) -> bool:
    """Whether somebody is an administrator and holds no second factor although the rule says so."""
    if rule() != FOR_ADMINISTRATORS:
        return False
    return not places.granted(tx, person, now_us).keys().isdisjoint(ADMINISTRATORS) and not held(tx, person)


def require_enrolled(tx: Tx, person: str, now_us: int) -> None:
    """Raise `Forbidden` for whoever must enrol first. Costs nothing where no rule is set."""
    if must_enrol(tx, person, now_us):
        raise Forbidden(
            T("管理员须先设置第二因素", "Administrators set up a second factor before anything else"),
            mend=T(
                "在控制台的“我的安全”页面设置，或运行 cloudhall security codes",
                "Set it up on the console's page My security, or with cloudhall security codes",
            ),
            reason=REQUIRED,
        )


def prove(kernel: "Kernel", person: Person, proof: str) -> None:
    """Make sure that whoever changes what guards an account is its owner: by a code or the password.

    Whoever has neither yet (an account that comes in from elsewhere) has nothing to prove with.
    Raises `Unauthenticated`, or `TooMany` while locked.
    """
    tx = kernel.store.read()
    if held(tx, person.id) and codes.has_form(proof):
        codes.check(kernel, person, proof)
    elif passwords.there(tx, person.id) or totp.in_force(tx, person.id):
        passwords.verify(kernel, person, proof)


def confirm(kernel: "Kernel", caller: Caller, person: Person, code: str) -> tuple[str, ...]:
    """Put codes into force by a first right one; answers recovery codes, where it is the first second factor.

    Raises `Unauthenticated`. Guesses gain nothing here: the secret was shown to whoever types.
    """

    def write(tx: Tx) -> tuple[str, ...]:
        first = not held(tx, person.id)
        if not totp.accept(kernel, tx, person.id, codes.plain(code), confirming=True):
            raise codes.wrong()
        kernel.audit.append(tx, passwords.entry(caller, person.id, "add_codes"))
        return _new_recovery_codes(kernel, tx, caller, person.id) if first else ()

    return kernel.store.write(write).result()


def add_passkey(kernel: "Kernel", caller: Caller, person: Person, made: passkeys.New) -> tuple[str, ...]:
    """Keep a passkey that was registered; answers recovery codes, where it is the first second factor."""

    def write(tx: Tx) -> tuple[str, ...]:
        first = not held(tx, person.id)
        passkeys.keep(kernel, tx, person.id, made)
        kernel.audit.append(tx, passwords.entry(caller, person.id, "add_passkey"))
        return _new_recovery_codes(kernel, tx, caller, person.id) if first else ()

    return kernel.store.write(write).result()


def renew(kernel: "Kernel", caller: Caller, person: Person) -> tuple[str, ...]:
    """Make ten new recovery codes; the old ones are worthless. Raises `Conflict` without a second factor."""

    def write(tx: Tx) -> tuple[str, ...]:
        if not held(tx, person.id):
            raise Conflict(
                T("还没有第二因素", "There is no second factor yet"),
                mend=T("先设置动态验证码或通行密钥", "Set up codes or a passkey first"),
                reason="NO_FACTOR",
            )
        return _new_recovery_codes(kernel, tx, caller, person.id)

    return kernel.store.write(write).result()


def remove(kernel: "Kernel", caller: Caller, person: Person, passkey: str = "") -> None:
    """Take one's codes away, or one passkey by its id; recovery codes go with the last. Raises `NotFound`."""

    def write(tx: Tx) -> None:
        table, column, value = ("passkey", "id", passkey) if passkey else ("totp", "person", person.id)
        sql = f"DELETE FROM identity_{table} WHERE person = ? AND {column} = ?"  # noqa: S608  names of ours
        if tx.execute(sql, (person.id, value)).rowcount == 0:
            raise NotFound(T("没有这个第二因素", "There is no such second factor"))
        if not held(tx, person.id):
            recovery.forget(tx, person.id)
        verb = "remove_passkey" if passkey else "remove_codes"
        kernel.audit.append(tx, passwords.entry(caller, person.id, verb))

    kernel.store.write(write).result()


def reset(kernel: "Kernel", caller: Caller, person: Person) -> None:
    """Take every second factor of somebody away, as security administrator; their sessions end with it.

    Raises `Forbidden`, for an administrator's always.
    """
    resets.as_administrator(kernel, caller, person, "reset_factors", lambda tx: _reset(kernel, tx, caller, person.id))


def reset_on_server(kernel: "Kernel", name: str) -> None:
    """Take every second factor of anybody away, by log-in; for whoever has the data folder. Raises `NotFound`."""
    person = resets.named(kernel, name)
    kernel.store.write(lambda tx: _reset(kernel, tx, resets.SERVER, person.id)).result()


def _reset(kernel: "Kernel", tx: Tx, caller: Caller, person: str) -> None:
    for table in (*passwords.FACTORS, "identity_login"):
        tx.execute(f"DELETE FROM {table} WHERE person = ?", (person,))  # noqa: S608  names of ours
    kernel.audit.append(tx, passwords.entry(caller, person, "reset_factors"))


def _new_recovery_codes(kernel: "Kernel", tx: Tx, caller: Caller, person: str) -> tuple[str, ...]:
    made = recovery.make(kernel.world)
    recovery.keep(tx, person, made)
    kernel.audit.append(tx, passwords.entry(caller, person, "make_recovery_codes"))
    return made
