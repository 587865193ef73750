"""The first senders: a reader of the event log that tells people what concerns them.

Told are: a role given to you, or ending within 7 days; a request to join an organisation that you run; an operation of
yours that has ended; a resource of yours that needs you; a quota above 90 %. "Yours" is what you were the last person
to decide about, as long as you may see it.
The reader moves its cursor in the transaction that writes the notices; what happened more than 7 days before is no
news to anybody.
Cost: an event costs a look-up or two by key, one that a controller observed those of its row; `tell_endings` reads
every role with an end, once an hour (30,000 in 20 ms).
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cloudhall.domains.identity import sessions
from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.domains.identity.person import Person
from cloudhall.domains.notices import inbox
from cloudhall.domains.notices.inbox import About
from cloudhall.kernel import events, office, places, quotas
from cloudhall.kernel.errors import Unauthenticated
from cloudhall.kernel.events import OBSERVE, Event
from cloudhall.kernel.kinds import Kind, Quota
from cloudhall.kernel.operations import ENDS, Operation
from cloudhall.kernel.outcomes import Condition
from cloudhall.kernel.roles import ORG_ADMIN, ROLES
from cloudhall.kernel.sight import visible_ids
from cloudhall.kernel.store import Tx
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import state_of
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

EVERY_S, ENDINGS_EVERY_S = 2.0, 3_600.0
READER = "notices"
PAGE = 500
NEWS_US = AHEAD_US = 7 * 86_400 * SECOND_US
FULL_PERCENT = 90
HOLDERS_MAX = 20
DECISIONS_MAX = 100  # that are looked through for one of a person
GIVEN = T("你得到一项角色", "You have been given a role")
ASKED = T("有人申请加入你的单位", "Somebody asks to join your organisation")
ENDING = T("你的一项角色即将到期", "A role of yours ends soon")
ENDED = T("一项操作已结束", "An operation has ended")
TROUBLE = T("一项资源需要你处理", "A resource needs you")
FULL = T("一项配额即将用完", "A quota is nearly used up")


class Telling(NamedTuple):
    """Somebody to be told."""

    to: tuple[str, ...]
    what: T
    about: About
    headline: T
    key: str


class Teller:
    """`turn()` reads on, `tell_endings()` looks at the calendar."""

    def __init__(self, kernel: "Kernel") -> None:
        """`kernel` gives store, tables and registry."""
        self.kernel = kernel

    def turn(self) -> None:
        """Read on to the head of the log."""
        while self._read_on() == PAGE:
            pass

    def tell_endings(self) -> None:
        """Tell whoever holds a role that ends soon."""
        now_us, tx = self.kernel.world.now_us(), self.kernel.store.read()
        sql = "SELECT id, subject, role, place, expires_us FROM role_grant WHERE expires_us > ? AND expires_us <= ?"
        found = [self._ending(tx, *row) for row in tx.execute(sql, (now_us, now_us + AHEAD_US)).fetchall()]
        if found:
            self.kernel.store.write(lambda tx: self._tell(tx, found)).result()

    def _read_on(self) -> int:
        tx = self.kernel.store.read()
        since = events.cursor_of(tx, READER)
        found = self.kernel.history.after(tx, since, PAGE)
        old_us = self.kernel.world.now_us() - NEWS_US
        tellings = [telling for event in found if event.at_us > old_us for telling in self._of(tx, event)]

        def write(tx: Tx) -> None:
            if events.cursor_of(tx, READER) == since:  # else another process has read this
                self._tell(tx, tellings)
                for event in found:
                    if event.kind == Person.meta.key and event.verb == "remove":
                        inbox.forget(tx, event.id)
                events.move_cursor(tx, READER, found[-1].revision)

        if found:
            self.kernel.store.write(write).result()
        return len(found)

    def _tell(self, tx: Tx, tellings: Iterable[Telling]) -> None:
        now_us = self.kernel.world.now_us()
        for t in tellings:
            inbox.tell(tx, t.to, t.what, t.about, headline=t.headline, key=t.key, now_us=now_us)

    def _of(self, tx: Tx, event: Event) -> Iterator[Telling]:
        """What an event gives to tell."""
        kind = self.kernel.registry.kinds.get(event.kind)
        if kind is None:
            return  # of a domain that this release no longer has
        if event.verb == OBSERVE:
            row = self.kernel.tables[kind].get(tx, event.id)
            if row is not None:
                yield from self._of_row(tx, row)
        elif event.kind == Grant.meta.key and event.verb == "create":
            yield self._given(tx, event)
        elif event.kind == JoinRequest.meta.key and event.verb == "create":
            yield self._asked(tx, event)
        for quota in kind.meta.quotas if event.verb != OBSERVE else ():
            yield from self._of_quota(tx, event, quota)

    def _of_row(self, tx: Tx, row: Kind[Any, Any]) -> Iterator[Telling]:
        """An operation that has ended, a resource in trouble: to whoever decided last, if they may see it."""
        trouble = _trouble(row)
        ended = row.status.ended if isinstance(row, Operation) else ""
        if not trouble and not ended:
            return
        about, title, name = About(type(row).meta.key, row.id), type(row).meta.title, row.name
        owner = self._owner(tx, row.spec.target if isinstance(row, Operation) else row.id)
        if not owner or not self._may_see(tx, owner, about):
            return
        if ended:
            what = T(f"操作“{name}”：{ENDS[ended].zh}", f"Operation {name}: {ENDS[ended].en.lower()}")
            yield Telling((owner,), what, about, ENDED, f"{row.id}/{ended}")
        elif trouble:
            why = trouble.text
            what = T(f"{title.zh}“{name}”需要处理：{why.zh}", f"{title.en} {name} needs you: {why.en}")
            yield Telling((owner,), what, about, TROUBLE, f"{row.id}/{trouble.type}/{trouble.since_us}")

    def _given(self, tx: Tx, event: Event) -> Telling:
        spec = msgspec.json.decode(event.spec or "{}")
        role, place = ROLES[spec["role"]], self._name(tx, event.place)
        what = T(f"你在“{place}”得到角色“{role.zh}”", f"You have been given the role {role.en} on {place}")
        return Telling(self._people(tx, [spec["subject"]]), what, About(event.kind, event.id), GIVEN, event.id)

    def _asked(self, tx: Tx, event: Event) -> Telling:
        """A request to join: to whoever runs the organisation."""
        spec, place = msgspec.json.decode(event.spec or "{}"), self._name(tx, event.place)
        name, why = spec["display_name"], spec["reason"]
        what = T(f"{name} 申请加入“{place}”：{why}", f"{name} asks to join {place}: {why}")
        above = places.ancestors(tx, event.place)
        holders = places.holders(tx, ORG_ADMIN, above, self.kernel.world.now_us(), HOLDERS_MAX)
        return Telling(self._people(tx, holders), what, About(event.kind, event.id), ASKED, event.id)

    def _ending(self, tx: Tx, id_: str, subject: str, role: str, place: str, expires_us: int) -> Telling:
        title, name, day = ROLES[role], self._name(tx, place), office.day_of(expires_us)
        what = T(f"你在“{name}”的角色“{title.zh}”将于 {day} 到期", f"Your role {title.en} on {name} ends on {day}")
        key = f"{id_}/ends/{expires_us}"
        return Telling(self._people(tx, [subject]), what, About(Grant.meta.key, id_), ENDING, key)

    def _of_quota(self, tx: Tx, event: Event, quota: Quota) -> Iterator[Telling]:
        """A quota that is nearly used up: to whoever came near it and who runs the organisation, once a month."""
        room = quotas.room(tx, event.place, quota)
        if room.used * 100 <= room.room * FULL_PERCENT:
            return
        now_us, place = self.kernel.world.now_us(), self._name(tx, event.place)
        above = places.ancestors(tx, event.place)
        holders = places.holders(tx, ORG_ADMIN, above, now_us, HOLDERS_MAX)
        used = f"{room.used:,} / {room.room:,} {quota.unit}"
        what = T(f"“{place}”的配额“{quota.title.zh}”已用 {used}", f"{quota.title.en} of {place}: {used} used")
        key = f"{event.place}/{quota.key}/{room.room}/{office.day_of(now_us):%Y-%m}"
        about = About(event.kind, event.id)
        yield Telling(self._people(tx, [event.actor, *holders]), what, about, FULL, key)

    def _owner(self, tx: Tx, id_: str) -> str:
        """Whoever was the last person to decide about a resource; nobody for one that programs alone made."""
        prefix = Person.meta.prefix
        sql = "SELECT actor FROM event WHERE id = ? AND verb <> ? AND actor LIKE ? ORDER BY revision DESC LIMIT 1"
        row = tx.execute(sql, (id_, OBSERVE, f"{prefix}-%")).fetchone()
        if row or events.first_archived(tx, id_) is None:
            return str(row[0]) if row else ""
        old = self.kernel.history.of_resource(tx, id_, DECISIONS_MAX)
        return next((e.actor for e in old if e.actor.startswith(f"{prefix}-")), "")

    def _may_see(self, tx: Tx, person: str, about: About) -> bool:
        try:
            caller = sessions.acting_as(self.kernel, tx, person)
        except Unauthenticated:
            return False
        return bool(visible_ids(self.kernel, caller, [about]))

    def _people(self, tx: Tx, ids: Iterable[str]) -> tuple[str, ...]:
        """Those of some ids who are people of ours, each once."""
        return tuple(id_ for id_ in dict.fromkeys(ids) if self.kernel.tables[Person].get(tx, id_) is not None)

    def _name(self, tx: Tx, place: str) -> str:
        kind = self.kernel.registry.by_prefix.get(place[:2])
        row = self.kernel.tables[kind].get(tx, place) if kind and kind.meta.place else None
        return row.name if row else place


def _trouble(row: Kind[Any, Any]) -> Condition | None:
    """The condition for which a resource has failed or needs attention, as its state is derived."""
    if state_of(row) not in {"failed", "attention"}:
        return None
    stalled, ready = row.condition("Stalled"), row.condition("Ready")
    if (stalled and stalled.status) or (ready and ready.blocked):
        return stalled if stalled and stalled.status else ready
    return next((c for c in row.status.conditions if not c.status and c.type not in {"Ready", "Stalled"}), None)
