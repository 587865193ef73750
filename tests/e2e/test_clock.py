"""The clock of the machine is set back by an hour: nothing stops, nothing is lost, nothing is counted twice."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudhall import installation, server
from cloudhall.domains.identity import sessions
from cloudhall.domains.identity.demo import PASSWORD
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.kernel import usage
from cloudhall.kernel.commands import Command
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.world import SECOND_US
from tests.e2e.api import until
from tests.e2e.clients import Door

HOUR_US = 3_600 * SECOND_US
PROJECT = "economic-monitoring"


@contextlib.contextmanager
def city(home: Path) -> Iterator[Kernel]:
    """The demonstration city in this process, with its real engine."""
    engine = SeaweedFS(home / "objects")
    engine.start()
    try:
        kernel = installation.open_kernel(home, {"objects": engine})
        kernel.start()
        try:
            server.seed_demo(kernel)
            yield kernel
        finally:
            kernel.stop()
    finally:
        engine.stop()


def do(kernel: Kernel, kind: type[Kind[Any, Any]], verb: str, **what: Any) -> dict[str, Any]:
    """Execute a command as the developer, logged in anew; what is made is ready afterwards."""
    secret, _ = sessions.login(kernel, "chen-xiaolan", PASSWORD)
    caller = sessions.authenticate(kernel, secret)
    body = kernel.execute(caller, Command(kind=kind, verb=verb, **what)).result(10).body
    if verb == "create":
        until(lambda: kernel.find(caller, kind, body["id"]).ready, 10)
    return body


def rent(kernel: Kernel, name: str) -> Door:
    """Make a bucket and a key for it."""
    bucket = do(kernel, Bucket, "create", name=name, place=PROJECT, spec={"quota_gib": 1, "grade": "open"})
    key = do(kernel, AccessKey, "create", place=PROJECT, spec={"bucket": bucket["id"]})
    objects = kernel.drivers["objects"]
    return Door(bucket | {"status": {"endpoint": objects.endpoint, "region": objects.region}}, key)


def put(door: Door, objects: int) -> None:
    for n in range(objects):
        door.s3().put_object(Bucket=door.bucket, Key=f"{n}", Body=b"c" * 100)


def writes(kernel: Kernel, door: Door) -> int:
    """Writes to a bucket that have been counted, read just now."""
    for collector in kernel.collectors:
        kernel.collect(collector)
    tx = kernel.store.read()
    (bucket,) = kernel.tables[Bucket].named(tx, door.bucket)
    now_us = kernel.world.now_us()
    found = usage.totals(tx, bucket.place, now_us - 24 * HOUR_US, now_us + 24 * HOUR_US)
    counted = {(t.meter, t.resource): t.quantity for t in found}
    return counted.get(("storage.requests_a", bucket.id), 0) // 1_000_000


def test_a_clock_set_back_stops_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: right() + HOUR_US * 1_000)
    with city(tmp_path) as kernel:
        door = rent(kernel, "before-the-step")
        put(door, 3)
        assert writes(kernel, door) == 3
        put(door, 2)
        monkeypatch.setattr(time, "time_ns", right)
        assert writes(kernel, door) == 5
        put(door, 4)
        assert writes(kernel, door) == 9
        after = rent(kernel, "after-the-step")
        do(kernel, AccessKey, "delete", target=after.key)
        until(after.refused, 1)

    with city(tmp_path) as kernel:  # an hour before the newest that was written
        looks: list[str] = []  # whether the key works already; each is a request, counted once its bucket is known

        def works() -> bool:
            looks.append(door.refused())
            return looks[-1] == ""

        until(works, 5)
        put(door, 5)
        assert 14 + 1 <= writes(kernel, door) <= 14 + len(looks)
        assert rent(kernel, "after-the-restart").refused() == ""
        assert after.refused() == "InvalidAccessKeyId"
        kernel.seal()
