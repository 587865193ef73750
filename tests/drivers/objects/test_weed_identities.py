"""Keys in a running engine: granted, withdrawn and revoked, each in time and proven."""

import os
import signal
import time
from pathlib import Path

import pytest

from cloudhall.drivers.objects import Identity, digest
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.kernel.errors import Invalid
from tests.drivers.objects.support import ALL, identity, refused, s3


@pytest.fixture
def file(engine: SeaweedFS) -> Path:
    return engine._home / "s3.json"


def test_a_key_works_at_once_and_its_revocation_too(engine: SeaweedFS, bucket: str) -> None:
    keys = [identity(f"quick{n}", {bucket: ALL}) for n in range(5)]
    clients = [s3(engine, key.name) for key in keys]
    assert engine.set_identities(keys).in_step
    for client in clients:
        client.put_object(Bucket=bucket, Key="key", Body=b"1")
    for left in range(4, -1, -1):
        began = time.monotonic()
        done = engine.set_identities(keys[:left])
        took_s = time.monotonic() - began
        assert done.in_step
        assert took_s < 1
        for client in clients[left:]:
            assert refused(client.get_object, Bucket=bucket, Key="key") == "InvalidAccessKeyId"
        for client in clients[:left]:
            client.get_object(Bucket=bucket, Key="key")


def test_rights_hold_for_their_bucket_alone(engine: SeaweedFS, bucket: str) -> None:
    engine.ensure_bucket("not-theirs")
    engine.set_identities(
        [
            identity("reader", {bucket: frozenset({"read"})}),
            identity("writer", {bucket: frozenset({"write"})}),
            identity("lister", {bucket: frozenset({"list"})}),
        ]
    )
    s3(engine, "writer").put_object(Bucket=bucket, Key="key", Body=b"1")
    allowed = {
        name: (
            not refused(client.get_object, Bucket=where, Key="key"),
            not refused(client.put_object, Bucket=where, Key="key", Body=b"1"),
            not refused(client.list_objects_v2, Bucket=where),
        )
        for where in (bucket, "not-theirs")
        for name, client in ((f"{n} {where}", s3(engine, n)) for n in ("reader", "writer", "lister"))
    }
    assert allowed == {
        f"reader {bucket}": (True, False, False),
        f"writer {bucket}": (False, True, False),
        f"lister {bucket}": (False, False, True),
        "reader not-theirs": (False, False, False),
        "writer not-theirs": (False, False, False),
        "lister not-theirs": (False, False, False),
    }


def test_no_tenant_makes_opens_or_removes_a_bucket(engine: SeaweedFS, bucket: str) -> None:
    engine.set_identities([identity("tenant", {bucket: ALL})])
    tenant = s3(engine, "tenant")
    assert refused(tenant.create_bucket, Bucket="of-my-own") == "AccessDenied"
    assert refused(tenant.put_bucket_website, Bucket="of-my-own", WebsiteConfiguration={}) == "AccessDenied"
    assert refused(tenant.put_bucket_policy, Bucket=bucket, Policy="{}") == "AccessDenied"
    assert refused(tenant.put_bucket_acl, Bucket=bucket, ACL="public-read") == "AccessDenied"
    assert refused(tenant.delete_bucket, Bucket=bucket) == "AccessDenied"
    assert engine.seen("of-my-own") is None


def test_the_right_to_write_is_withdrawn_with_an_honest_403_and_reading_goes_on(engine: SeaweedFS, bucket: str) -> None:
    engine.set_identities([identity("full", {bucket: ALL})])
    client = s3(engine, "full")
    upload = client.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    client.put_object(Bucket=bucket, Key="key", Body=b"1")
    assert engine.set_identities([identity("full", {bucket: frozenset({"read", "list"})})]).in_step
    part = {"Bucket": bucket, "Key": "big", "UploadId": upload, "PartNumber": 1, "Body": b"1"}
    assert refused(client.upload_part, **part) == "AccessDenied"
    assert refused(client.put_object, Bucket=bucket, Key="key", Body=b"2") == "AccessDenied"
    assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"1"
    assert engine.set_identities([identity("full", {bucket: ALL})]).in_step
    client.put_object(Bucket=bucket, Key="key", Body=b"2")


def test_a_key_is_exchanged(engine: SeaweedFS, bucket: str) -> None:
    engine.set_identities([identity("owner", {bucket: ALL})])
    old = s3(engine, "owner")
    old.put_object(Bucket=bucket, Key="key", Body=b"1")
    engine.set_identities([Identity("owner", "KEYowner-2", "another-secret-0123", {bucket: ALL})])
    assert refused(old.get_object, Bucket=bucket, Key="key") == "InvalidAccessKeyId"
    s3(engine, "owner-2", "another-secret-0123").get_object(Bucket=bucket, Key="key")


def test_the_same_again_writes_nothing(engine: SeaweedFS, bucket: str, file: Path) -> None:
    keys = [identity("one", {bucket: ALL}), identity("two", {bucket: ALL})]
    first = engine.set_identities(keys)
    before = file.stat().st_ino, file.stat().st_mtime_ns
    assert engine.set_identities(keys[::-1]) == first
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == before
    assert engine.identities_digest() == digest(keys) == first.digest


def test_a_spoilt_file_changes_nothing_is_noticed_and_mended(engine: SeaweedFS, bucket: str, file: Path) -> None:
    keys = [identity("owner", {bucket: ALL})]
    engine.set_identities(keys)
    file.write_bytes(b'{"identities": [')
    pid = engine._up.child.pid
    assert pid
    os.kill(pid, signal.SIGHUP)
    time.sleep(0.1)
    s3(engine, "owner").put_object(Bucket=bucket, Key="key", Body=b"1")
    assert engine.identities_digest() == ""
    assert engine.set_identities(keys).in_step
    assert engine.identities_digest() == digest(keys)


def test_wrong_identities_change_nothing(engine: SeaweedFS, bucket: str, file: Path) -> None:
    engine.set_identities([identity("owner", {bucket: ALL})])
    before = file.read_bytes()
    with pytest.raises(Invalid):
        engine.set_identities([identity("owner", {}), identity("owner", {})])
    assert file.read_bytes() == before


def test_what_the_engine_does_not_do_is_reported_and_proven_later(
    engine: SeaweedFS, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGHUP is kept from the engine, as a pause of it would."""
    keys = [identity("late", {bucket: ALL})]
    engine.set_identities(keys)
    with monkeypatch.context() as deaf:
        deaf.setattr("cloudhall.drivers.objects.weed_identities.PROOF_S", 0.2)
        deaf.setattr(engine._up.keys, "_signal", lambda: None)
        failed = engine.set_identities([])
    assert (failed.in_step, failed.failed) == (False, ("cloudhall-marker", "late"))
    assert engine.identities_digest() == ""
    assert engine.set_identities([]).in_step
    assert refused(s3(engine, "late").list_objects_v2, Bucket=bucket) == "InvalidAccessKeyId"


def test_many_keys_come_and_one_goes(engine: SeaweedFS, bucket: str) -> None:
    keys = [identity(f"many{n}", {bucket: ALL}) for n in range(500)]
    assert engine.set_identities(keys).in_step
    began = time.monotonic()
    assert engine.set_identities(keys[1:]).in_step
    assert time.monotonic() - began < 1
    assert refused(s3(engine, "many0").list_objects_v2, Bucket=bucket) == "InvalidAccessKeyId"
    s3(engine, "many499").list_objects_v2(Bucket=bucket)
    engine.set_identities([])
