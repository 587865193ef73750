"""Buckets and keys on the real engine."""

import datetime
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloudhall.domains.storage import rules, stored
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Conflict, Invalid
from cloudhall.kernel.operations import Operation
from tests.domains.storage.conftest import City


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> int:
    return int(refused.value.response["ResponseMetadata"]["HTTPStatusCode"])


def test_a_bucket_is_made_as_wanted_and_changed_as_wanted(city: City) -> None:
    made = city.bucket("wanted", versioning=True, tags={"用途": "统计"})
    assert city.row(Bucket, made["id"]).ready
    seen = city.engine.seen("wanted")
    assert seen is not None
    assert (seen.versioning, seen.tags, seen.quota_bytes) == (True, {"用途": "统计"}, rules.net_bytes(1))
    city.do(Bucket, "update", "wanted", spec={"versioning": False, "public_read": True, "tags": {}, "quota_gib": 2})
    seen = city.engine.seen("wanted")
    assert seen is not None
    assert (seen.versioning, seen.public_read, seen.quota_bytes) == (False, True, rules.net_bytes(2))
    assert not seen.tags


def test_a_key_works_as_long_as_its_row_lives(city: City) -> None:
    bucket = city.bucket("keys")
    s3 = city.s3(bucket)
    s3.put_object(Bucket="keys", Key="a", Body=b"1")
    reader = city.s3(bucket, "read")
    assert reader.get_object(Bucket="keys", Key="a")["Body"].read() == b"1"
    with pytest.raises(ClientError) as refused:
        reader.put_object(Bucket="keys", Key="b", Body=b"2")
    assert code_of(refused) == 403
    city.do(AccessKey, "delete", "keys-read-write", city.project)
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="keys", Key="a")
    assert code_of(refused) == 403
    assert reader.get_object(Bucket="keys", Key="a")["Body"].read() == b"1"


def test_a_full_bucket_loses_the_right_to_write_and_gets_it_back(city: City) -> None:
    bucket = city.bucket("full")
    s3 = city.s3(bucket)
    s3.put_object(Bucket="full", Key="a", Body=b"1")
    city.collect()
    filled = rules.GIB
    city.kernel.store.write(lambda tx: stored.add(tx, "full", filled, 0)).result()  # as if a GiB had come in
    touch(city, bucket)
    row = city.row(Bucket, bucket["id"])
    assert not row.status.writable
    assert row.condition("WithinQuota").reason == "QuotaFull"
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket="full", Key="b", Body=b"2")
    assert code_of(refused) == 403
    assert s3.get_object(Bucket="full", Key="a")["Body"].read() == b"1"
    city.do(Bucket, "update", "full", spec={"quota_gib": 2})
    s3.put_object(Bucket="full", Key="b", Body=b"2")
    assert city.row(Bucket, bucket["id"]).status.writable


def touch(city: City, bucket: dict[str, Any]) -> None:
    city.kernel.reconciler.sweep()
    city.settle()


def test_graded_buckets_hand_out_no_keys(city: City) -> None:
    graded = city.bucket("graded", grade="internal")
    with pytest.raises(Invalid) as refused:
        city.s3(graded)
    assert [p.code for p in refused.value.problems] == ["GRADE"]
    opened = city.bucket("opened")
    city.s3(opened)
    with pytest.raises(Invalid):
        city.do(Bucket, "update", "opened", spec={"grade": "sensitive"})
    with pytest.raises(Invalid):
        city.do(Bucket, "update", "graded", spec={"public_read": True})


def test_a_bucket_is_emptied_by_an_operation_and_then_deleted_whole(city: City) -> None:
    bucket = city.bucket("doomed", versioning=True)
    s3 = city.s3(bucket)
    for n in range(30):
        s3.put_object(Bucket="doomed", Key=f"k{n % 20}", Body=b"x" * 100)
    s3.create_multipart_upload(Bucket="doomed", Key="half")
    city.until_stored(bucket["id"], 3_000)
    city.do(Bucket, "empty", "doomed")
    city.until_stored(bucket["id"], 0)
    operations = [o for o in all_rows(city, Operation) if o.spec.target == bucket["id"]]
    assert [(o.status.ended, o.status.steps[0].done >= 30) for o in operations] == [("done", True)]
    assert city.row(Bucket, bucket["id"]).status.objects == 0
    city.do(Bucket, "delete", "doomed")
    city.do(Bucket, "purge", "doomed")
    assert city.engine.seen("doomed") is None
    assert city.row(Bucket, bucket["id"]) is None
    assert not [k for k in all_rows(city, AccessKey) if k.spec.bucket == bucket["id"]]


def test_the_recycle_bin_keeps_what_a_bucket_holds(city: City) -> None:
    bucket = city.bucket("kept", versioning=True, public_read=True)
    s3 = city.s3(bucket)
    for body in (b"one", b"three"):
        s3.put_object(Bucket="kept", Key="k", Body=body)
    city.until_stored(bucket["id"], 8)
    city.do(Bucket, "delete", "kept")
    for refused in (s3.get_object, s3.put_object):
        with pytest.raises(ClientError) as denied:
            refused(Bucket="kept", Key="k")
        assert code_of(denied) == 403
    plan = city.kernel.plan(city.founder, Command(kind=Bucket, verb="purge", target="kept"))
    assert [c.amount for c in plan.destroys] == [2, 1, 8]
    assert [r.name for r in plan.goes_too] == ["kept-read-write"]
    seen = city.engine.seen("kept")
    assert seen is not None
    assert not seen.public_read

    city.do(Bucket, "restore", "kept")
    assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"three"
    city.do(Bucket, "delete", "kept")
    city.do(Bucket, "purge", "kept")
    deadline = time.monotonic() + 10
    while city.engine.seen("kept") is not None and time.monotonic() < deadline:
        city.settle()
        time.sleep(0.05)
    assert city.engine.seen("kept") is None


def test_what_is_under_retention_is_not_destroyed(city: City) -> None:
    """Whoever runs the engine can lock what lies in it; nobody else can."""
    bucket = city.bucket("vault", versioning=True)
    admin = city.engine._up.buckets.s3
    admin.delete_bucket(Bucket="vault")
    admin.create_bucket(Bucket="vault", ObjectLockEnabledForBucket=True)
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    city.settle()
    locked = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    admin.put_object(Bucket="vault", Key="k", Body=b"1", **locked)
    city.until_stored(bucket["id"], 1)
    city.do(Bucket, "delete", "vault")
    with pytest.raises(Conflict, match="under retention") as refused:
        city.do(Bucket, "purge", "vault")
    assert refused.value.reason == "RETAINED"
    with pytest.raises(Conflict, match="protected"):
        city.engine.remove_objects("vault", 10)


def all_rows(city: City, kind: Any) -> list[Any]:
    from cloudhall.kernel.store.tables import LIVE, Sort

    return city.kernel.tables[kind].page(city.kernel.store.read(), LIVE, Sort(), None, 1000)


@pytest.mark.parametrize("name", ["ab", "a..b", "192.168.1.1", "Abc", "-abc", "a" * 64])
def test_names_that_s3_clients_refuse_are_refused(city: City, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        city.bucket(name)
    assert "/name" in {p.pointer for p in refused.value.problems}
