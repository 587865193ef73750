"""The auditor of conservation: what the world holds is what the rows say, for every driver, always.

A domain declares an account: how a port lists what is there, and which rows say so. The auditor compares the two every
minute and at start. It finds what no row speaks of (`stray`), what a Ready row promises and is not there (`lost`), and
rights in force that no row gives (`excess`, the worst). What lasts becomes a `Finding` that people see. So does a
reading that was told in two ways (`contradiction`), until somebody decides by a correction.

Invariants: nothing is repaired here, for that could destroy what somebody needs; the rows are read before and after the
world, so that what was just made or is about to go is no error; an engine that does not answer proves nothing.
Cost: O(things and rows of an account) a minute, in one thread.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from cloudhall.kernel import findings, usage, work
from cloudhall.kernel.collect import Collection
from cloudhall.kernel.errors import CloudhallError, NotFound
from cloudhall.kernel.metering import Gap, Reading
from cloudhall.kernel.ports import Port
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

log = logging.getLogger(__name__)
AUDIT_S = 60.0
READINGS = "usage.readings"  # the account of readings, which has no engine
LOOKS = 2  # in a row before people hear of it; what no row speaks of cannot be on its way, once is enough
What = Literal["stray", "lost", "excess", "contradiction"]
NOTHING: frozenset[str] = frozenset()
SCHEMA = """
CREATE TABLE IF NOT EXISTS discrepancy (
  account TEXT NOT NULL, thing TEXT NOT NULL, what TEXT NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL,
  place TEXT NOT NULL, detail TEXT NOT NULL, since_us INTEGER NOT NULL, looks INTEGER NOT NULL,
  PRIMARY KEY (account, thing, what)
) STRICT, WITHOUT ROWID;
"""


class Owed(msgspec.Struct, frozen=True):
    """What a row says of a thing: whether it must be there by now, and the most that it may allow anybody."""

    kind: str
    id: str
    place: str
    settled: bool
    rights: frozenset[str] = NOTHING


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One sort of things behind a port. `needs` are the port's methods that list it; an engine may lack them.

    `world` answers every thing that is there, with what it allows; `rows` what they should be. `grants`: the thing is
    itself a right, so that one without a row is an excess. `mends` says for each sort of error what people do.
    """

    name: str
    title: T
    port: Port[Any]
    needs: tuple[str, ...]
    world: Callable[[Any], Mapping[str, frozenset[str]]]
    rows: Callable[[Collection], Mapping[str, Owed]]
    mends: tuple[tuple[What, T], ...]
    grants: bool = False


class Discrepancy(NamedTuple):
    """One error: which thing of which account, what is wrong, and the row it is about, if any."""

    account: str
    thing: str
    what: What
    kind: str = ""
    resource: str = ""
    place: str = ""
    detail: str = ""


def compare(
    account: Account,
    world: Mapping[str, frozenset[str]],
    before: Mapping[str, Owed],
    after: Mapping[str, Owed],
) -> Iterable[Discrepancy]:
    """Every error of an account; `before` and `after` are the rows as they were around the look at the world."""
    for thing, rights in world.items():
        first, then = before.get(thing), after.get(thing)
        if first is None and then is None:
            found: What = "excess" if account.grants else "stray"
            yield Discrepancy(account.name, thing, found, detail=", ".join(sorted(rights)))
        elif first and then and (over := rights - first.rights - then.rights):
            detail = ", ".join(sorted(over))
            yield Discrepancy(account.name, thing, "excess", then.kind, then.id, then.place, detail)
    for thing, owed in after.items():
        promised = owed.settled and thing in before and before[thing].settled
        if promised and thing not in world:
            yield Discrepancy(account.name, thing, "lost", owed.kind, owed.id, owed.place)


class Auditor:
    """Looks at every account of an installation, again and again."""

    def __init__(self, kernel: "Kernel") -> None:
        """`kernel` gives store, drivers and the accounts of its domains."""
        self.kernel = kernel

    def look(self) -> None:
        """Look once at every account whose engine answers; keep what was found, and tell people what lasts."""
        found: list[Discrepancy] = []
        looked: list[str] = []
        for account in self.kernel.registry.accounts:
            driver = self.kernel.drivers.get(account.port.name)
            if driver is None or not driver.lacks.isdisjoint(account.needs):
                continue
            try:
                before = account.rows(Collection(self.kernel, {}))
                world = account.world(driver)
                found += compare(account, world, before, account.rows(Collection(self.kernel, {})))
            except CloudhallError as error:
                log.warning("%s were not audited: %s", account.name, error)
            else:
                looked.append(account.name)
        found += contradictions(self.kernel.store.read())
        looked.append(READINGS)
        for lasting in self.kernel.store.write(lambda tx: keep(self.kernel, tx, looked, found)).result():
            with contextlib.suppress(NotFound):  # its project is gone, and whoever would hear of it
                findings.tell(self.kernel, lasting)


def contradictions(tx: Tx) -> list[Discrepancy]:
    """Readings that were told in two ways and nobody has decided; both values in `detail`."""
    found = {(c.refused.source, c.refused.source_id): c for c in usage.unsettled(tx)}
    return [
        Discrepancy(
            READINGS,
            "/".join(key),
            "contradiction",
            place=c.refused.project,
            detail=f"{c.refused.meter} {c.refused.resource}: {_told(c.counted)} ≠ {_told(c.refused)}",
        )
        for key, c in found.items()
    ]


def _told(body: Reading | Gap | None) -> str:
    """What a body says, in millionths of the meter's unit, with its time in microseconds."""
    if body is None:
        return "?"
    said = body.quantity_micro if isinstance(body, Reading) else body.cause
    return f"{said} [{body.from_us}, {body.to_us})"


def keep(kernel: "Kernel", tx: Tx, looked: Iterable[str], found: Iterable[Discrepancy]) -> list[Discrepancy]:
    """Write what a look has found, and forget what is no more; answers what lasts and has no finding yet.

    Whoever is concerned is woken where that has changed: the resource, and the finding.
    """
    now, lasting, accounts = kernel.world.now_us(), list[Discrepancy](), set(looked)
    gone = {d[:3]: d for d in known(tx) if d.account in accounts}
    for d in found:
        is_new = gone.pop(d[:3], None) is None
        (looks,) = tx.execute(_SEEN, (*d, now)).fetchone()
        if is_new:
            _wake(tx, d, now)
        lasts = LOOKS if d.resource else 1
        if looks == lasts:
            findings.wake(kernel, tx, d)
        if looks >= lasts and not findings.exists(kernel, tx, d):
            lasting.append(d)
    for d in gone.values():
        tx.execute("DELETE FROM discrepancy WHERE account = ? AND thing = ? AND what = ?", d[:3])
        _wake(tx, d, now)
        findings.wake(kernel, tx, d)
    return lasting


def known(tx: Tx) -> list[Discrepancy]:
    """Everything that the last look has found."""
    return [Discrepancy(*row) for row in tx.execute(f"SELECT {', '.join(Discrepancy._fields)} FROM discrepancy")]


def _wake(tx: Tx, d: Discrepancy, now: int) -> None:
    if d.resource:
        work.due_now(tx, d.kind, d.resource, now)


_SEEN = """
INSERT INTO discrepancy (account, thing, what, kind, resource, place, detail, since_us, looks)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)
ON CONFLICT (account, thing, what) DO UPDATE SET kind = excluded.kind, resource = excluded.resource,
place = excluded.place, detail = excluded.detail, looks = discrepancy.looks + 1 RETURNING looks
"""
