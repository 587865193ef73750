"""Bucket verbs in plain S3, through boto3: the same for the embedded engine and for any other.

Public read is a bucket policy, so it lies with the bucket, survives restarts and is read back from there. An error
of the client library never leaves this module: it becomes one of ours, in both languages.
"""

import contextlib
import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

from cloudhall.drivers.objects import REGION, BucketSeen, Held, Key, trouble
from cloudhall.kernel.errors import CloudhallError

CONNECT_S, READ_S = 2, 10
CONNECTIONS = 32
LOOPBACK = "127.0.0.1"
Marker = tuple[str, str]
"""Key and version that a listing of versions goes on behind."""
NO_LOCKS = "ObjectLockConfigurationNotFoundError"
NO_BUCKET = frozenset({"NoSuchBucket", "404"})
"""A HEAD has no body, so its error code is the bare status."""
Answered = Callable[[str, str, int], None]
"""Told of a request: method, path, status."""
OWN = frozenset({"BucketAlreadyOwnedByYou"})


def client(endpoint: str, key: Key, region: str, read_s: int = READ_S) -> Any:
    """A boto3 S3 client that tries once and does not wait long; safe to share between threads."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=read_s,
        retries={"max_attempts": 0},
        s3={"addressing_style": "path"},
        max_pool_connections=CONNECTIONS,
        request_checksum_calculation="when_required",  # payloads are signed over their SHA-256 as it is
        response_checksum_validation="when_required",
        # What the environment names as proxy leads out of this machine, not back into it; elsewhere it holds.
        proxies={} if urlsplit(endpoint).hostname == LOOPBACK else None,
    )
    session = boto3.session.Session(aws_access_key_id=key.access, aws_secret_access_key=key.secret, region_name=region)
    return session.client("s3", endpoint_url=endpoint, config=config)


class Buckets:
    """Verbs on buckets; `answered` hears of every request that got an answer."""

    def __init__(self, endpoint: str, key: Key, *, answered: Answered | None = None, region: str = REGION) -> None:
        self._connect = partial(client, endpoint, key, region)
        self._answered = answered

    @cached_property
    def s3(self) -> Any:
        """The client, made at the first use: the library takes a third of a second to load."""
        made = self._connect()
        if self._answered:
            made.meta.events.register("after-call.s3", _reporter(self._answered))
        return made

    def ensure(self, bucket: str) -> None:
        """Create unless it is ours already."""
        with translated(bucket, unless=OWN):
            self.s3.create_bucket(Bucket=bucket)

    def set_versioning(self, bucket: str, *, on: bool) -> None:
        """Enable or suspend."""
        status = "Enabled" if on else "Suspended"
        with translated(bucket):
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    def set_public_read(self, bucket: str, *, on: bool) -> None:
        """Put our policy, or delete what there is. Asks for the bucket first: SeaweedFS would answer 500 without it."""
        with translated(bucket, unless=frozenset({"NoSuchBucketPolicy"})):
            self.s3.head_bucket(Bucket=bucket)
            if on:
                self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(public_policy(bucket)))
            else:
                self.s3.delete_bucket_policy(Bucket=bucket)

    def set_tags(self, bucket: str, tags: Mapping[str, str]) -> None:
        """Replace all; S3 refuses an empty set, so that is a deletion."""
        with translated(bucket):
            if tags:
                pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
                self.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": pairs})
            else:
                self.s3.delete_bucket_tagging(Bucket=bucket)

    def remove(self, bucket: str) -> None:
        """Delete unless it is gone."""
        with translated(bucket, unless=NO_BUCKET):
            self.s3.delete_bucket(Bucket=bucket)

    def keeps_versions(self, bucket: str) -> bool:
        """Whether it has an object or a version; S3s of less care delete a bucket whose last versions are hidden."""
        with translated(bucket, unless=NO_BUCKET):
            pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
            return any(page.get("Versions") for page in pages)
        return False

    def remove_objects(self, bucket: str, limit: int) -> int:
        """Delete up to `limit` versions and delete markers, or, where there are none, unfinished uploads."""
        with translated(bucket, unless=NO_BUCKET):
            page = self.s3.list_object_versions(Bucket=bucket, MaxKeys=limit)
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                keys = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in found]
                answer = self.s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
                refused = len(answer.get("Errors", []))
                if refused == len(keys):
                    raise trouble.retained(bucket, refused)
                return len(keys) - refused
            uploads = self.s3.list_multipart_uploads(Bucket=bucket, MaxUploads=limit).get("Uploads", [])
            for upload in uploads:
                self.s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            return len(uploads)
        return 0

    def names(self) -> list[str]:
        """Every bucket of the key's owner."""
        with translated(""):
            return [bucket["Name"] for bucket in self.s3.list_buckets().get("Buckets", [])]

    def seen(self, bucket: str) -> BucketSeen | None:
        """State by S3's own questions: four requests."""
        versioning = self._asked(self.s3.get_bucket_versioning, bucket)
        if versioning is None:
            return None
        policy = self._asked(self.s3.get_bucket_policy, bucket, none="NoSuchBucketPolicy")
        tagging = self._asked(self.s3.get_bucket_tagging, bucket, none="NoSuchTagSet")
        return BucketSeen(
            versioning=versioning.get("Status") == "Enabled",
            public_read=bool(policy) and opens(bucket, policy["Policy"]),
            tags={tag["Key"]: tag["Value"] for tag in (tagging or {}).get("TagSet", [])},
            quota_bytes=None,
            strange_policy=bool(policy) and not opens(bucket, policy["Policy"]),
        )

    def held(self, bucket: str, after: Marker = ("", "")) -> tuple[Held, Marker | None]:
        """Count old versions behind a marker, a page; where the bucket knows locks, ask each version for its own."""
        with translated(bucket, unless=NO_BUCKET):
            locks = self._asked(self.s3.get_object_lock_configuration, bucket, none=NO_LOCKS) is not None
            behind = {k: v for k, v in zip(("KeyMarker", "VersionIdMarker"), after, strict=True) if v}
            page = self.s3.list_object_versions(Bucket=bucket, **behind)
            versions = page.get("Versions", [])
            retained = sum(self._is_retained(bucket, v) for v in versions) if locks else 0
            more = (page.get("NextKeyMarker", ""), page.get("NextVersionIdMarker", "")) if page["IsTruncated"] else None
            return Held(sum(not v["IsLatest"] for v in versions), retained), more
        return Held(), None

    def _is_retained(self, bucket: str, version: Mapping[str, Any]) -> bool:
        head = self.s3.head_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        until = head.get("ObjectLockRetainUntilDate")
        lasts = until is not None and until > datetime.datetime.now(datetime.UTC)
        return bool(lasts or head.get("ObjectLockLegalHoldStatus") == "ON")

    def stored(self, bucket: str) -> tuple[int, int]:
        """Bytes and objects of all versions, a thousand a request."""
        size = objects = 0
        with translated(bucket):
            for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                counted = [v["Size"] for v in page.get("Versions", []) if not v["Key"].endswith("/")]
                size, objects = size + sum(counted), objects + len(counted)
        return size, objects

    def _asked(self, question: Any, bucket: str, none: str = "") -> Any:
        """The answer, or None when what is asked for is absent."""
        with translated(bucket, unless=NO_BUCKET | {none}):
            return question(Bucket=bucket)
        return None


