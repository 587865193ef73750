"""The contract of the port `objects`, on every driver: the embedded engine, a cluster, and plain S3 elsewhere.

Elsewhere is the S3 that CLOUDHALL_TEST_S3_ENDPOINT, _ACCESS_KEY and _SECRET_KEY name, else the same engine seen from
outside with its administrator's key. What a driver names in `lacks` must say so when it is called; all else must hold.
"""

import base64
import hashlib
import itertools
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from cloudhall.drivers.objects import (
    OBJECTS,
    BucketSeen,
    Held,
    Identity,
    Key,
    Objects,
    Right,
    digest,
)
from cloudhall.drivers.objects.cluster.driver import SeaweedCluster
from cloudhall.drivers.objects.cluster.parts import Shape
from cloudhall.drivers.objects.s3 import ExternalS3
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from tests.drivers.objects.cluster.faults import leave
from tests.kit.postgres import Server

ALL: frozenset[Right] = frozenset({"read", "write", "list"})
ELSEWHERE = tuple(os.environ.get(f"CLOUDHALL_TEST_S3_{name}", "") for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"))
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    engine = SeaweedFS(tmp_path_factory.mktemp("objects"))
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[SeaweedCluster]:
    """The least that is still several of everything that clients and drivers meet."""
    database, home = postgres.make(), tmp_path_factory.mktemp("cluster")
    running = SeaweedCluster(home, database=postgres.url(database), shape=Shape(masters=1, racks=2, volumes=2))
    running.start()
    yield running
    leave(running)
    postgres.drop(database)


@pytest.fixture(scope="module", params=["seaweedfs", "s3", "cluster"])
def administrator(request: pytest.FixtureRequest) -> tuple[Objects, Key]:
    """A driver, and the key with which a test may put objects into its buckets."""
    if request.param == "cluster":
        running: SeaweedCluster = request.getfixturevalue("cluster")
        return running, running._up.keys.admin
    embedded: SeaweedFS = request.getfixturevalue("embedded")
    key = embedded._up.keys.admin
    if request.param == "seaweedfs":
        return embedded, key
    endpoint, access, secret = ELSEWHERE if all(ELSEWHERE) else (embedded.endpoint, *key)
    elsewhere = ExternalS3(endpoint, Key(access, secret))
    elsewhere.start()
    return elsewhere, Key(access, secret)


@pytest.fixture
def objects(administrator: tuple[Objects, Key]) -> Objects:
    return administrator[0]


@pytest.fixture
def s3(administrator: tuple[Objects, Key]) -> Any:
    driver, key = administrator
    return client(driver, key)


def client(driver: Objects, key: Key) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=driver.endpoint,
        aws_access_key_id=key.access,
        aws_secret_access_key=key.secret,
        region_name=driver.region,
        config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
    )


@pytest.fixture
def bucket(objects: Objects, s3: Any) -> Iterator[str]:
    name = f"contract-{uuid.uuid4().hex[:8]}-{next(_numbers)}"
    objects.ensure_bucket(name)
    yield name
    if objects.seen(name):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
                s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
        objects.remove_bucket(name)


