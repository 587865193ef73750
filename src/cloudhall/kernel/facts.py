"""What a decision saw, kept once by its hash, so that the decision can be made again: policies, caller, resource.

Three sorts of body, each canonical JSON under the SHA-256 that names it in the log:

    {"policies": …, "schema": …}                   texts and vocabulary: one a release
    {"subject": {type, attrs, granted, scopes}}    one for each set of roles that somebody has held
    {"object": {attrs, becomes, node, places}}     the places, and those attributes that policies of the operation read

Ids of caller and resource stand in the entry and not here, so that all resources of a project that look the same to
policy share one row. Invariants: a row never changes; it is written no later than the entry that names it; no row is
deleted while the log is kept. Must never happen: an attribute here that no policy reads, as it may be personal data.

Cost: nothing but two look-ups of hashes once the facts are known to be on disk, which is from the first checkpoint
after their first use; one INSERT each before that.
"""

import functools
import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from cloudhall.kernel.policy import Object, Subject
from cloudhall.kernel.store import Tx

SCHEMA = """
CREATE TABLE IF NOT EXISTS decision_fact (hash TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
GOES_WITH = "GOES_WITH "
"""Begins the reason of an entry about what went with the resource named behind it."""
KNOWN_MAX = 100_000
"""Hashes remembered as stored, 10 MB; beyond that all are looked at anew."""
LOOKED_AT_MAX = 1_000
"""New hashes that a checkpoint looks at, 5 ms; the others are written again when they are used again."""

LAST_MAX = 4_096
_last: dict[str, tuple[Subject, "Scopes", "Fact"]] = {}
"""The last fact of each caller: roles change rarely, and `places.granted` gives the same object until they do."""
Items = tuple[tuple[str, Any, type], ...]
Scopes = tuple[str, ...] | None


class Fact(NamedTuple):
    """A body and the SHA-256 of it, in hex."""

    hash: str
    body: str


class Seen(NamedTuple):
    """What one decision went by; `policies` is the hash of the policy set."""

    policies: str
    subject: Fact
    object: Fact

    def named(self) -> dict[str, Any]:
        """Give the fields of an audit entry that tie it to this."""
        return {
            "policy_digest": self.policies,
            "subject_digest": self.subject[0],
            "object_digest": self.object[0],
            "seen": (self.subject, self.object),
        }


class Ruling(tuple[str, ...]):  # noqa: SLOT001  a tuple takes none
    """Ids of the policies that decided an operation, with what they were asked about."""

    operation: str
    subject: Subject
    object: Object

    @classmethod
    def of(cls, policies: Iterable[str], operation: str, subject: Subject, object_: Object) -> "Ruling":
        """Tie policies to what they saw."""
        ruling = cls(policies)
        ruling.operation, ruling.subject, ruling.object = operation, subject, object_
        return ruling


class Book:
    """Writes facts that are not on disk yet. `look` is called in the transaction of a checkpoint, `settle` behind it.

    What was written may still be undone with its transaction; only what a committed checkpoint has seen is known.
    """

    def __init__(self) -> None:
        """Nothing is known to be stored."""
        self._known: set[str] = set()
        self._fresh: set[str] = set()
        self._looked: tuple[int, set[str]] = (0, set())

    def keep(self, tx: Tx, facts: Iterable[Fact]) -> None:
        """Store what may be missing, in the transaction that names it."""
        for fact in facts:
            if fact.hash not in self._known:
                store(tx, fact)
                if len(self._fresh) < LOOKED_AT_MAX:
                    self._fresh.add(fact.hash)

    def look(self, tx: Tx, size: int) -> None:
        """See which of the new facts are there, in the transaction of the checkpoint of this size."""
        fresh, self._fresh = self._fresh | self._looked[1], set()
        self._looked = size, {hash_ for hash_ in fresh if body_of(tx, hash_) is not None}

    def settle(self, size: int) -> None:
        """Take what was seen as stored: the checkpoint of this size is committed."""
        if self._looked[0] == size:
            self._known = self._known | self._looked[1] if len(self._known) < KNOWN_MAX else set()
            self._looked = 0, set()


def store(tx: Tx, fact: Fact) -> None:
    """Write a fact where it is missing."""
    tx.execute("INSERT INTO decision_fact VALUES (?, ?) ON CONFLICT DO NOTHING", fact)


def body_of(tx: Tx, hash_: str) -> str | None:
    """Return what is stored under a hash, unchecked."""
    row = tx.execute("SELECT body FROM decision_fact WHERE hash = ?", (hash_,)).fetchone()
    return str(row[0]) if row else None


def hash_of(body: str) -> str:
    """Return the name of a body."""
    return hashlib.sha256(body.encode()).hexdigest()


def fact(content: Mapping[str, Any]) -> Fact:
    """Make a fact: sorted keys and sets, no spaces, UTF-8."""
    body = msgspec.json.encode(content, order="sorted").decode()
    return Fact(hash_of(body), body)


def subject_fact(subject: Subject, scopes: Scopes) -> Fact:
    """Who asked: type, attributes, roles held, and the scopes of the token, if one was used."""
    last = _last.get(subject.id)
    if last is None or last[0].granted is not subject.granted or (last[0].attrs, last[1]) != (subject.attrs, scopes):
        fact = _subject(subject.type, _items(subject.attrs), tuple(subject.granted.items()), scopes)
        if len(_last) > LAST_MAX:
            _last.clear()
        last = _last[subject.id] = subject, scopes, fact
    return last[2]


def object_fact(object_: Object, read: Collection[str], becomes: Mapping[str, Any] | None = None) -> Fact:
    """What it was about, as far as policies `read` it; `becomes` are the attributes that an update leads to."""
    node = object_.ancestors[:1] == (object_.id,)
    if not read:
        return _object(object_.ancestors[node:], node, (), None)
    own = {**object_.attrs, "id": object_.id}
    now, after = ({n: a[n] for n in read if n in a} for a in (own, {**becomes, "id": object_.id} if becomes else own))
    return _object(object_.ancestors[node:], node, _items(now), _items(after) if after != now else None)


def _items(attrs: Mapping[str, Any]) -> Items:
    """Attributes as a key, with their types: 1 and true are equal; what is no plain value counts as missing."""
    return tuple((n, v, type(v)) for n, v in attrs.items() if isinstance(v, str | int))


@functools.lru_cache(4_096)
def _subject(type_: str, attrs: Items, granted: tuple[tuple[str, frozenset[str]], ...], scopes: Scopes) -> Fact:
    plain = {name: value for name, value, _ in attrs}
    return fact({"subject": {"type": type_, "attrs": plain, "granted": dict(granted), "scopes": scopes}})


@functools.lru_cache(4_096)
def _object(places: tuple[str, ...], node: bool, attrs: Items, becomes: Items | None) -> Fact:  # noqa: FBT001  a key
    body: dict[str, Any] = {"places": places, "node": node, "attrs": {name: value for name, value, _ in attrs}}
    if becomes is not None:
        body["becomes"] = {name: value for name, value, _ in becomes}
    return fact({"object": body})
