"""Webhooks at work: one reader of the event log that queues deliveries, and a loop that sends what is due.

The reader moves its cursor in the transaction that queues, so each event is queued once for each webhook that wants it
and whose owner may see it. The sender writes what came of an attempt after it: a process killed in between sends that
one again under the same id. Every webhook is a task of its own, so one that is slow or dead holds up nobody else.
Events about webhooks that a controller observed are never delivered: each delivery could cause the next.
Cost: an event is read once, held against each webhook in use, and asked for once an owner.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cloudhall import __version__
from cloudhall.domains.identity import sessions
from cloudhall.domains.notices import deliveries, posting, rules
from cloudhall.domains.notices.deliveries import Attempt
from cloudhall.domains.notices.rules import Network
from cloudhall.domains.notices.webhook import Webhook
from cloudhall.kernel import credentials, events, places, work
from cloudhall.kernel.errors import CloudhallError, Invalid, Unauthenticated
from cloudhall.kernel.events import OBSERVE, Event
from cloudhall.kernel.sight import visible_ids
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import LIVE, Sort
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import event_to_wire
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

log = logging.getLogger(__name__)
EVERY_S, TRIM_EVERY_S = 0.5, 300.0
READER = "webhooks"
PAGE = 500
WEBHOOKS_MAX = 100_000
AT_ONCE_MAX = 500  # tasks, a connection each
NAME_LOOKUPS = 16  # threads; a name server that hangs holds one
ACCEPTED = range(200, 300)
HURRIED = ("resume", "retry")  # what people do who want it sent now
NOT_SEEN = "its owner may not see it"
WEBHOOK = Webhook.meta.key


VARIABLE = "CLOUDHALL_WEBHOOK_NETWORKS"


class Request(NamedTuple):
    """A delivery ready to be sent."""

    address: str
    headers: Mapping[str, str]
    body: bytes


class Dispatcher:
    """Reads on and sends; `turn()` is called again and again, by one thread."""

    def __init__(self, kernel: "Kernel", networks: Sequence[Network] = ()) -> None:
        """`networks` are those that are not public and may be called all the same."""
        self.kernel, self.networks = kernel, networks
        self.under_way: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def turn(self) -> None:
        """Queue what has happened since, then begin to send what is due."""
        while self.read_on() == PAGE:
            pass
        room, now_us = AT_ONCE_MAX - len(self.under_way), self.kernel.world.now_us()
        if not deliveries.any_due(self.kernel.store.read(), now_us):
            return
        claimed = self.kernel.store.write(lambda tx: deliveries.claim(tx, now_us, room)).result()
        for webhook in set(claimed) - self.under_way:
            self.under_way.add(webhook)
            asyncio.run_coroutine_threadsafe(self._send_all(webhook), self._running_loop())

    def trim(self) -> None:
        """Bound what is kept."""
        self.kernel.store.write(deliveries.trim).result()

    def read_on(self) -> int:
        """Queue deliveries for the next page of the log; answers how many events it held."""
        tx = self.kernel.store.read()
        since, head = events.cursor_of(tx, READER), events.head(tx)
        webhooks = self.kernel.tables[Webhook].page(tx, LIVE, Sort("id"), None, WEBHOOKS_MAX)
        found = self.kernel.history.after(tx, since, PAGE) if webhooks else []
        wanted = {w: self._wanted(w, found) for w in webhooks}
        moved_to = found[-1].revision if found else head

        def write(tx: Tx) -> None:
            if moved_to == since or events.cursor_of(tx, READER) != since:
                return  # nothing new, or another process has read this
            now_us = self.kernel.world.now_us()
            for webhook, revisions in wanted.items():
                if revisions:
                    deliveries.queue(tx, webhook.id, revisions, now_us)
            for event in found:
                if event.kind == WEBHOOK and event.verb in HURRIED:
                    deliveries.hurry(tx, event.id, now_us)
            events.move_cursor(tx, READER, moved_to)

        if moved_to != since:
            self.kernel.store.write(write).result()
        return len(found)

    def _wanted(self, webhook: Webhook, found: Sequence[Event]) -> list[int]:
        """Revisions that go to a webhook: what its filter takes, its pings, and what is to be replayed."""
        own = [e for e in found if e.kind == WEBHOOK and e.id == webhook.id]
        new = [e for e in found if e.at_us >= webhook.created_us]
        chosen = [] if webhook.spec.suspended else self._chosen(webhook, new)
        again = [r for e in own if e.verb == "replay" for r in self._replayed(webhook, e)]
        return [*again, *(e.revision for e in own if e.verb == "ping"), *chosen]

    def _chosen(self, webhook: Webhook, found: Iterable[Event]) -> list[int]:
        """Those that the filter takes, that happened where the webhook lies, and that its owner may see."""
        tx, spec = self.kernel.store.read(), webhook.spec
        taken = [e for e in found if rules.wants(spec.kinds, spec.verbs, e) and not (e.kind == WEBHOOK and _noise(e))]
        here = frozenset(places.within(tx, webhook.place)) if taken else frozenset[str]()
        taken = [e for e in taken if e.place in here or e.id in here]
        try:
            owner = sessions.acting_as(self.kernel, tx, spec.owner)
        except Unauthenticated:
            return []
        seen = visible_ids(self.kernel, owner, ((e.kind, e.id) for e in taken))
        return [e.revision for e in taken if e.id in seen]

    def _replayed(self, webhook: Webhook, event: Event) -> list[int]:
        asked = msgspec.json.decode(event.spec or "{}")
        first, last, tx, chosen = asked["replay_first"], asked["replay_last"], self.kernel.store.read(), list[int]()
        while found := [e for e in self.kernel.history.after(tx, first - 1, PAGE) if e.revision <= last]:
            pings = [e.revision for e in found if e.id == webhook.id and e.verb == "ping"]
            chosen += [*pings, *self._chosen(webhook, found)]
            first = found[-1].revision + 1
        return chosen

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_default_executor(ThreadPoolExecutor(NAME_LOOKUPS, thread_name_prefix="webhook-names"))
            threading.Thread(target=self._loop.run_forever, name="webhook-sender", daemon=True).start()
        return self._loop

    async def _send_all(self, webhook: str) -> None:
        """Send what waits for one webhook, one after the other, until nothing does or one fails."""
        try:
            while await self._send_next(webhook):
                pass
        except CloudhallError as error:  # the store is closing or broken; the lease runs out by itself
            log.warning("webhook %s: %s", webhook, error)
        except Exception:
            log.exception("webhook %s", webhook)
        finally:
            self.under_way.discard(webhook)

    async def _send_next(self, id_: str) -> bool:
        tx = self.kernel.store.read()
        webhook, revision = self.kernel.tables[Webhook].get(tx, id_), deliveries.oldest(tx, id_)
        if webhook is None or webhook.spec.suspended or revision is None:
            await self._written(lambda tx: _rest(tx, id_, revision))
            return False
        began_us = self.kernel.world.now_us()
        request = self._request(tx, webhook, revision, began_us)
        attempt = Attempt(began_us, reason=NOT_SEEN, final=True)
        if request is not None:
            attempt = await self._attempt(request, began_us)
            self.kernel.world.fault("webhook.post:after")
        return await self._written(lambda tx: self._record(tx, id_, revision, attempt))

    def _request(self, tx: Tx, webhook: Webhook, revision: int, now_us: int) -> Request | None:
        """Body and headers of a delivery; None for what the owner may not see any more."""
        (event,) = self.kernel.history.after(tx, revision - 1, 1)
        try:
            owner = sessions.acting_as(self.kernel, tx, webhook.spec.owner)
        except Unauthenticated:
            return None
        if not visible_ids(self.kernel, owner, [(event.kind, event.id)]):
            return None
        body, id_ = msgspec.json.encode(event_to_wire(event)), rules.message_id(webhook.id, revision)
        at_s, secret = now_us // SECOND_US, credentials.reveal(tx, self.kernel.keys, webhook.id)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Cloudhall/{__version__}",
            "webhook-id": id_,
            "webhook-timestamp": str(at_s),
            "webhook-signature": rules.signature(secret, id_, at_s, body),
        }
        return Request(webhook.spec.address, headers, body)

    async def _attempt(self, request: Request, began_us: int) -> Attempt:
        status, reason = 0, ""
        try:
            status = await posting.post(request.address, request.headers, request.body, self.networks)
            reason = "" if status in ACCEPTED else f"HTTP {status}"
        except posting.Undelivered as error:
            reason = str(error)
        ended_us = self.kernel.world.now_us()
        return Attempt(ended_us, (ended_us - began_us) // 1_000, status, reason)

    def _record(self, tx: Tx, webhook: str, revision: int, attempt: Attempt) -> bool:
        before = deliveries.line(tx, webhook)
        if before is None:
            return False  # deleted meanwhile
        pause_us = int(rules.backoff_s(before.failures, self.kernel.world.jitter()) * SECOND_US)
        go_on = deliveries.record(tx, webhook, revision, attempt, pause_us)
        after = deliveries.line(tx, webhook)
        if after and (before.failures >= deliveries.FAILING) != (after.failures >= deliveries.FAILING):
            work.due_now(tx, WEBHOOK, webhook, attempt.at_us)
        return go_on

    async def _written(self, run: Callable[[Tx], bool]) -> bool:
        return await asyncio.wrap_future(self.kernel.store.write(run))


def from_environment(kernel: "Kernel") -> Dispatcher:
    """Dispatcher that may call the networks of CLOUDHALL_WEBHOOK_NETWORKS besides public ones; raises `Invalid`."""
    try:
        return Dispatcher(kernel, rules.networks_of(os.environ.get(VARIABLE, "")))
    except ValueError as error:
        text = T(f"{VARIABLE} 不是网段列表：{error}", f"{VARIABLE} is no list of networks: {error}")
        raise Invalid(text, mend=T("例如 10.0.0.0/8,127.0.0.0/8", "Such as 10.0.0.0/8,127.0.0.0/8")) from error


def _noise(event: Event) -> bool:
    return event.verb == OBSERVE


def _rest(tx: Tx, webhook: str, seen: int | None) -> bool:
    """Let a line rest, unless something has come to wait since it was looked at."""
    if seen is None and deliveries.oldest(tx, webhook) is not None:
        return True
    deliveries.rest(tx, webhook)
    return False
