"""What lies in buckets, for people who reach it through us: plain S3, the same for the embedded engine and any other.

A request here counts as its bucket's, as if a client had sent it (no ledger takes it off), so that usage is metered
where all usage is. Bytes pass in blocks or in parts; no object is ever held as a whole. An error of the client library
never leaves this module.

Must never happen: a name that leads out of its bucket. Engines take names for paths, so whoever calls has checked it.
Not here: who may, what is logged, when a bucket is full.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from cloudhall.drivers.objects import Key, trouble
from cloudhall.drivers.objects.buckets import client

READ_S = 60
"""Completing an upload or copying a large object takes the engine longer than a question about a bucket."""
DELETED_AT_ONCE = 1_000
GONE = frozenset({"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404", "405"})
"""405 is what a delete marker answers where its version is asked for."""
WRONG_SUM = frozenset({"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"})
WRONG_NAME = frozenset({"KeyTooLongError", "InvalidURI", "InvalidArgument", "InvalidRequest", "400"})


class Item(msgspec.Struct, frozen=True):
    """One object, or one version of it. `etag` is the MD5 of its bytes where it was not written in parts."""

    key: str
    bytes: int
    modified_us: int
    etag: str
    version: str = ""
    newest: bool = True
    deleted: bool = False
    media_type: str = ""


class Listing(msgspec.Struct, frozen=True):
    """One page in the order of names; `more` is where the next one begins, empty at the end."""

    folders: tuple[str, ...]
    items: tuple[Item, ...]
    more: str = ""


class Part(msgspec.Struct, frozen=True):
    """One part that has arrived; `md5` in hex."""

    number: int
    bytes: int
    md5: str


class Unfinished(msgspec.Struct, frozen=True):
    """An upload that was begun and neither completed nor given up."""

    upload: str
    key: str
    begun_us: int


class Body:
    """Bytes of an object as they come; `close` it, also after an error."""

    def __init__(self, item: Item, first: int, count: int, stream: Any) -> None:
        """`count` bytes from `first` on are to come."""
        self.item, self.first, self.count, self._stream = item, first, count, stream

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; empty at the end."""
        with _translated(self.item.key):
            return bytes(self._stream.read(size))

    def close(self) -> None:
        """Let go of the connection."""
        self._stream.close()


class Contents:
    """Objects of the buckets at one endpoint, with one key that may do everything in them. Safe between threads."""

    def __init__(self, endpoint: str, key: Key, region: str) -> None:
        self._where = endpoint, key, region

    @cached_property
    def _s3(self) -> Any:
        """Made at the first use: the library takes a third of a second to load."""
        return client(*self._where, read_s=READ_S)

    def list(self, bucket: str, prefix: str, *, after: str = "", limit: int = 1_000, flat: bool = False) -> Listing:
        """One page of a folder, or, `flat`, of everything under a prefix. `after` is the `more` of the page before.

        A flat page has those folders that were made as such, an engine's own directories for names have no entry.
        """
        asked = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": limit}
        asked |= {} if flat else {"Delimiter": "/"}
        asked |= {"ContinuationToken": after} if after else {}
        with _translated(prefix):
            page = self._s3.list_objects_v2(**asked)
        found = page.get("Contents", [])
        folders = [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        folders += [o["Key"] for o in found if flat and o["Key"].endswith("/")]
        items = tuple(_item(o) for o in found if not o["Key"].endswith("/"))
        return Listing(tuple(folders), items, page.get("NextContinuationToken", "") if page.get("IsTruncated") else "")

    def versions(self, bucket: str, key: str, limit: int = 100) -> Sequence[Item]:
        """Versions of one object, newest first, and its delete markers; one item where none are kept."""
        with _translated(key):
            page = self._s3.list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=limit)
        found = [_item(v) for v in page.get("Versions", [])]
        found += [_item(v, deleted=True) for v in page.get("DeleteMarkers", [])]
        return sorted((v for v in found if v.key == key), key=lambda v: (v.newest, v.modified_us), reverse=True)

    def head(self, bucket: str, key: str, version: str = "") -> Item:
        """One object without its bytes; `NotFound` where there is none."""
        with _translated(key):
            return _headed(key, self._s3.head_object(Bucket=bucket, Key=key, **_version(version)))

    def open(self, bucket: str, key: str, *, version: str = "", first: int = 0, last: int | None = None) -> Body:
        """Begin to read from byte `first` to byte `last`, both in it; `Invalid` where that is beyond the end."""
        part = {"Range": f"bytes={first}-{'' if last is None else last}"} if first or last is not None else {}
        with _translated(key):
            got = self._s3.get_object(Bucket=bucket, Key=key, **_version(version), **part)
        size = int(got.get("ContentRange", "").rpartition("/")[2] or got["ContentLength"])
        item = msgspec.structs.replace(_headed(key, got), bytes=size)
        return Body(item, first, int(got["ContentLength"]), got["Body"])

    def put(self, bucket: str, key: str, content: bytes, media_type: str, md5: str) -> Item:
        """Write an object that fits into memory. The engine compares `md5` (base64)."""
        named = {"Bucket": bucket, "Key": key, "Body": content, "ContentType": media_type}
        with _translated(key):
            return _written(key, len(content), self._s3.put_object(**named, ContentMD5=md5), media_type)

    def begin(self, bucket: str, key: str, media_type: str) -> str:
        """Begin an upload in parts; answers its id, which the engine keeps until it is completed or given up."""
        with _translated(key):
            begun = self._s3.create_multipart_upload(Bucket=bucket, Key=key, ContentType=media_type)
        return str(begun["UploadId"])

    def unfinished(self, bucket: str, prefix: str, limit: int = 100) -> Sequence[Unfinished]:
        """Uploads under a prefix that were begun, oldest first."""
        with _translated(prefix):
            page = self._s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix, MaxUploads=limit)
        found = [Unfinished(u["UploadId"], u["Key"], _us(u["Initiated"])) for u in page.get("Uploads", [])]
        return sorted((u for u in found if u.key.startswith(prefix)), key=lambda u: u.begun_us)

    def parts(self, bucket: str, key: str, upload: str) -> Sequence[Part]:
        """Parts that have arrived, by number. A request a thousand."""
        found: list[Part] = []
        more: Any = 0
        while more is not None:
            with _translated(key):
                page = self._s3.list_parts(Bucket=bucket, Key=key, UploadId=upload, PartNumberMarker=more)
            found += [Part(p["PartNumber"], p["Size"], _bare(p["ETag"])) for p in page.get("Parts", [])]
            more = page["NextPartNumberMarker"] if page.get("IsTruncated") else None
        return found

    def put_part(self, bucket: str, key: str, upload: str, number: int, content: bytes, md5: str) -> None:
        """Write one part; the same number again replaces it. The engine compares `md5` (base64)."""
        named = {"Bucket": bucket, "Key": key, "UploadId": upload, "PartNumber": number}
        with _translated(key):
            self._s3.upload_part(**named, Body=content, ContentMD5=md5)

    def complete(self, bucket: str, key: str, upload: str, parts: Sequence[Part]) -> Item:
        """Make an object of its parts; from then on it is there, and the upload is not."""
        named = [{"PartNumber": part.number, "ETag": f'"{part.md5}"'} for part in parts]
        with _translated(key):
            made = self._s3.complete_multipart_upload(
                Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": named}
            )
        return _written(key, sum(part.bytes for part in parts), made, "")

    def give_up(self, bucket: str, key: str, upload: str) -> None:
        """Let go of an upload and its parts; one that is gone is no error."""
        with _translated(key, unless=frozenset({"NoSuchUpload"})):
            self._s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)

    def copy(self, bucket: str, source: str, target: str, version: str = "") -> None:
        """Copy an object within its bucket, at the engine."""
        named = {"Bucket": bucket, "Key": source, **_version(version)}
        with _translated(source):
            self._s3.copy_object(Bucket=bucket, Key=target, CopySource=named)

    def remove(self, bucket: str, objects: Sequence[tuple[str, str]]) -> Mapping[str, str]:
        """Delete up to 1,000 objects, each `(key, version)`; answers the engine's code for those that stay.

        Without a version an object goes, or where versions are kept, hides behind a delete marker.
        """
        named = [{"Key": key, **_version(version)} for key, version in objects]
        with _translated(objects[0][0] if objects else ""):
            answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
        return {error["Key"]: error["Code"] for error in answer.get("Errors", [])}


