"""Sessions as their owner and administrators see and end them: from where, how, since when; never the secret.

A session is named by the beginning of its secret's hash, which leads nobody to the secret. An ended one is refused with
the next request, because each reads its row. Cost: a person's sessions of twelve hours, by index.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from cloudhall.domains.identity import passwords, resets
from cloudhall.domains.identity.person import Person
from cloudhall.kernel import credentials
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import NotFound
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

ID_LENGTH = 10  # 40 bits: enough among the sessions of one person


class Session(NamedTuple):
    """One session; times in microseconds since 1970, `how` a key of `sessions.HOW`, `this` the one that asks."""

    id: str
    this: bool
    how: str
    address: str
    agent: str
    since_us: int
    used_us: int
    expires_us: int


def of(kernel: "Kernel", person: str, credential: str = "") -> list[Session]:
    """Somebody's sessions, the one used last first; the caller has decided who may see them."""
    sql = (
        "SELECT hash, how, address, agent, created_us, used_us, expires_us FROM identity_login "
        "WHERE person = ? AND expires_us > ? ORDER BY used_us DESC, hash"
    )
    rows, this = kernel.store.read().execute(sql, (person, kernel.world.now_us())), credentials.digest(credential)
    return [Session(_id(row[0]), bytes(row[0]) == this, *row[1:]) for row in rows]


def of_other(kernel: "Kernel", caller: Caller, person: Person) -> list[Session]:
    """Somebody else's sessions, for whoever may suspend them; raises `Forbidden` or `NotFound`."""
    kernel.authority.require(kernel.store.read(), caller, "suspend", person)
    return of(kernel, person.id)


def end(kernel: "Kernel", caller: Caller, person: Person, id_: str) -> None:
    """End one session; raises `NotFound`. Somebody else's is for whoever may suspend them, else `Forbidden`."""
    _ending(kernel, caller, person, lambda tx: _end_one(kernel, tx, caller, person, id_))


def end_all(kernel: "Kernel", caller: Caller, person: Person, *, keep: str = "") -> int:
    """End every session but the one whose secret is to be kept; answers how many. Otherwise like `end`."""
    return _ending(kernel, caller, person, lambda tx: _end_all(kernel, tx, caller, person, keep))


def _ending(kernel: "Kernel", caller: Caller, person: Person, write: Callable[[Tx], int]) -> int:
    if person.id == caller.id:
        return kernel.store.write(write).result()
    return resets.as_administrator(kernel, caller, person, "end_sessions", write, of_anybody=True)


def _end_one(kernel: "Kernel", tx: Tx, caller: Caller, person: Person, id_: str) -> int:
    hashes = [h for (h,) in tx.execute("SELECT hash FROM identity_login WHERE person = ?", (person.id,))]
    found = next((h for h in hashes if _id(h) == id_), None)
    if found is None:
        raise NotFound(
            T(f"没有会话 {id_}", f"There is no session {id_}"), mend=T("它可能已结束", "It may have ended already")
        )
    tx.execute("DELETE FROM identity_login WHERE hash = ?", (found,))
    kernel.audit.append(tx, passwords.entry(caller, person.id, "end_session"))
    return 1


def _end_all(kernel: "Kernel", tx: Tx, caller: Caller, person: Person, keep: str) -> int:
    sql = "DELETE FROM identity_login WHERE person = ? AND hash <> ?"
    ended = tx.execute(sql, (person.id, credentials.digest(keep))).rowcount
    kernel.audit.append(tx, passwords.entry(caller, person.id, "end_sessions"))
    return ended


def _id(hashed: bytes) -> str:
    return bytes(hashed).hex()[:ID_LENGTH]
