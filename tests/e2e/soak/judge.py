"""Judgement after a restart, through the public doors: what was acknowledged against what is there."""

import hashlib
import json
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError

from cloudhall import verify
from tests.e2e.api import Api, until
from tests.e2e.soak.ledger import ABSENT, ADMIN, DEVELOPER, KINDS, Ledger
from tests.e2e.soak.load import KEEPER, Doors

AUDITOR = "he-chuan"
IN_FORCE_S = 10.0
SETTLED_S = 20.0
TOTALS_S = 60.0  # counted anew after a kill, behind all else that a restart does on a busy machine
SAMPLE = 20
SETTLING = 0.3  # share of restarts after which the totals are awaited: they are settled by the stream's heartbeat, 5 s


class Judge:
    """One restart's judgement; every method yields what is wrong, one line each, and repairs nothing."""

    def __init__(self, ledger: Ledger, doors: Doors, apis: Mapping[str, Api], chance: random.Random) -> None:
        self.ledger, self.doors, self.apis, self.chance = ledger, doors, apis, chance

    def all(self, *, every: bool = False) -> Iterator[str]:
        """Everything; with `every` each object is read and each revoked key tried, not only some."""
        yield from self.revoked_keys(every=every)
        self.answer_open()
        yield from self.rows()
        yield from self.live_keys()
        yield from self.objects(every=every)
        if every or self.chance.random() < SETTLING:
            yield from self.stored()
        yield from self.log()
        yield from self.revoked_keys(every=every)

    def answer_open(self) -> None:
        """Send again what got no answer, under the same keys: it must be answered now, as done once."""
        for change in list(self.ledger.open.values()):
            self.ledger.note(change, change.send(self.apis[change.who]))

    def revoked_keys(self, *, every: bool) -> Iterator[str]:
        """A key that was revoked before the restart works at no moment after it."""
        old = list(self.ledger.revoked.values())
        some = old if every else [*old[-SAMPLE:], *self.chance.sample(old, min(SAMPLE, len(old)))]
        yield from (f"revoked key {r.row['id']} works" for r in some if not self.doors.revoked(r.row))

    def live_keys(self) -> Iterator[str]:
        """Every live key works, soon."""
        for key in self.ledger.rows("access-keys"):
            bucket = self.ledger.live["buckets"][key["spec"]["bucket"]]["name"]
            if _soon(lambda key=key, bucket=bucket: self.doors.works(key, bucket), IN_FORCE_S):
                key["state"] = "ready"
            else:
                yield f"live key {key['id']} is refused"

    def rows(self) -> Iterator[str]:
        """Each acknowledged row is there once, as acknowledged last; what was deleted goes; nothing else is there."""
        for plural in KINDS:
            api = self.apis[ADMIN if plural == "projects" else DEVELOPER]
            if not _soon(lambda api=api, plural=plural: not _leaving(api, plural), SETTLED_S):
                yield f"{plural} stay in deletion: {[row['id'] for row in _leaving(api, plural)]}"
            there = {row["id"]: row for row in _ours(api, plural)}
            known = self.ledger.live[plural]
            yield from (f"{plural}: {known[id_]['name']} is lost" for id_ in known.keys() - there.keys())
            yield from (f"{plural}: {there[id_]['name']} is there unasked" for id_ in there.keys() - known.keys())
            for id_ in known.keys() & there.keys():
                if (there[id_]["spec"], there[id_]["name"]) != (known[id_]["spec"], known[id_]["name"]):
                    yield f"{plural}: {id_} is {there[id_]['spec']}, acknowledged was {known[id_]['spec']}"
                known[id_] |= there[id_]

    def objects(self, *, every: bool) -> Iterator[str]:
        """Each object holds what was acknowledged; what got no answer is either there or not."""
        for bucket in self.ledger.rows("buckets", KEEPER):
            lie = {(bucket["name"], o["Key"]): o["ETag"].strip('"') for o in self._listed(bucket)}
            known = {at: digests for at, digests in self.ledger.objects.items() if at[0] == bucket["name"]}
            yield from (f"object {at} is there unasked" for at in lie.keys() - known.keys())
            for at, digests in known.items():
                found = lie.get(at, ABSENT)
                if found not in digests:
                    yield f"object {at} is {found or 'absent'}, acknowledged was {digests}"
                self.ledger.objects[at] = {found}
            touched = set(lie) if every else self.ledger.touched & lie.keys()
            yield from (f"object {at} reads otherwise than listed" for at in touched if self._read(at) != lie[at])
        self.ledger.touched.clear()

    def stored(self) -> Iterator[str]:
        """Status of each bucket, once settled, says what a full listing says."""
        api = self.apis[DEVELOPER]
        for bucket in self.ledger.rows("buckets", KEEPER):
            listed = self._listed(bucket)
            held = {"objects": len(listed), "stored_bytes": sum(o["Size"] for o in listed)}
            path, began = f"buckets/{bucket['id']}", time.monotonic()
            if not _soon(lambda held=held, path=path: held.items() <= api.get(path)["status"].items(), TOTALS_S):
                yield f"bucket {bucket['name']} holds {held}, its status says {api.get(path)['status']}"
            self.ledger.totals_s = max(self.ledger.totals_s, time.monotonic() - began)

    def log(self) -> Iterator[str]:
        """The log continues the newest head that was shown before the kill, and proves an entry under its new one."""
        auditor = self.apis[AUDITOR]
        pinned = auditor.get("audit/verifier-key").decode().strip()
        newest = auditor.get("audit", page_size=1)["items"][0]["index"]
        kept = self.ledger.kept or auditor.get("audit/checkpoint").decode()
        size = int(kept.splitlines()[1])
        index = self.chance.randint(0, newest)
        proof = auditor.get(f"audit/entries/{index}/proof", kept_size=size)
        findings = verify.check(json.dumps(proof).encode(), [pinned], kept)
        yield from (f"log: {f.about.en}: {f.detail.en}" for f in findings if not f.ok)

    def _listed(self, bucket: Mapping[str, Any]) -> list[dict[str, Any]]:
        pages = self._client(bucket["id"]).get_paginator("list_objects_v2").paginate(Bucket=bucket["name"])
        return [o for page in pages for o in page.get("Contents", [])]

    def _read(self, at: tuple[str, str]) -> str:
        (bucket,) = self.ledger.rows("buckets", at[0])
        content = self._client(bucket["id"]).get_object(Bucket=at[0], Key=at[1])["Body"].read()
        return hashlib.md5(content, usedforsecurity=False).hexdigest()

    def _client(self, bucket: str) -> Any:
        return self.doors.client(next(k for k in self.ledger.keys_of(bucket) if k["name"].startswith(KEEPER)))


def _ours(api: Api, plural: str) -> list[dict[str, Any]]:
    """Rows of the campaign, by their names."""
    return [row for row in api.items(plural) if row["name"].startswith(("soak-", KEEPER))]


def _leaving(api: Api, plural: str) -> list[dict[str, Any]]:
    return [row for row in _ours(api, plural) if "deleting_at" in row]


def _soon(ask: Any, within_s: float) -> bool:
    """Whether something becomes true in time; an engine that does not answer yet is not yet."""

    def asked() -> bool:
        try:
            return bool(ask())
        except BotoCoreError:
            return False

    try:
        return bool(until(asked, within_s))
    except AssertionError:
        return False