def counted(page: Callable[[Marker], tuple[Held, Marker | None]]) -> Held:
    """Sum up all pages."""
    old = retained = 0
    after: Marker | None = ("", "")
    while after is not None:
        held, after = page(after)
        old, retained = old + held.old_versions, retained + held.retained
    return Held(old, retained)


def public_policy(bucket: str) -> dict[str, Any]:
    """Anyone may get an object; nobody may list by it."""
    grant = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return {"Version": "2012-10-17", "Statement": [grant]}


def opens(bucket: str, policy: str | bytes) -> bool:
    """Whether a policy is ours for public read, no more and no less."""
    try:
        return bool(json.loads(policy) == public_policy(bucket))
    except ValueError:
        return False


@contextlib.contextmanager
def translated(bucket: str, unless: frozenset[str] = frozenset()) -> Iterator[None]:
    """Turn the library's errors into ours; codes in `unless` pass as success."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in unless:
            raise _ours(code, bucket, error) from error
    except BotoCoreError as error:
        raise trouble.not_answering(error) from error


def _ours(code: str, bucket: str, error: Exception) -> CloudhallError:
    match code:
        case "BucketNotEmpty":
            return trouble.not_empty(bucket)
        case "BucketAlreadyExists":
            return trouble.taken(bucket)
        case "InvalidBucketName":
            return trouble.bad_name(bucket)
        case "NoSuchBucket" | "404":
            return trouble.no_bucket(bucket)
        case _:
            return trouble.not_answering(error)


def _reporter(answered: Answered) -> Callable[..., None]:
    def report(http_response: Any, model: Any, **_: Any) -> None:
        path = "/" + http_response.url.split("/", 3)[3]
        answered(model.http["method"], path, http_response.status_code)

    return report
