"""What the soak was told: every change that was acknowledged, and every request whose answer never came.

A change goes out under an idempotency key and is open until its answer; what is open when the server dies is sent again
after the restart and must then be answered, having happened exactly once. For objects, which know no such key, all
contents are kept that may lie there: one while everything is acknowledged, more after an answer that never came.
"""

import collections
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.e2e.api import Answer, Api

DEVELOPER, ADMIN = "chen-xiaolan", "zhou-hang"
VERBS = {"POST": "create", "PATCH": "update", "DELETE": "delete"}
KINDS = {"projects": "identity.project", "buckets": "storage.bucket", "access-keys": "storage.access_key"}
AWAY = {(503, "UNAVAILABLE", reason) for reason in ("STORE", "OUTCOME_UNKNOWN")}
ABSENT = ""


class Change(NamedTuple):
    """One change of the API, as it goes out each time."""

    key: str
    who: str
    method: str
    plural: str
    target: str = ""
    body: Any = None

    def send(self, api: Api, **query: str) -> Answer:
        """Send it, for the first time or again."""
        path = f"{self.plural}/{self.target}" if self.target else self.plural
        return api.send(self.method, path, self.body, {"Idempotency-Key": self.key}, **query)


class Revoked(NamedTuple):
    """An access key that must not work any more, and since when that is acknowledged."""

    row: Mapping[str, Any]
    at_s: float


class Refused(Exception):
    """The server said no to a change that it should have made."""


class Away(Exception):
    """The server said that its database is away, or went away while it was told."""


def given(asked: object, answer: Answer) -> Any:
    """Body of an answer; raises `Away` for a clear word that the database is not there, `Refused` for all else."""
    if answer.status < 300:
        return answer.body
    told = (answer.status, answer.body.get("code"), answer.body.get("reason"))
    if told in AWAY and answer.body["how"]:
        raise Away(f"{asked}: {told}")
    raise Refused(f"{asked}: {answer.status} {answer.body}")


class Ledger:
    """Shared by all threads of a campaign."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.live: dict[str, dict[str, dict[str, Any]]] = {plural: {} for plural in KINDS}
        self.revoked: dict[str, Revoked] = {}
        self.open: dict[str, Change] = {}
        self.leaves: collections.Counter[tuple[str, str]] = collections.Counter()
        self.objects: dict[tuple[str, str], set[str]] = {}
        self.touched: set[tuple[str, str]] = set()
        self.changes = self.writes = 0
        self.totals_s = 0.0  # longest that a bucket's totals took to be right after a restart
        self.killed_s = 0.0
        self.trouble_s = (0.0, 0.0)  # since when something behind the server was away, and until when
        self.kept = ""  # the newest signed head of the log that was shown to us

    def change(self, api: Api, change: Change, **query: str) -> dict[str, Any]:
        """Send a change and note its answer; raises `Unanswered` and leaves it open when none came."""
        with self.lock:
            self.open[change.key] = change
        return self.note(change, change.send(api, **query))

    def note(self, change: Change, answer: Answer) -> dict[str, Any]:
        """Keep what an answer acknowledges."""
        row: dict[str, Any] = given(change, answer)
        with self.lock:
            del self.open[change.key]
            self.changes += 1
            id_ = change.target or row["id"]
            self._leaf(change.plural, id_, VERBS[change.method])
            if change.method == "DELETE":
                self._gone(change.plural, id_)
            else:
                # A secret is told once, by the answer to the create.
                self.live[change.plural][id_] = self.live[change.plural].get(id_, {}) | row
        return row

    def rows(self, plural: str, prefix: str = "") -> list[dict[str, Any]]:
        """Live rows whose names begin so."""
        with self.lock:
            return [row for row in self.live[plural].values() if row["name"].startswith(prefix)]

    def keys_of(self, bucket: str) -> list[dict[str, Any]]:
        """Live keys of a bucket."""
        return [key for key in self.rows("access-keys") if key["spec"]["bucket"] == bucket]

    def begin(self, at: tuple[str, str], content: str) -> set[str]:
        """An object is about to be written (or, with `ABSENT`, deleted); answers what may lie there until then."""
        with self.lock:
            before = self.objects.get(at, {ABSENT})
            self.objects[at] = before | {content}
            self.touched.add(at)
            return before

    def done(self, at: tuple[str, str], content: str) -> None:
        """It was acknowledged."""
        with self.lock:
            self.objects[at] = {content}
            self.writes += 1

    def undone(self, at: tuple[str, str], before: set[str]) -> None:
        """It was refused: nothing has changed."""
        with self.lock:
            self.objects[at] = before

    def alive_at(self, at_s: float) -> bool:
        """Whether the server was not yet killed at a time."""
        return not self.killed_s or at_s < self.killed_s

    def calm(self, from_s: float, to_s: float) -> bool:
        """Whether the server lived at both times, and nothing behind it was away in between."""
        began, ended = self.trouble_s
        return self.alive_at(to_s) and (to_s < began or ended < from_s)

    def _gone(self, plural: str, id_: str) -> None:
        row = self.live[plural].pop(id_)
        if plural == "access-keys":
            self.revoked[id_] = Revoked(row, time.monotonic())
        elif plural == "buckets":
            for key in self.keys_of(id_):
                self._leaf("access-keys", key["id"], "delete")
                self._gone("access-keys", key["id"])

    def _leaf(self, plural: str, id_: str, verb: str) -> None:
        self.leaves[id_, f"{KINDS[plural]}:{verb}"] += 1
