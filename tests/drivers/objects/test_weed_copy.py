"""What one engine holds, copied into another: to a client the same in every particular."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudhall.backup.objects import Copy
from cloudhall.drivers.objects import weed_copy
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.drivers.objects.weed_copy import Contents, attached
from cloudhall.drivers.objects.weed_copy_pb2 import Entry, FileChunk, FileChunkManifest
from tests.drivers.objects.support import ALL, identity, s3, until

MIB = 1 << 20
KEPT = ("Key", "VersionId", "ETag", "Size", "LastModified", "IsLatest")
ANSWERED = ("Metadata", "ContentType", "ETag", "LastModified", "VersionId", "ServerSideEncryption", "TagCount")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[SeaweedFS, SeaweedFS]]:
    """One engine to copy from; one that was not started yet, with the first one's keys for encrypted objects."""
    one, other = SeaweedFS(tmp_path / "one"), SeaweedFS(tmp_path / "other")
    one.start()
    yield one, other
    one.stop()
    other.stop()


def carry(one: Path, other: Path, folder: Path) -> None:
    """Copy everything by way of a folder."""
    folder.mkdir()
    with attached(one) as contents, Copy.new(folder) as copy:
        copy.take(contents, lambda _: None)
        assert copy.follow(contents, (), lambda _: None)
    with attached(other) as contents, Copy.of(folder) as copy:
        copy.give(contents, lambda _: None)


def begin(other: SeaweedFS, one: Path, home: Path) -> None:
    (home / "data").mkdir(parents=True)
    for name in weed_copy.KEYS:
        (home / "data" / name).write_bytes((one / "data" / name).read_bytes())
    other.start()


def versions(client: Any, bucket: str) -> list[tuple[Any, ...]]:
    page = client.list_object_versions(Bucket=bucket)
    return [tuple(v.get(k) for k in KEPT) for kind in ("Versions", "DeleteMarkers") for v in page.get(kind, [])]


