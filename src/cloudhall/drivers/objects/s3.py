"""Any S3 elsewhere behind the port `objects`, named by environment; as much of the port as plain S3 can say.

CLOUDHALL_S3_ENDPOINT, CLOUDHALL_S3_ACCESS_KEY, CLOUDHALL_S3_SECRET_KEY, and CLOUDHALL_S3_REGION where it is not
us-east-1. The key must be allowed to create and delete buckets. S3 has no words for keys, limits, usage counters or a
change stream, and its list of buckets may hold somebody else's: those methods are in `lacks` and raise `Unavailable`.
"""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NoReturn

from cloudhall.drivers.objects import REGION, BucketSeen, Held, Key, Stored
from cloudhall.drivers.objects.buckets import Buckets, counted, translated
from cloudhall.drivers.objects.contents import Contents
from cloudhall.drivers.objects.trouble import lacking, not_empty
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.text import T

VARIABLES = ("CLOUDHALL_S3_ENDPOINT", "CLOUDHALL_S3_ACCESS_KEY", "CLOUDHALL_S3_SECRET_KEY")


def _lacking(method: str) -> Callable[..., NoReturn]:
    def refuse(*_: object) -> NoReturn:
        raise lacking(method)

    return refuse


class ExternalS3:
    """An S3 that somebody else runs."""

    set_quota_bytes = _lacking("set_quota_bytes")
    set_identities = _lacking("set_identities")
    identities_digest = _lacking("identities_digest")
    buckets = _lacking("buckets")
    keys = _lacking("keys")
    counters = _lacking("counters")
    changes = _lacking("changes")
    lacks = frozenset(
        {"set_quota_bytes", "set_identities", "identities_digest", "buckets", "keys", "counters", "changes"}
    )

    def __init__(self, endpoint: str, key: Key, region: str = REGION) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.region = region
        self._buckets = Buckets(self.endpoint, key, region=region)
        self.contents = Contents(self.endpoint, key, region)

    def start(self) -> None:
        """Nothing to bring up; `Unavailable` when it does not answer to the key."""
        with translated(""):
            self._buckets.s3.list_buckets()

    def stop(self) -> None:
        """Nothing to bring down."""

    def healthy(self) -> bool:
        """See `Objects.healthy`."""
        try:
            self.start()
        except Unavailable:
            return False
        return True

    def seen(self, bucket: str) -> BucketSeen | None:
        """See `Objects.seen`. Three requests."""
        return self._buckets.seen(bucket)

    def ensure_bucket(self, bucket: str) -> None:
        """See `Objects.ensure_bucket`."""
        self._buckets.ensure(bucket)

    def set_versioning(self, bucket: str, on: bool) -> None:  # noqa: FBT001  as the port has it
        """See `Objects.set_versioning`."""
        self._buckets.set_versioning(bucket, on=on)

    def set_public_read(self, bucket: str, on: bool) -> None:  # noqa: FBT001  as the port has it
        """See `Objects.set_public_read`."""
        self._buckets.set_public_read(bucket, on=on)

    def set_tags(self, bucket: str, tags: Mapping[str, str]) -> None:
        """See `Objects.set_tags`."""
        self._buckets.set_tags(bucket, tags)

    def remove_objects(self, bucket: str, limit: int) -> int:
        """See `Objects.remove_objects`."""
        return self._buckets.remove_objects(bucket, limit)

    def remove_bucket(self, bucket: str) -> None:
        """See `Objects.remove_bucket`."""
        if self._buckets.keeps_versions(bucket):
            raise not_empty(bucket)
        self._buckets.remove(bucket)

    def held(self, bucket: str) -> Held:
        """See `Objects.held`."""
        return counted(partial(self._buckets.held, bucket))

    def stored(self, bucket: str) -> Stored:
        """See `Objects.stored`. A request a thousand versions; parts of unfinished uploads are not in it."""
        began_us = time.time_ns() // 1_000
        size, objects = self._buckets.stored(bucket)
        return Stored(size, objects, began_us, time.time_ns() // 1_000)


def from_environment() -> ExternalS3 | None:
    """The S3 that the environment names; None when it names none, `Unavailable` when it names only half of it."""
    values = [os.environ.get(name, "") for name in VARIABLES]
    if not any(values):
        return None
    if missing := ", ".join(name for name, value in zip(VARIABLES, values, strict=True) if not value):
        raise Unavailable(
            T("外部对象存储的设置不全：缺少 {missing}", "The external S3 is half configured: {missing} missing").format(
                missing=missing
            ),
            mend=T(
                "设置缺少的变量，或去掉全部变量以使用内置引擎", "Set what is missing, or none for the embedded engine"
            ),
            reason="s3_half_configured",
        )
    endpoint, access_key, secret_key = values
    return ExternalS3(endpoint, Key(access_key, secret_key), os.environ.get("CLOUDHALL_S3_REGION", REGION))
