"""The change stream against a script that knows what it stored, and against a full count."""

import collections
import os
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudhall.drivers.objects import weed_changes
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.drivers.objects.weed_changes import ChangeLog
from cloudhall.drivers.objects.weed_pb2 import Entry, FuseAttributes
from cloudhall.drivers.objects.weed_rpc import Filer
from cloudhall.drivers.objects.weed_wire import Event
from cloudhall.kernel.errors import NotFound
from tests.drivers.objects.support import ALL, identity, kill, s3, until

MIB = 1 << 20


class Totals:
    """Sums of all changes since a cursor, by bucket, as a controller keeps them."""

    def __init__(self, engine: SeaweedFS) -> None:
        self.engine = engine
        self.cursor = 0
        self.sums: collections.Counter[tuple[str, str]] = collections.Counter()
        self.lost = 0

    def of(self, bucket: str) -> tuple[int, int]:
        """Take what there is, to the end; bytes and objects of one bucket."""
        while True:
            batch = self.engine.changes(self.cursor)
            self.cursor = batch.cursor
            self.lost += batch.lost
            for change in batch.items:
                self.sums[change.bucket, "bytes"] += change.bytes_delta
                self.sums[change.bucket, "objects"] += change.objects_delta
            if not batch.items and not batch.lost:
                return self.sums[bucket, "bytes"], self.sums[bucket, "objects"]

    def reach(self, bucket: str, size: int, objects: int) -> None:
        """Wait for these sums; the engine's full count must say the same."""
        stored = self.engine.stored(bucket)
        assert (stored.bytes, stored.objects) == (size, objects)
        until(lambda: self.of(bucket) == (size, objects), seconds=5)


@pytest.fixture(scope="module")
def totals(engine: SeaweedFS) -> Totals:
    return Totals(engine)


@pytest.fixture
def user(engine: SeaweedFS, bucket: str) -> Any:
    engine.set_identities([identity("user", {bucket: ALL})])
    return s3(engine, "user")