def fill(client: Any, bucket: str) -> str:
    """Put one of each there is; id of an upload that is not finished."""
    client.put_object(
        Bucket=bucket,
        Key="目录/small.txt",
        Body=b"one" * 999,
        ContentType="text/plain",
        Metadata={"k": "v"},
        Tagging="t=1",
    )
    client.put_object(Bucket=bucket, Key="目录/small.txt", Body=b"two" * 999, ContentType="text/plain")
    client.put_object(Bucket=bucket, Key="empty", Body=b"")
    client.put_object(Bucket=bucket, Key="large", Body=bytes(range(256)) * (11 * MIB // 256))
    client.put_object(Bucket=bucket, Key="encrypted", Body=b"secret" * 99, ServerSideEncryption="AES256")
    client.put_object(Bucket=bucket, Key="gone", Body=b"gone")
    client.delete_object(Bucket=bucket, Key="gone")
    whole, begun = (begin_upload(client, bucket, key) for key in ("whole", "begun"))
    parts = [{"PartNumber": 1, "ETag": whole[1]}]
    client.complete_multipart_upload(Bucket=bucket, Key="whole", UploadId=whole[0], MultipartUpload={"Parts": parts})
    return begun[0]


def begin_upload(client: Any, bucket: str, key: str) -> tuple[str, str]:
    """Id of an upload with one part, and that part's tag."""
    upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    part = client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"p" * 6 * MIB)
    return upload, part["ETag"]


def test_a_client_sees_no_difference(pair: tuple[SeaweedFS, SeaweedFS], tmp_path: Path) -> None:
    one, other = pair
    for bucket in ("kept", "plain"):
        one.ensure_bucket(bucket)
    one.set_versioning("kept", True)
    one.set_public_read("plain", True)
    one.set_tags("plain", {"a": "b"})
    one.set_quota_bytes("plain", MIB * 100)
    rights = {"kept": ALL, "plain": ALL}
    one.set_identities([identity("tenant", rights)])
    uploads = {bucket: fill(s3(one, "tenant"), bucket) for bucket in rights}
    before = one.counters().buckets
    begin(other, tmp_path / "one", tmp_path / "other")
    carry(tmp_path / "one", tmp_path / "other", tmp_path / "copy")
    assert one.counters().buckets == before  # nobody is billed for it
    other.stop()
    other.start()
    other.set_identities([identity("tenant", rights)])
    ours, theirs = s3(other, "tenant"), s3(one, "tenant")
    for bucket, upload in uploads.items():
        assert other.seen(bucket) == one.seen(bucket)
        assert (other.stored(bucket).bytes, other.stored(bucket).objects) == (
            one.stored(bucket).bytes,
            one.stored(bucket).objects,
        )
        assert versions(ours, bucket) == versions(theirs, bucket) != []
        for version in theirs.list_object_versions(Bucket=bucket)["Versions"]:
            which = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
            answers = [client.get_object(**which) for client in (ours, theirs)]
            contents = [a["Body"].read() for a in answers]
            assert contents[0] == contents[1]
            assert [answers[0].get(k) for k in ANSWERED] == [answers[1].get(k) for k in ANSWERED]
        assert len(ours.list_parts(Bucket=bucket, Key="begun", UploadId=upload)["Parts"]) == 1
    ours.delete_object(Bucket="plain", Key="large")
    assert ours.put_object(Bucket="kept", Key="large", Body=b"new")["VersionId"]


def entry_of(contents: Contents, bucket: str, key: str) -> Entry:
    return next(e for d, e in contents.entries() if (d, e.name) == (f"/buckets/{bucket}", key))


def test_a_list_of_lists_of_chunks_is_resolved(pair: tuple[SeaweedFS, SeaweedFS], tmp_path: Path) -> None:
    """As the engine writes it for an object of more than 10,000 chunks."""
    one, other = pair
    one.ensure_bucket("huge")
    one.set_identities([identity("tenant", {"huge": ALL})])
    content = b"x" * (9 * MIB) + b"end"
    s3(one, "tenant").put_object(Bucket="huge", Key="object", Body=content)
    with attached(tmp_path / "one") as contents:
        entry = entry_of(contents, "huge", "object")
        inner = [FileChunk.FromString(chunk.SerializeToString()) for chunk in entry.chunks]
        for chunk in inner:
            chunk.ClearField("file_id")  # as the engine keeps them in a list: by number alone
        listed = FileChunkManifest(chunks=inner).SerializeToString()
        fid = contents.put("/buckets/huge/object", listed)
        whole = weed_copy.moved(inner[0], fid)
        whole.is_chunk_manifest, whole.size = True, len(content)
        contents.create("/buckets/huge", weed_copy.with_chunks(entry, [whole]))
        assert [c.is_chunk_manifest for c in entry_of(contents, "huge", "object").chunks] == [True]
    begin(other, tmp_path / "one", tmp_path / "other")
    carry(tmp_path / "one", tmp_path / "other", tmp_path / "copy")
    other.set_identities([identity("tenant", {"huge": ALL})])
    assert s3(other, "tenant").get_object(Bucket="huge", Key="object")["Body"].read() == content


def test_a_copy_follows_the_log_to_a_moment(pair: tuple[SeaweedFS, SeaweedFS], tmp_path: Path) -> None:
    """Also where whole folders and buckets went, and where a bucket's settings changed and its objects stayed."""
    one, _ = pair
    for bucket in ("stays", "goes"):
        one.ensure_bucket(bucket)
    one.set_identities([identity("tenant", {"stays": ALL, "goes": ALL})])
    client = s3(one, "tenant")
    for bucket, key in (("stays", "a/b/c"), ("stays", "same"), ("goes", "d/e")):
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    (tmp_path / "copy").mkdir()
    with attached(tmp_path / "one") as contents, Copy.new(tmp_path / "copy") as copy:
        since = time.time_ns() - weed_copy.SLACK_NS
        copy.take(contents, lambda _: None)
        client.delete_object(Bucket="stays", Key="a/b/c")
        client.delete_object(Bucket="goes", Key="d/e")
        one.set_identities([identity("tenant", {"stays": ALL})])
        one.remove_bucket("goes")
        one.set_tags("stays", {"now": "tagged"})
        client.put_object(Bucket="stays", Key="new", Body=b"new")
        at = time.time_ns()
        client.put_object(Bucket="stays", Key="later", Body=b"later")
        time.sleep(0.3)
        assert copy.follow(contents, contents.changes(since, at), lambda _: None)
        held = copy.held()
        names = {weed_copy.path_of(d, e.name) for d, e in copy.entries()}
        assert {"/buckets/stays/same", "/buckets/stays/new"} <= names
        assert not {n for n in names if n.endswith(("/c", "/e", "/later")) or n.startswith("/buckets/goes")}
        assert (held["stays"].bytes, held["stays"].objects, "goes" in held) == (7, 2, False)


def test_what_was_compacted_away_is_told_and_the_next_moment_does_without(
    pair: tuple[SeaweedFS, SeaweedFS], tmp_path: Path
) -> None:
    one, _ = pair
    one.ensure_bucket("quick")
    one.set_identities([identity("tenant", {"quick": ALL})])
    client = s3(one, "tenant")
    client.put_object(Bucket="quick", Key="stays", Body=b"stays")
    (tmp_path / "copy").mkdir()
    with attached(tmp_path / "one") as contents, Copy.new(tmp_path / "copy") as copy:
        since = time.time_ns() - weed_copy.SLACK_NS
        copy.take(contents, lambda _: None)
        client.put_object(Bucket="quick", Key="short", Body=b"lived")
        at = time.time_ns()
        client.delete_object(Bucket="quick", Key="short")
        client.delete_object(Bucket="quick", Key="stays")
        one.set_identities([])
        one.remove_bucket("quick")  # and the volumes with it: no byte of it can be read any more
        changes = list(contents.changes(since, at))
        (short,) = [c.new[1] for c in changes if c.new and c.new[1].name == "short"]
        (fid,) = [weed_copy.fid_of(chunk) for chunk in short.chunks]
        until(lambda: contents.content(fid) is None)
        assert not copy.follow(contents, changes, lambda _: None)
        time.sleep(0.3)
        assert copy.follow(contents, contents.changes(at, time.time_ns() - 4 * weed_copy.SLACK_NS), lambda _: None)
        assert copy.held() == {}