def _version(version: str) -> dict[str, str]:
    return {"VersionId": version} if version else {}


def _item(of: Mapping[str, Any], *, deleted: bool = False) -> Item:
    return Item(
        key=of["Key"],
        bytes=int(of.get("Size", 0)),
        modified_us=_us(of["LastModified"]),
        etag=_bare(of.get("ETag", "")),
        version=of.get("VersionId", ""),
        newest=of.get("IsLatest", True),
        deleted=deleted,
    )


def _headed(key: str, of: Mapping[str, Any]) -> Item:
    return Item(
        key=key,
        bytes=int(of["ContentLength"]),
        modified_us=_us(of["LastModified"]),
        etag=_bare(of.get("ETag", "")),
        version=of.get("VersionId", ""),
        media_type=of.get("ContentType", ""),
    )


def _written(key: str, count: int, of: Mapping[str, Any], media_type: str) -> Item:
    """What has just been written; the engine's own time of it may differ by the way there."""
    version, etag, now_us = of.get("VersionId", ""), _bare(of.get("ETag", "")), time.time_ns() // 1_000
    return Item(key=key, bytes=count, modified_us=now_us, etag=etag, version=version, media_type=media_type)


def _us(moment: Any) -> int:
    return int(moment.timestamp() * 1_000_000)


def _bare(etag: str) -> str:
    return etag.strip('"')


@contextlib.contextmanager
def _translated(key: str, unless: frozenset[str] = frozenset()) -> Iterator[None]:
    """Turn the library's errors into ours; codes in `unless` pass as success."""
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in unless:
            raise _ours(code, key, error) from error
    except (BotoCoreError, HTTPError, OSError) as error:
        raise trouble.not_answering(error) from error


def _ours(code: str, key: str, error: Exception) -> Exception:
    if code in GONE:
        return trouble.no_object(key)
    if code in WRONG_SUM:
        return trouble.wrong_sum(key)
    if code in WRONG_NAME:
        return trouble.bad_key(key)
    match code:
        case "NoSuchUpload" | "InvalidPart":
            return trouble.no_upload(key)
        case "NoSuchBucket":
            return trouble.no_bucket(key)
        case "InvalidRange" | "416":
            return trouble.no_range(key)
        case "EntityTooSmall" | "EntityTooLarge":
            return trouble.no_upload(key)
        case _:
            return trouble.not_answering(error)