def anonymous(driver: Objects, path: str) -> int:
    try:
        with urllib.request.urlopen(f"{driver.endpoint}/{path}", timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def lacking(driver: Objects, method: str) -> bool:
    """Whether the driver names a method in `lacks`; then it must say so when called."""
    if method not in driver.lacks:
        return False
    with pytest.raises(Unavailable) as said:
        getattr(driver, method)(*["x"] * _arguments(method))
    assert said.value.reason == "lacking"
    return True


def _arguments(method: str) -> int:
    code: Any = getattr(Objects, method).__code__
    return int(code.co_argcount) - 1


def test_what_is_lacking_are_methods_of_the_port(objects: Objects) -> None:
    assert objects.lacks <= {name for name in vars(Objects) if not name.startswith("_")}


def test_the_port_knows_what_only_looks() -> None:
    assert OBJECTS.reads == {
        "healthy",
        "seen",
        "identities_digest",
        "buckets",
        "keys",
        "counters",
        "changes",
        "held",
        "stored",
    }


def test_it_serves_at_its_address(objects: Objects) -> None:
    assert objects.healthy()
    assert objects.endpoint.startswith("http")
    assert not objects.endpoint.endswith("/")


def test_a_new_bucket_is_private_and_plain(objects: Objects, bucket: str, s3: Any) -> None:
    assert objects.seen(bucket) == BucketSeen(versioning=False, public_read=False, tags={}, quota_bytes=None)
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    assert anonymous(objects, f"{bucket}/key") == 403
    assert anonymous(objects, bucket) == 403


def test_no_bucket_is_seen_where_there_is_none(objects: Objects) -> None:
    assert objects.seen("there-is-no-such-bucket") is None


def test_a_bucket_is_ensured_and_removed_twice_alike(objects: Objects, bucket: str, s3: Any) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"kept")
    objects.ensure_bucket(bucket)
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"kept"
    s3.delete_object(Bucket=bucket, Key="key")
    objects.remove_bucket(bucket)
    objects.remove_bucket(bucket)
    assert objects.seen(bucket) is None
    objects.ensure_bucket(bucket)
    assert objects.seen(bucket)


@pytest.mark.parametrize("name", ["ab", "Upper-Case", "under_score", "a" * 64])
def test_a_name_that_s3_forbids_is_the_callers_mistake(objects: Objects, name: str) -> None:
    with pytest.raises(Invalid):
        objects.ensure_bucket(name)


def test_every_attribute_is_seen_as_set_and_setting_it_again_changes_nothing(objects: Objects, bucket: str) -> None:
    for on in (True, False):
        for _ in range(2):
            objects.set_versioning(bucket, on)
            objects.set_public_read(bucket, on)
            objects.set_tags(bucket, {"部门": "大数据局", "grade": "open"} if on else {})
            assert objects.seen(bucket) == BucketSeen(
                versioning=on,
                public_read=on,
                tags={"部门": "大数据局", "grade": "open"} if on else {},
                quota_bytes=None,
            )


@pytest.mark.parametrize(
    "set_on",
    [
        lambda objects: objects.set_versioning("there-is-no-such-bucket", True),
        lambda objects: objects.set_public_read("there-is-no-such-bucket", True),
        lambda objects: objects.set_public_read("there-is-no-such-bucket", False),
        lambda objects: objects.set_tags("there-is-no-such-bucket", {"a": "b"}),
        lambda objects: objects.set_tags("there-is-no-such-bucket", {}),
        lambda objects: objects.stored("there-is-no-such-bucket"),
    ],
    ids=["versioning", "public", "private", "tags", "no tags", "stored"],
)
def test_attributes_of_no_bucket_are_not_found(objects: Objects, set_on: Callable[[Objects], None]) -> None:
    with pytest.raises(NotFound):
        set_on(objects)
    assert objects.seen("there-is-no-such-bucket") is None


def test_anyone_reads_what_is_public_and_nothing_more(objects: Objects, bucket: str, s3: Any) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    objects.set_public_read(bucket, True)
    assert anonymous(objects, f"{bucket}/key") == 200
    assert anonymous(objects, bucket) == 403
    assert anonymous(objects, f"{bucket}?versions") == 403
    objects.set_public_read(bucket, False)
    assert anonymous(objects, f"{bucket}/key") == 403


def test_versions_are_kept_from_when_it_is_said(objects: Objects, bucket: str, s3: Any) -> None:
    objects.set_versioning(bucket, True)
    first = s3.put_object(Bucket=bucket, Key="key", Body=b"1")["VersionId"]
    s3.put_object(Bucket=bucket, Key="key", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="key")
    assert s3.get_object(Bucket=bucket, Key="key", VersionId=first)["Body"].read() == b"1"


def test_old_versions_are_counted(objects: Objects, bucket: str, s3: Any) -> None:
    objects.set_versioning(bucket, True)
    for key, body in (("one", b"1"), ("one", b"2"), ("two", b"3")):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert objects.held(bucket) == Held(old_versions=1, retained=0)
    s3.delete_object(Bucket=bucket, Key="two")
    assert objects.held(bucket) == Held(old_versions=2, retained=0)
    assert objects.held("no-such-bucket") == Held()


