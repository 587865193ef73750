"""Clients that write and read while parts of a cluster die, and remember all that they were told is written."""

import contextlib
import hashlib
import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cloudhall.drivers.objects import Key

SMALLEST, LARGEST = 1_000, 200_000
PAUSE_S = 0.02
"""Between the requests of a client: what is measured is what happens to them, not how many fit."""


class Asked(NamedTuple):
    """One request: when it was sent and answered (monotonic s), and whether it did what was asked."""

    kind: str
    sent_s: float
    answered_s: float
    ok: bool


class Load:
    """Writers and readers on all gateways; a client that fails goes on at the next one, as behind a load balancer."""

    def __init__(self, endpoints: tuple[str, ...], key: Key, bucket: str, seed: int = 1) -> None:
        self._clients = [client(endpoint, key) for endpoint in endpoints]
        self._bucket = bucket
        self._seed = seed
        self._stopping = threading.Event()
        self.written: dict[str, str] = {}
        self.asked: list[Asked] = []
        self.wrong: list[str] = []

    @contextmanager
    def running(self, writers: int = 3, readers: int = 2) -> Iterator["Load"]:
        """Load until the block ends."""
        threads = [threading.Thread(target=self._write, args=(n,)) for n in range(writers)]
        threads += [threading.Thread(target=self._read, args=(n,)) for n in range(readers)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def lost(self) -> list[str]:
        """Read everything that was written: keys that are missing or differ, and those that a reader found so."""
        return self.wrong + [key for key, md5 in self.written.items() if self._stored(key) != md5]

    def failed(self, kind: str) -> int:
        """How many requests of one kind failed."""
        return sum(not asked.ok for asked in self.asked if asked.kind == kind)

    def errors_s(self, since_s: float) -> float:
        """From a fault to the last answer that said no; 0 where none did."""
        return max((asked.answered_s - since_s for asked in self.asked if not asked.ok), default=0)

    def longest_s(self, kind: str, since_s: float) -> float:
        """Longest wait for the answer to a request of one kind that was answered after some moment."""
        late = (a for a in self.asked if a.kind == kind and a.answered_s > since_s)
        return max((asked.answered_s - asked.sent_s for asked in late), default=0)

    def _write(self, number: int) -> None:
        drawn = random.Random(f"{self._seed}-{number}")  # noqa: S311  sizes, not secrets
        for count in itertools.count():
            if self._stopping.is_set():
                return
            key, body = f"w{number}/{count}", os.urandom(drawn.randint(SMALLEST, LARGEST))
            if self._ask("put", number + count, partial(self._put, key, body)) is not None:
                self.written[key] = md5_of(body)

    def _read(self, number: int) -> None:
        drawn = random.Random(f"{self._seed}-r{number}")  # noqa: S311  keys, not secrets
        for count in itertools.count(number):
            if self._stopping.is_set():
                return
            if keys := list(self.written):
                key = drawn.choice(keys)
                body = self._ask("get", count, partial(self._got, key))
                if body is not None and md5_of(body) != self.written[key]:
                    self.wrong.append(key)

    def _ask(self, kind: str, turn: int, call: Callable[[Any], bytes]) -> bytes | None:
        """Ask one gateway after the other; None when it failed."""
        sent_s, answer = time.monotonic(), None
        with contextlib.suppress(ClientError, BotoCoreError):
            answer = call(self._clients[turn % len(self._clients)])
        self.asked.append(Asked(kind, sent_s, time.monotonic(), answer is not None))
        time.sleep(PAUSE_S)
        return answer

    def _put(self, key: str, body: bytes, s3: Any) -> bytes:
        s3.put_object(Bucket=self._bucket, Key=key, Body=body)
        return b""

    def _got(self, key: str, s3: Any) -> bytes:
        body: bytes = s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body

    def _stored(self, key: str) -> str:
        for s3 in self._clients:
            with contextlib.suppress(ClientError, BotoCoreError):
                return md5_of(self._got(key, s3))
        return ""


def md5_of(body: bytes) -> str:
    """MD5 in hex."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def client(endpoint: str, key: Key) -> Any:
    """A client that tries once and gives up after 30 s."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key.access,
        aws_secret_access_key=key.secret,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, connect_timeout=2, read_timeout=30),
    )
