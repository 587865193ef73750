"""Usage as counted by the engine, against a script that knows what it asked for."""

import os
import time

import pytest

from cloudhall.drivers.objects import BucketCounters
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.drivers.objects.weed_counters import Ledger, raw, read
from cloudhall.kernel.errors import Conflict
from tests.drivers.objects.support import ALL, bare, identity, refused, s3, until

TEXT = """\
# TYPE SeaweedFS_s3_request_total counter
SeaweedFS_s3_request_total{bucket="",code="403",type="PUT"} 9
SeaweedFS_s3_request_total{bucket="b",code="200",type="GET"} 5
SeaweedFS_s3_request_total{bucket="b",code="200",type="PUT"} 1.2345678e+07
SeaweedFS_s3_request_total{bucket="b",code="404",type="GET"} 2
SeaweedFS_s3_request_total{bucket="b",code="500",type="PUT"} 3
SeaweedFS_s3_request_total{bucket="b",code="200",type="LIST"} 1
SeaweedFS_s3_bucket_traffic_received_bytes_total{bucket="b"} 9.007199254740991e+15
SeaweedFS_s3_bucket_traffic_sent_bytes_total{bucket="c"} 7
SeaweedFS_s3_request_seconds_bucket{type="GET",bucket="b",le="0.1"} 5
process_start_time_seconds 1.79535048152e+09
"""


def test_numbers_are_exact_however_they_are_written() -> None:
    counters = read(TEXT, Ledger())
    assert counters.process_start_us == 1_795_350_481_520_000
    assert counters.buckets == {
        "b": BucketCounters(requests_a=12_345_679, requests_b=7, received_bytes=9_007_199_254_740_991),
        "c": BucketCounters(sent_bytes=7),
    }


def test_what_we_asked_ourselves_is_taken_off() -> None:
    ledger = Ledger()
    for method, path, status in (("PUT", "/b", 200), ("HEAD", "/b/x?y", 404), ("PUT", "/b", 403), ("GET", "/", 200)):
        ledger.note(method, path, status)
    counted = read(TEXT, ledger).buckets["b"]
    assert (counted.requests_a, counted.requests_b) == (12_345_678, 6)


def test_a_clock_that_was_set_makes_no_other_process() -> None:
    ledger = Ledger()
    before = read(TEXT, ledger)
    set_back = TEXT.replace("1.79535048152e+09", "1.79534688152e+09")
    assert read(set_back, ledger).process_start_us == before.process_start_us
    ledger.forget()  # the engine starts anew
    assert read(set_back, ledger).process_start_us == before.process_start_us - 3_600_000_000


def requests(number: int) -> str:
    return f'SeaweedFS_s3_request_total{{bucket="b",code="200",type="PUT"}} {number}\n' if number else ""


@pytest.mark.parametrize(
    ("after_removal", "after_making", "later"),
    [
        pytest.param(1, 2, 5, id="counters were dropped before the removal was counted"),
        pytest.param(0, 1, 4, id="counters were dropped after it"),
    ],
)
def test_a_bucket_made_again_counts_on(after_removal: int, after_making: int, later: int) -> None:
    ledger = Ledger()
    ledger.note("PUT", "/b", 200)
    assert read(requests(8), ledger).buckets["b"].requests_a == 7
    ledger.note("DELETE", "/b", 204)
    ledger.removed("b")
    assert read(requests(after_removal), ledger).buckets["b"].requests_a == 7
    ledger.making("b", lambda: raw(requests(after_removal)))
    ledger.note("PUT", "/b", 200)
    assert read(requests(after_making), ledger).buckets["b"].requests_a == 7
    assert read(requests(later), ledger).buckets["b"].requests_a == 10
    assert read("", ledger).buckets["b"].requests_a == 10
    ledger.forget()
    assert read(requests(1), ledger).buckets["b"].requests_a == 1


def test_every_request_and_byte_is_counted_once(engine: SeaweedFS, bucket: str) -> None:
    engine.set_identities([identity("user", {bucket: ALL})])
    user = s3(engine, "user")
    large = os.urandom(6 << 20)
    for number in range(10):
        user.put_object(Bucket=bucket, Key=f"key{number}", Body=b"x" * 1_000)
    for number in range(7):
        user.get_object(Bucket=bucket, Key=f"key{number}")["Body"].read()
    user.get_object(Bucket=bucket, Key="key0", Range="bytes=0-99")["Body"].read()
    user.head_object(Bucket=bucket, Key="key0")
    user.list_objects_v2(Bucket=bucket)
    assert refused(user.get_object, Bucket=bucket, Key="absent") == "NoSuchKey"
    user.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "key0"})
    upload = user.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    part = user.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=1, Body=large)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    user.complete_multipart_upload(Bucket=bucket, Key="large", UploadId=upload, MultipartUpload=parts)
    user.delete_object(Bucket=bucket, Key="key1")
    user.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "key2"}, {"Key": "key3"}]})
    assert bare("GET", f"{engine.endpoint}/{bucket}/key0") == 403
    counted = BucketCounters(
        requests_a=10 + 1 + 1 + 3 + 1 + 1,
        requests_b=7 + 1 + 1 + 1,
        sent_bytes=7 * 1_000 + 100,
        received_bytes=10 * 1_000 + len(large),
    )
    until(lambda: engine.counters().buckets[bucket] == counted, seconds=2)
    time.sleep(0.1)
    assert engine.counters().buckets[bucket] == counted


def test_our_own_work_is_nobodys_usage(engine: SeaweedFS, bucket: str) -> None:
    nothing = BucketCounters()
    for _ in range(3):
        engine.ensure_bucket(bucket)
        engine.set_versioning(bucket, True)
        engine.set_public_read(bucket, True)
        engine.set_tags(bucket, {"a": "b"})
        engine.set_tags(bucket, {})
        engine.set_quota_bytes(bucket, 1 << 30)
        engine.set_public_read(bucket, False)
        engine.set_identities([identity("user", {bucket: ALL})])
        engine.set_identities([identity("user", {bucket: frozenset({"read"})})])
        engine.set_identities([])
        engine.seen(bucket)
        engine.stored(bucket)
        assert engine.counters().buckets.get(bucket, nothing) == nothing
    for _ in range(3):
        engine.remove_bucket(bucket)
        engine.remove_bucket(bucket)
        assert engine.counters().buckets.get(bucket, nothing) == nothing
        engine.ensure_bucket(bucket)


def test_a_bucket_that_is_removed_and_made_again_counts_on(engine: SeaweedFS, bucket: str) -> None:
    engine.set_identities([identity("user", {bucket: ALL})])
    user = s3(engine, "user")
    for rounds in range(1, 4):
        user.put_object(Bucket=bucket, Key="key", Body=b"12345")
        user.get_object(Bucket=bucket, Key="key")["Body"].read()
        with pytest.raises(Conflict):
            engine.remove_bucket(bucket)
        user.delete_object(Bucket=bucket, Key="key")
        time.sleep(0.05)  # the engine counts some microseconds after it answers
        engine.remove_bucket(bucket)
        expected = BucketCounters(2 * rounds, rounds, 5 * rounds, 5 * rounds)
        assert engine.counters().buckets[bucket] == expected
        engine.ensure_bucket(bucket)
        assert engine.counters().buckets[bucket] == expected


@pytest.mark.parametrize("readings", [1, 3])
def test_reading_changes_nothing(engine: SeaweedFS, readings: int) -> None:
    first = engine.counters()
    for _ in range(readings):
        again = engine.counters()
        assert (again.process_start_us, again.buckets) == (first.process_start_us, first.buckets)
        assert again.read_at_us >= first.read_at_us
