"""Sessions and who is calling: log in, log out, and the caller behind a cookie or token.

A session secret is kept as its hash; suspending a person, ending a session or deleting a token takes effect with the
next request, because each request reads the row again. Whatever way somebody came in, `begin` opens the session.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from cloudhall.domains.identity import factors, passwords, resets, tickets
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.real_name_verification import level_of, level_question
from cloudhall.domains.identity.service_account import ServiceAccount
from cloudhall.domains.identity.token import Token
from cloudhall.kernel import credentials
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.caller import Attribute, Caller
from cloudhall.kernel.errors import CloudhallError, Unauthenticated
from cloudhall.kernel.store import Question, Tx, ask_ahead
from cloudhall.kernel.store.dialect import Dialect
from cloudhall.kernel.store.tables import LIVE
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import to_us
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

SESSION_PREFIX = "chs"
TOKEN_PREFIX = "cht"  # noqa: S105  a prefix that everybody may know
SESSION_LENGTH = 40
SECOND_FACTOR = "SECOND_FACTOR"  # the reason of a refusal that carries a ticket
SECOND = "login.second"  # the use of a ticket between password and second factor
LOGIN_LENGTH_MAX = 64  # of what somebody typed, in the log; names have at most 63 characters
SESSION_US = 12 * 3_600 * SECOND_US
USED_US = 60 * SECOND_US  # how exactly it is known when a session was last used; bounds the writes of one
HOW: Mapping[str, T] = {
    "password": T("密码", "password"),
    "password+code": T("密码和动态验证码", "password and code"),
    "password+recovery": T("密码和恢复码", "password and recovery code"),
    "password+passkey": T("密码和通行密钥", "password and passkey"),
    "passkey": T("通行密钥", "passkey"),
    "oidc": T("统一身份认证", "identity provider"),
}
"""Every way to come in, as `identity_login.how` holds it."""
SCHEMA = """
CREATE TABLE identity_login (
  hash BLOB PRIMARY KEY, person TEXT NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
  used_us INTEGER NOT NULL, how TEXT NOT NULL, address TEXT NOT NULL, agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_login_person ON identity_login (person);
CREATE INDEX identity_login_expires ON identity_login (expires_us);
"""
_REVISION_2 = """
CREATE TABLE identity_login (
  hash BLOB PRIMARY KEY, person TEXT NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
  used_us INTEGER NOT NULL, how TEXT NOT NULL, address TEXT NOT NULL, agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_login_person ON identity_login (person);
CREATE INDEX identity_login_expires ON identity_login (expires_us)
"""
"""Those tables as revision 2 made them, whatever becomes of them later."""


def keep_sessions(tx: Tx, dialect: Dialect) -> None:
    """Revision 2: sessions know how, from where and when last; those that were open stay open."""
    there = {name for (name,) in tx.execute(dialect.made)}
    if "identity_session" not in there:
        return
    if "identity_login" not in there:
        for statement in _REVISION_2.split(";"):
            tx.execute(dialect.render(statement))
    tx.execute(
        "INSERT INTO identity_login SELECT hash, person, created_us, expires_us, created_us, 'password', '', '' "
        "FROM identity_session"
    )
    tx.execute("DROP TABLE identity_session")


def login(
    kernel: "Kernel", login_name: str, password: str, *, address: str = "", agent: str = ""
) -> tuple[str, Person]:
    """Open a session; answers its secret. Raises `Unauthenticated` or `TooMany`. Both ends are in the log.

    For whoever holds a second factor the reason is SECOND_FACTOR, and `ticket` in the details leads to `second`.
    """
    person, began_us = _person_named(kernel, login_name), kernel.world.now_us()
    typed = login_name[:LOGIN_LENGTH_MAX]
    try:
        if resets.is_code(password):
            raise _code_given()
        known = passwords.verify(kernel, person, password)
        person = _open(person)
    except CloudhallError as error:
        note_denied(kernel, person, error.reason, login=typed, address=address, agent=agent)
        raise
    if held := factors.held(kernel.store.read(), person.id):
        raise _second_asked(kernel, person, held, began_us)
    secret = begin(
        kernel,
        person,
        "password",
        address=address,
        agent=agent,
        within=lambda tx: passwords.require_same(tx, person.id, known),
    )
    return secret, person


def begin(
    kernel: "Kernel",
    person: Person,
    how: str,
    *,
    address: str = "",
    agent: str = "",
    within: Callable[[Tx], None] | None = None,
) -> str:
    """Open a session for whoever has proven to be this person; answers its secret. `how` is a key of `HOW`.

    `within` runs in the same transaction first and may refuse by raising: what was proven may no longer hold.
    """
    assert how in HOW, how
    secret = credentials.make(SESSION_PREFIX, SESSION_LENGTH, kernel.world)
    now = kernel.world.now_us()

    def write(tx: Tx) -> None:
        if within is not None:
            within(tx)
        tx.execute("DELETE FROM identity_login WHERE expires_us < ?", (now,))
        row = (credentials.digest(secret), person.id, now, now + SESSION_US, now, how, address, agent)
        tx.execute("INSERT INTO identity_login VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        private = {"login": person.name, "address": address, "agent": agent}
        kernel.audit.append(tx, _entry("session:login", person, "done", how, private))

    kernel.store.write(write).result()
    return secret


def logout(kernel: "Kernel", credential: str) -> None:
    """End a session; ending one that is gone is no error."""

    def write(tx: Tx) -> None:
        sql = "DELETE FROM identity_login WHERE hash = ? RETURNING person"
        row = tx.execute(sql, (credentials.digest(credential),)).fetchone()
        if row is not None:
            entry = Entry(actor=row[0], action="session:logout", kind="identity.person", resource=row[0])
            kernel.audit.append(tx, entry)

    kernel.store.write(write).result()


def authenticate(
    kernel: "Kernel",
    credential: str,
    *,
    request: str = "",
    address: str = "",
    agent: str = "",
    enrolling: bool = False,
) -> Caller:
    """Caller behind a session secret or an API token; raises `Unauthenticated`.

    Raises `Forbidden` for a session of whoever must have a second factor and has none, except where it is set up
    (`enrolling`). Cost: two look-ups by key, three for a token; a text of the wrong form costs none.
    """
    tx, now = kernel.store.read(), kernel.world.now_us()
    scopes: tuple[str, ...] | None = None
    if credentials.well_formed(credential, SESSION_PREFIX):
        subject = _session_subject(kernel, tx, credential, now)
        found = acting_as(kernel, _told_of(kernel, tx, subject), subject)
    elif credentials.well_formed(credential, TOKEN_PREFIX):
        token = _token(kernel, tx, credential, now)
        subject, scopes = token.spec.subject, tuple(token.spec.scopes)
        told = _told_of(kernel, tx, subject, resets.last_question(subject))
        if token.created_us <= resets.last_us(told, subject):
            raise _refused(T("令牌早于最近一次密码重设", "The token is older than the last reset of the password"))
        found = acting_as(kernel, told, subject)
    else:
        raise _refused(T("令牌的格式不对", "This is not a token of ours"))
    if scopes is None and not enrolling:
        factors.require_enrolled(tx, subject, now)
    return msgspec.structs.replace(found, scopes=scopes, request=request, address=address, agent=agent)


def _session_subject(kernel: "Kernel", tx: Tx, credential: str, now_us: int) -> str:
    hashed = credentials.digest(credential)
    sql = "SELECT person, used_us FROM identity_login WHERE hash = ? AND expires_us > ?"
    row = tx.execute(sql, (hashed, now_us)).fetchone()
    if row is None:
        raise _refused(T("会话已结束", "The session has ended"))
    if row[1] + USED_US <= now_us:
        used = "UPDATE identity_login SET used_us = ? WHERE hash = ?"
        kernel.store.write(lambda tx: tx.execute(used, (now_us, hashed)))  # nobody waits for it
    return str(row[0])


def _token(kernel: "Kernel", tx: Tx, credential: str, now_us: int) -> Token:
    token = kernel.tables[Token].first(tx, credentials.owns(credential))
    if token is None or token.deleting_us is not None:
        raise _refused(T("令牌不存在或已吊销", "The token is unknown or revoked"))
    if to_us(token.spec.expires_at) <= now_us:
        raise _refused(T("令牌已过期", "The token has expired"))
    return token


def _told_of(kernel: "Kernel", tx: Tx, subject: str, *also: Question) -> Tx:
    """What reads on, with all that `acting_as` asks of a person told in one round trip."""
    return ask_ahead(tx, [kernel.tables[Person].get_question(subject), level_question(kernel, tx, subject), *also])


def acting_as(kernel: "Kernel", tx: Tx, subject: str) -> Caller:
    """Caller that a person or service account would be now; raises `Unauthenticated` for one gone or suspended."""
    person = kernel.tables[Person].get(tx, subject)
    if person is not None and person.deleting_us is None and not person.spec.suspended:
        level = level_of(kernel, tx, person.id)
        attrs: dict[str, Attribute] = {"suspended": False, "organisation": person.place, "real_name_level": level}
        return Caller(id=person.id, type="Person", name=person.spec.display_name, attrs=attrs)
    account = kernel.tables[ServiceAccount].get(tx, subject)
    if account is not None and account.deleting_us is None:
        return Caller(id=account.id, type="ServiceAccount", name=account.name, attrs={"organisation": account.place})
    raise _refused(T("账号不存在或已停用", "The account is gone or suspended"))


def person_of(kernel: "Kernel", id_: str) -> Person:
    """Person who may come in, by id; raises `Unauthenticated` for one gone or suspended."""
    return _open(kernel.tables[Person].get(kernel.store.read(), id_))


def note_denied(
    kernel: "Kernel", person: Person | None, reason: str, *, login: str = "", address: str = "", agent: str = ""
) -> None:
    """Put a log-in that was refused into the log."""
    private = {"login": login, "address": address, "agent": agent}
    kernel.note(_entry("session:login", person, "denied", reason, private)).result()


def _open(person: Person | None) -> Person:
    if person is None or person.spec.suspended or person.deleting_us is not None:
        raise _refused(T("账号已停用", "The account is suspended"))
    return person


def _person_named(kernel: "Kernel", name: str) -> Person | None:
    found = kernel.tables[Person].named(kernel.store.read(), name.strip().lower(), LIVE)
    return found[0] if len(found) == 1 else None


def _code_given() -> Unauthenticated:
    return Unauthenticated(
        T("这是一次性代码，不是密码", "This is a one-time code, no password"),
        mend=T(
            "先用它设定密码：控制台登录页，或 cloudhall password choose",
            "Choose a password with it first: on the console's log-in page, or cloudhall password choose",
        ),
        reason="CODE",
    )


def _second_asked(kernel: "Kernel", person: Person, held: factors.Held, began_us: int) -> Unauthenticated:
    kinds = (("code", held.codes), ("passkey", held.passkeys), ("recovery", held.recovery_codes))
    return Unauthenticated(
        T("还需要第二因素", "A second factor is needed"),
        mend=T(
            "输入验证器应用里的验证码或一个恢复码，或使用通行密钥",
            "Give the code of your authenticator app or a recovery code, or use a passkey",
        ),
        reason=SECOND_FACTOR,
        ticket=tickets.issue(kernel, SECOND, person.id, began_us),
        factors=[name for name, there in kinds if there],
        expires_in_s=tickets.LIFE_US // SECOND_US,
    )


def _refused(text: T) -> Unauthenticated:
    return Unauthenticated(text, reason="CREDENTIAL")


def _entry(action: str, person: Person | None, phase: Any, reason: str, private: dict[str, str]) -> Entry:
    who = person.id if person else ""
    private = {k: v for k, v in private.items() if v}
    return Entry(
        actor=who or "nobody",
        action=action,
        phase=phase,
        kind="identity.person",
        resource=who,
        reason=reason,
        private=private,
    )