def test_a_bucket_that_holds_something_is_not_removed(objects: Objects, bucket: str, s3: Any) -> None:
    objects.set_versioning(bucket, True)
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    with pytest.raises(Conflict) as full:
        objects.remove_bucket(bucket)
    assert full.value.reason == "bucket_not_empty"
    s3.delete_object(Bucket=bucket, Key="key")
    with pytest.raises(Conflict):
        objects.remove_bucket(bucket)  # the version is kept below its delete marker
    [version] = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert s3.get_object(Bucket=bucket, Key="key", VersionId=version["VersionId"])["Body"].read() == b"1"


def test_a_full_count_is_exact(objects: Objects, bucket: str, s3: Any) -> None:
    before_us = time.time_ns() // 1_000
    for number in range(12):
        s3.put_object(Bucket=bucket, Key=f"folder/{number}", Body=b"x" * number)
    s3.put_object(Bucket=bucket, Key="empty-folder/", Body=b"")
    objects.set_versioning(bucket, True)
    s3.put_object(Bucket=bucket, Key="folder/11", Body=b"x" * 100)
    stored = objects.stored(bucket)
    assert (stored.bytes, stored.objects) == (sum(range(12)) + 100, 13)
    assert before_us <= stored.began <= stored.ended <= time.time_ns() // 1_000


def test_a_limit_is_seen_and_lifted(objects: Objects, bucket: str) -> None:
    if lacking(objects, "set_quota_bytes"):
        return
    for quota_bytes in (123_456_789, 1 << 40, None):
        objects.set_quota_bytes(bucket, quota_bytes)
        objects.set_quota_bytes(bucket, quota_bytes)
        seen = objects.seen(bucket)
        assert seen
        assert seen.quota_bytes == quota_bytes
    with pytest.raises(NotFound):
        objects.set_quota_bytes("there-is-no-such-bucket", 1)


def may_list(s3: Any, bucket: str) -> bool:
    try:
        s3.list_objects_v2(Bucket=bucket)
    except ClientError as error:
        return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] != 403)
    return True


def test_keys_are_what_was_said_last(objects: Objects, bucket: str) -> None:
    if lacking(objects, "set_identities") and lacking(objects, "identities_digest"):
        return
    owner = Identity("owner", "OWNERKEY", "owner-secret-0123", {bucket: ALL})
    for identities in ([owner], [], [owner]):
        done = objects.set_identities(identities)
        assert done.in_step
        assert objects.identities_digest() == done.digest == digest(identities)
        assert may_list(client(objects, Key("OWNERKEY", "owner-secret-0123")), bucket) == bool(identities)
    objects.set_identities([])


def test_counters_rise_by_what_was_asked(objects: Objects, bucket: str, s3: Any) -> None:
    if lacking(objects, "counters"):
        return
    s3.put_object(Bucket=bucket, Key="key", Body=b"12345")
    before = objects.counters()
    s3.put_object(Bucket=bucket, Key="key", Body=b"1234567")
    s3.get_object(Bucket=bucket, Key="key")["Body"].read()
    s3.list_objects_v2(Bucket=bucket)
    after = objects.counters()
    assert before.process_start_us == after.process_start_us < before.read_at_us < after.read_at_us
    first, second = before.buckets[bucket], after.buckets[bucket]
    assert (second.requests_a - first.requests_a, second.requests_b - first.requests_b) == (2, 1)
    assert (second.received_bytes - first.received_bytes, second.sent_bytes - first.sent_bytes) == (7, 7)