def test_create_overwrite_copy_and_delete(engine: SeaweedFS, totals: Totals, bucket: str, user: Any) -> None:
    user.put_object(Bucket=bucket, Key="a/b", Body=b"x" * 5_000)
    user.put_object(Bucket=bucket, Key="empty", Body=b"")
    user.put_object(Bucket=bucket, Key="folder/", Body=b"")
    totals.reach(bucket, 5_000, 2)
    user.put_object(Bucket=bucket, Key="a/b", Body=os.urandom(9 * MIB))
    user.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a/b"})
    user.put_object_tagging(Bucket=bucket, Key="copy", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    totals.reach(bucket, 18 * MIB, 3)
    user.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a/b"}, {"Key": "copy"}, {"Key": "empty"}]})
    totals.reach(bucket, 0, 0)


def test_multipart_finished_and_given_up(engine: SeaweedFS, totals: Totals, bucket: str, user: Any) -> None:
    uploads = {key: user.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in ("kept", "given-up")}
    parts = collections.defaultdict[str, list[dict[str, Any]]](list)
    for key, upload in uploads.items():
        for number in (1, 2):
            part = {"Bucket": bucket, "Key": key, "UploadId": upload, "PartNumber": number, "Body": os.urandom(5 * MIB)}
            parts[key].append({"ETag": user.upload_part(**part)["ETag"], "PartNumber": number})
    totals.reach(bucket, 20 * MIB, 0)
    ended = {"Bucket": bucket, "Key": "kept", "UploadId": uploads["kept"]}
    user.complete_multipart_upload(**ended, MultipartUpload={"Parts": parts["kept"]})
    user.abort_multipart_upload(Bucket=bucket, Key="given-up", UploadId=uploads["given-up"])
    totals.reach(bucket, 10 * MIB, 1)


def test_versions_count_until_each_is_deleted(engine: SeaweedFS, totals: Totals, bucket: str, user: Any) -> None:
    user.put_object(Bucket=bucket, Key="k", Body=b"x" * 100)
    engine.set_versioning(bucket, True)
    user.put_object(Bucket=bucket, Key="k", Body=b"x" * 200)
    user.put_object(Bucket=bucket, Key="k", Body=b"x" * 300)
    user.delete_object(Bucket=bucket, Key="k")
    totals.reach(bucket, 600, 3)
    for version in user.list_object_versions(Bucket=bucket)["Versions"]:
        user.delete_object(Bucket=bucket, Key="k", VersionId=version["VersionId"])
    totals.reach(bucket, 0, 0)


def test_what_hides_among_the_parts_counts_too(engine: SeaweedFS, totals: Totals, bucket: str, user: Any) -> None:
    """The engine lists no key below `.uploads/`, but keeps it."""
    user.put_object(Bucket=bucket, Key=".uploads/hidden/x", Body=b"x" * 700)
    assert "Contents" not in user.list_objects_v2(Bucket=bucket)
    totals.reach(bucket, 700, 0)


def test_a_change_shows_soon_with_its_time(engine: SeaweedFS, totals: Totals, bucket: str, user: Any) -> None:
    totals.of(bucket)
    before_us = time.time_ns() // 1_000
    user.put_object(Bucket=bucket, Key="k", Body=b"x")
    after_us = time.time_ns() // 1_000
    until(lambda: engine.changes(totals.cursor).items, seconds=2)
    [change] = engine.changes(totals.cursor).items
    assert before_us <= change.at_us <= after_us


def test_a_cursor_may_be_asked_again_and_an_older_one_too(engine: SeaweedFS, bucket: str, user: Any) -> None:
    totals = Totals(engine)
    totals.of(bucket)
    begin = totals.cursor
    for number in range(3):
        user.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x" * (number + 1))
    totals.reach(bucket, 6, 3)
    for _ in range(2):
        again = Totals(engine)
        again.cursor = begin
        assert again.of(bucket) == (6, 3)


def test_long_histories_come_in_batches_each_change_once(
    engine: SeaweedFS, bucket: str, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudhall.drivers.objects.weed_changes.BATCH", 7)
    for number in range(40):
        user.put_object(Bucket=bucket, Key=f"k{number % 10}", Body=b"x" * number)
    Totals(engine).reach(bucket, sum(range(30, 40)), 10)


def test_the_cursor_moves_on_when_nothing_happens(engine: SeaweedFS) -> None:
    cursors = [engine.changes(0).cursor]
    for _ in range(3):
        time.sleep(0.01)
        cursors.append(engine.changes(cursors[-1]).cursor)
    assert cursors == sorted(set(cursors))
    assert 0 < time.time_ns() - cursors[-1] < 1_000_000_000


def test_events_logged_in_the_other_order_come_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stamped 20 and 21 at the same moment, logged as 21, 20: wherever a batch ends, both come, and once."""
    logged = [10, 11, 21, 20, 30, 31, 41, 40]

    def ask(_log: ChangeLog, since_ns: int, _until_ns: int) -> Iterator[Event]:
        position = 0
        for stamp in logged:
            position = max(position + 1, stamp)  # as the filer numbers its log
            if position > since_ns:
                created = Entry(attributes=FuseAttributes(file_size=stamp))
                yield Event(stamp, "/buckets/b", None, "/buckets/b", created)
        yield Event(50, caught_up=True)

    monkeypatch.setattr(ChangeLog, "_ask", ask)
    monkeypatch.setattr(weed_changes, "SLACK_NS", 5)
    for batch in range(1, 9):
        monkeypatch.setattr(weed_changes, "BATCH", batch)
        log, cursor, found = ChangeLog(Filer(1, ssl.create_default_context()), tmp_path / "lost"), 0, list[int]()
        while cursor < 50:
            read, cursor = log._read(cursor, 50)
            found += sorted(stamp for stamp, _ in read)
        assert found == sorted(logged), batch


def test_no_bucket_has_no_count(engine: SeaweedFS) -> None:
    with pytest.raises(NotFound):
        engine.stored("there-is-none")


def test_the_stream_goes_on_where_it_was_after_a_restart(own_engine: SeaweedFS) -> None:
    own_engine.ensure_bucket("data")
    own_engine.set_identities([identity("user", {"data": ALL})])
    user = s3(own_engine, "user")
    user.put_object(Bucket="data", Key="seen", Body=b"x" * 10)
    totals = Totals(own_engine)
    totals.reach("data", 10, 1)
    user.put_object(Bucket="data", Key="not-seen", Body=b"x" * 7)
    own_engine.stop()
    own_engine.start()
    own_engine.set_identities([identity("user", {"data": ALL})])
    s3(own_engine, "user").put_object(Bucket="data", Key="after", Body=b"x" * 5)
    totals.reach("data", 22, 3)
    assert totals.lost == 0


def test_a_killed_engine_is_said_once_to_have_lost_changes(own_engine: SeaweedFS) -> None:
    own_engine.ensure_bucket("data")
    own_engine.set_identities([identity("user", {"data": ALL})])
    user = s3(own_engine, "user")
    totals = Totals(own_engine)
    totals.of("data")
    user.put_object(Bucket="data", Key="k", Body=b"x" * 10)
    kill(own_engine)
    totals.of("data")
    assert totals.lost == 1
    stored = own_engine.stored("data")
    totals.sums = collections.Counter({("data", "bytes"): stored.bytes, ("data", "objects"): stored.objects})
    user.put_object(Bucket="data", Key="k2", Body=b"x" * 5)
    totals.reach("data", 15, 2)
    assert totals.lost == 1
