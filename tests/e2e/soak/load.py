"""Load on both doors at once: people change things through the API, programs write objects through S3."""

import hashlib
import itertools
import random
import threading
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.api import Api, Unanswered
from tests.e2e.clients import Door
from tests.e2e.soak.ledger import ABSENT, ADMIN, DEVELOPER, Away, Change, Ledger, given

ORGANISATION = "economy-information"
KEEPER = "keeper-"  # projects, buckets and keys that stay, and hold what comes and goes
NOBODYS = "nobodys-bucket"
REVOKED_WITHIN_S = 1.0
AGAIN_S = 0.1
NAMES = 40  # of objects, for each writer and bucket
LIMITS = {"projects": 6, "buckets": 8, "access-keys": 12}


class Doors:
    """S3 clients by access key, made once each."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], Any] = {}
        self.address = {"endpoint": "", "region": "us-east-1"}

    def client(self, key: Mapping[str, Any]) -> Any:
        """A client that signs with a key."""
        at = (self.address["endpoint"], key["id"])
        if at not in self._clients:
            door = Door({"name": "", "status": self.address}, key)
            self._clients[at] = door.s3(connect_timeout=2, read_timeout=10, max_pool_connections=4)
        return self._clients[at]

    def close(self) -> None:
        """Let go of all connections; the next request of a key takes a new one."""
        while self._clients:
            self._clients.popitem()[1].close()

    def works(self, key: Mapping[str, Any], bucket: str) -> bool:
        """Whether a key lists its bucket; raises when the engine does not answer."""
        return self._code(key, bucket) == ""

    def revoked(self, key: Mapping[str, Any]) -> bool:
        """Whether the engine knows nothing of a key; one that it knows is told AccessDenied at a bucket not its own."""
        return self._code(key, NOBODYS) == "InvalidAccessKeyId"

    def _code(self, key: Mapping[str, Any], bucket: str) -> str:
        try:
            self.client(key).list_objects_v2(Bucket=bucket, MaxKeys=1)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
                return str(error.response["Error"]["Code"])  # also of a bucket that is acknowledged and not made yet
            raise
        return ""


class Load:
    """The threads of one cycle, from `start` to `join`; what they found wrong is in `wrong`."""

    def __init__(self, ledger: Ledger, doors: Doors, apis: dict[str, Api], seed: str) -> None:
        self.ledger, self.doors = ledger, doors
        self.wrong: list[str] = []
        self.revoked_ms: list[float] = []
        self._numbers = itertools.count()
        self._seed = seed
        self._over = threading.Event()
        workers = [self._people, self._people, self._program, self._program]
        self._threads = [
            threading.Thread(target=self._run, args=(work, number, {w: a.again() for w, a in apis.items()}))
            for number, work in enumerate(workers)
        ]

    def start(self) -> None:
        """Let them go."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each finish what it is at; for a city that lives on."""
        self._over.set()

    def join(self) -> None:
        """Wait until each has finished, or found its door closed."""
        for thread in self._threads:
            thread.join()

    def _run(self, work: Any, number: int, apis: dict[str, Api]) -> None:
        try:
            work(random.Random(f"{self._seed}/{number}"), number, apis)  # noqa: S311  replayable on purpose
        except (*Unanswered, BotoCoreError, Away) as error:
            if self.ledger.alive_at(time.monotonic()):
                self.wrong.append(f"a request was not answered although nobody had killed anything: {error!r}")
        except Exception as error:  # noqa: BLE001  whatever it is, the campaign reports it
            self.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            for api in apis.values():
                api.close()

    def _people(self, chance: random.Random, number: int, apis: dict[str, Api]) -> None:
        """Create, change and delete until nobody answers; each thread touches only what it made itself."""
        mark = f"soak-{number}-"
        while not self._over.is_set():
            plural = chance.choice(("projects", "buckets", "buckets", "access-keys", "access-keys", "access-keys"))
            mine = [row for row in self.ledger.rows(plural) if row["name"].startswith(mark)]
            api = apis[ADMIN if plural == "projects" else DEVELOPER]
            if plural == "buckets" and mine and chance.random() < 0.3:
                body = {"spec": {"quota_gib": chance.randint(1, 4)}}
                self._change(api, "PATCH", plural, chance.choice(mine)["id"], body)
            elif len(mine) >= LIMITS[plural] or (mine and chance.random() < 0.4):
                self._delete(api, plural, chance.choice(mine))
            else:
                self._create(api, plural, mark, chance)
            if chance.random() < 0.1:
                self._keep_head(api)

    def _create(self, api: Api, plural: str, mark: str, chance: random.Random) -> None:
        body: dict[str, Any] = {"name": f"{mark}{self._seed}-{next(self._numbers)}"}
        if plural == "projects":
            body |= {"organisation": ORGANISATION, "spec": {"title_zh": "长跑"}}
        elif plural == "buckets":
            project = chance.choice([row["id"] for row in self.ledger.rows("projects", KEEPER)])
            body |= {"project": project, "spec": {"quota_gib": chance.randint(1, 4), "grade": "open"}}
        else:
            bucket = chance.choice([*self.ledger.rows("buckets", mark), *self.ledger.rows("buckets", KEEPER)])
            body |= {"project": bucket["project"], "spec": {"bucket": bucket["id"]}}
        wait = {"wait": "5s"} if plural == "access-keys" and chance.random() < 0.5 else {}
        self._change(api, "POST", plural, "", body, **wait)

    def _delete(self, api: Api, plural: str, row: dict[str, Any]) -> None:
        self._change(api, "DELETE", plural, row["id"])
        if plural == "access-keys":
            self._await_refusal(row)

    def _change(self, api: Api, method: str, plural: str, target: str, body: Any = None, **query: str) -> None:
        who = ADMIN if plural == "projects" else DEVELOPER
        key = f"soak/{self._seed}/{next(self._numbers)}/{method}"
        change, began = Change(key, who, method, plural, target, body), time.monotonic()
        try:
            self.ledger.change(api, change, **query)
        except (*Unanswered, Away):
            if not self._excused(began):
                raise
            self._again(api, change)

    def _again(self, api: Api, change: Change) -> None:
        """Send a change under its key until it is answered, as a client does whose server has lost its database."""
        while True:
            time.sleep(AGAIN_S)
            began = time.monotonic()
            try:
                self.ledger.note(change, change.send(api))
                return
            except (*Unanswered, Away):
                if not self._excused(began):
                    raise

    def _keep_head(self, api: Api) -> None:
        """Remember the newest signed head of the log, as whoever will ask for its continuation does."""
        began = time.monotonic()
        try:
            self.ledger.kept = given("checkpoint", api.send("GET", "audit/checkpoint")).decode()
        except (*Unanswered, Away):
            if not self._excused(began):
                raise

    def _excused(self, began_s: float) -> bool:
        """Whether something was away meanwhile that is about to come back."""
        now_s = time.monotonic()
        return self.ledger.alive_at(now_s) and not self.ledger.calm(began_s, now_s)

    def _await_refusal(self, key: dict[str, Any]) -> None:
        """A revoked key is refused within a second, as long as server and database live to see to it."""
        began = asked = time.monotonic()
        while not self.doors.revoked(key):
            if asked - began > REVOKED_WITHIN_S:  # when it was asked: the answer may have taken its time
                if self.ledger.calm(began, began + REVOKED_WITHIN_S):
                    self.wrong.append(f"key {key['id']} was known {asked - began:.2f} s after its revocation")
                return
            asked = time.monotonic()
        if self.ledger.calm(began, asked):
            self.revoked_ms.append((asked - began) * 1_000)

    def _program(self, chance: random.Random, number: int, _apis: dict[str, Api]) -> None:
        """Read, put, replace and delete objects until the engine is gone."""
        while not self._over.is_set():
            bucket = chance.choice(self.ledger.rows("buckets", KEEPER))
            key = chance.choice([k for k in self.ledger.keys_of(bucket["id"]) if k["state"] == "ready"])
            at = (str(bucket["name"]), f"{number}/{chance.randrange(NAMES)}")
            content = b"" if chance.random() < 0.25 else chance.randbytes(chance.randrange(1, 20_000))
            try:
                if chance.random() < 0.2:
                    self._read(key, at)
                else:
                    self._write(key, at, content)
            except ClientError as error:
                self._refused(key, error)

    def _read(self, key: Mapping[str, Any], at: tuple[str, str]) -> None:
        """What was written by this thread and acknowledged is read by it."""
        digests = self.ledger.objects.get(at, {ABSENT})
        if ABSENT not in digests:
            content = self.doors.client(key).get_object(Bucket=at[0], Key=at[1])["Body"].read()
            if _digest(content) not in digests:
                self.wrong.append(f"object {at} reads otherwise than written")

    def _write(self, key: Mapping[str, Any], at: tuple[str, str], content: bytes) -> None:
        """Put an object, or delete it where there is no content."""
        client, (bucket, name) = self.doors.client(key), at
        before = self.ledger.begin(at, _digest(content))
        try:
            if content:
                client.put_object(Bucket=bucket, Key=name, Body=content)
            else:
                client.delete_object(Bucket=bucket, Key=name)
        except ClientError as error:
            if _forbidden(error):
                self.ledger.undone(at, before)
            raise
        self.ledger.done(at, _digest(content))

    def _refused(self, key: Mapping[str, Any], error: ClientError) -> None:
        """A refusal is right where the key is being revoked; a failure is right where the engine is going."""
        if _forbidden(error):
            leaving = {change.target for change in list(self.ledger.open.values())} | self.ledger.revoked.keys()
            if key["id"] not in leaving:
                self.wrong.append(f"live key {key['id']} was refused: {error}")
        elif self.ledger.alive_at(time.monotonic()):
            self.wrong.append(f"the engine failed: {error}")


def _digest(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest() if content else ABSENT


def _forbidden(error: ClientError) -> bool:
    return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == 403)