def test_changes_come_once_and_in_order(objects: Objects, bucket: str, s3: Any) -> None:
    if lacking(objects, "changes"):
        return
    s3.put_object(Bucket=bucket, Key="key", Body=b"12345")
    s3.put_object(Bucket=bucket, Key="key", Body=b"12")
    s3.delete_object(Bucket=bucket, Key="key")
    found: list[tuple[int, int]] = []
    cursor, deadline = 0, time.monotonic() + 10
    while len(found) < 3:
        assert time.monotonic() < deadline
        batch = objects.changes(cursor)
        assert batch.cursor >= cursor
        cursor = batch.cursor
        found += [(change.bytes_delta, change.objects_delta) for change in batch.items if change.bucket == bucket]
    assert found == [(5, 1), (-3, 0), (-2, -1)]
    assert not [change for change in objects.changes(cursor).items if change.bucket == bucket]


def test_every_bucket_is_listed_as_it_is_seen(objects: Objects, bucket: str) -> None:
    if lacking(objects, "buckets"):
        return
    objects.set_public_read(bucket, True)
    objects.set_tags(bucket, {"a": "b"})
    assert objects.buckets()[bucket] == objects.seen(bucket)
    assert all(objects.seen(name) == seen for name, seen in objects.buckets().items())


def test_a_policy_that_is_not_ours_is_seen_as_strange(objects: Objects, bucket: str, s3: Any) -> None:
    everything = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [everything]}))
    seen = objects.seen(bucket)
    assert seen is not None
    assert (seen.public_read, seen.strange_policy) == (False, True)
    objects.set_public_read(bucket, True)
    seen = objects.seen(bucket)
    assert seen is not None
    assert (seen.public_read, seen.strange_policy) == (True, False)


def test_keys_in_force_are_listed_with_their_rights_and_ours_is_not(objects: Objects, bucket: str) -> None:
    if lacking(objects, "keys"):
        return
    reader = Identity("lister", "listerkey", "listersecret", {bucket: frozenset({"read", "list"})})
    objects.set_identities([reader, Identity("idle", "idlekey", "idlesecret", {})])
    assert objects.keys() == {"listerkey": {f"read:{bucket}", f"list:{bucket}"}}
    objects.set_identities([])
    assert objects.keys() == {}


def test_contents_are_written_listed_read_and_removed(objects: Objects, bucket: str) -> None:
    contents, names = objects.contents, ["a b/中.txt", "a b/c/d", "p%2Fq", "z"]
    for name in names:
        assert contents.put(bucket, name, name.encode(), "text/plain", _md5(name.encode())).bytes == len(name.encode())
    with pytest.raises(Invalid, match="checksum"):
        contents.put(bucket, "wrong", b"1", "text/plain", _md5(b"2"))
    page = contents.list(bucket, "", limit=2)
    rest = contents.list(bucket, "", after=page.more)
    assert [*page.folders, *rest.folders] == ["a b/"]
    assert [i.key for i in (*page.items, *rest.items)] == ["p%2Fq", "z"]
    assert [i.key for i in contents.list(bucket, "", flat=True).items] == sorted(names)
    body = contents.open(bucket, "p%2Fq", first=1, last=3)
    assert (body.read(9), body.count, body.item.bytes) == (b"%2F", 3, 5)
    body.close()
    assert contents.remove(bucket, [("z", ""), ("never-there", "")]) == {}
    with pytest.raises(NotFound):
        contents.head(bucket, "z")


def test_an_upload_in_parts_is_found_again(objects: Objects, bucket: str) -> None:
    contents, part = objects.contents, os.urandom(5 << 20)
    upload = contents.begin(bucket, "large", "application/x-thing")
    contents.put_part(bucket, "large", upload, 1, part, _md5(part))
    contents.put_part(bucket, "large", upload, 2, b"rest", _md5(b"rest"))
    assert [u.upload for u in contents.unfinished(bucket, "large")] == [upload]
    parts = contents.parts(bucket, "large", upload)
    assert [(p.number, p.bytes) for p in parts] == [(1, len(part)), (2, 4)]
    assert contents.complete(bucket, "large", upload, parts).bytes == len(part) + 4
    assert (contents.head(bucket, "large").bytes, contents.unfinished(bucket, "")) == (len(part) + 4, [])
    with pytest.raises(NotFound):
        contents.parts(bucket, "large", upload)
    contents.give_up(bucket, "large", upload)


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
