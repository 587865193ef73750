"""What the engine's stream and counters become: exact levels, requests counted once, gaps where nobody measured."""

import os
import signal
import time

from cloudhall.domains.storage.bucket import Bucket
from cloudhall.domains.storage.usage import COLLECTORS, COUNTED
from cloudhall.kernel import levels, usage
from tests.domains.storage.conftest import City

LONG_US = 10**15


def total(city: City, meter: str, resource: str) -> int:
    now = city.kernel.world.now_us()
    found = usage.totals(city.kernel.store.read(), city.project, now - LONG_US, now + LONG_US)
    return sum(t.quantity for t in found if (t.meter, t.resource) == (meter, resource))


def test_stored_bytes_are_exact(city: City) -> None:
    bucket = city.bucket("exact")
    s3 = city.s3(bucket)
    for key, size in (("a", 1_000), ("b/c", 70_001), ("a", 500)):
        s3.put_object(Bucket="exact", Key=key, Body=os.urandom(size))
    city.until_stored(bucket["id"], 70_501)
    assert city.row(Bucket, bucket["id"]).status.objects == 2
    s3.delete_object(Bucket="exact", Key="b/c")
    city.until_stored(bucket["id"], 500)
    assert levels.level(city.kernel.store.read(), bucket["id"], "storage.stored_bytes") == 500


def test_requests_are_counted_once(city: City) -> None:
    bucket = city.bucket("counted")
    s3 = city.s3(bucket)
    city.collect()
    for n in range(5):
        s3.put_object(Bucket="counted", Key=str(n), Body=b"x" * 1_000)
    for _ in range(3):
        s3.get_object(Bucket="counted", Key="0")["Body"].read()
    s3.list_objects_v2(Bucket="counted")
    for _ in range(3):
        city.collect()
    assert total(city, "storage.requests_a", bucket["id"]) == 6 * 1_000_000
    assert total(city, "storage.requests_b", bucket["id"]) == 3 * 1_000_000
    assert total(city, "storage.sent_bytes", bucket["id"]) == 3_000


def test_an_engine_killed_between_readings_leaves_a_gap_and_no_invention(city: City) -> None:
    bucket = city.bucket("gapped")
    s3 = city.s3(bucket)
    s3.put_object(Bucket="gapped", Key="a", Body=b"1")
    city.collect()
    before = total(city, "storage.requests_a", bucket["id"])
    s3.put_object(Bucket="gapped", Key="b", Body=b"2")  # after the last reading: lost with the process
    os.kill(city.engine._up.child.pid or 0, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while not city.engine.healthy() and time.monotonic() < deadline:
        time.sleep(0.1)
    s3.put_object(Bucket="gapped", Key="c", Body=b"3")
    deadline = time.monotonic() + 10
    while total(city, "storage.requests_a", bucket["id"]) == before and time.monotonic() < deadline:
        city.kernel.collect(COLLECTORS[1])  # the engine counts a request after it has answered it
    assert total(city, "storage.requests_a", bucket["id"]) == before + 1_000_000
    now = city.kernel.world.now_us()
    gaps = usage.gaps(city.kernel.store.read(), city.project, now - LONG_US, now + LONG_US)
    found = {(g.meter, g.cause) for g in gaps if g.resource == bucket["id"]}
    assert found == {(meter, "engine_killed") for meter in COUNTED}
    city.until_stored(bucket["id"], 3)
