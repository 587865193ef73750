"""Backups in any S3: `s3://bucket/prefix`, reached as the environment says, in the variables of every S3 client.

A backup is made and read in a folder of this machine, which takes as much room as it; the S3 keeps copies of its files.
The manifest is sent last: a prefix without one holds no backup, whatever else is there.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from cloudhall.backup import manifest, trouble
from cloudhall.drivers.objects import REGION, Key
from cloudhall.drivers.objects.buckets import client, translated
from cloudhall.kernel.errors import CloudhallError, Unavailable
from cloudhall.kernel.text import T

SCHEME = "s3://"
ENDPOINT, REGION_NAME = "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"
NEEDED = (ENDPOINT, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
ABSENT = frozenset({"404", "NoSuchKey"})


class Place(NamedTuple):
    """Where a backup lies in an S3."""

    s3: Any
    bucket: str
    prefix: str

    @classmethod
    def of(cls, address: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Read `s3://bucket/prefix`; `Unavailable` when the environment does not say how to get there."""
        if missing := ", ".join(name for name in NEEDED if not environ.get(name)):
            raise Unavailable(
                T(
                    f"没有说明怎样到达 {address}：缺少 {missing}",
                    f"Nothing says how to reach {address}: {missing} missing",
                ),
                mend=T("设置缺少的环境变量", "Set the missing variables"),
                reason="S3_UNSAID",
            )
        bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
        endpoint, access, secret = (environ[name] for name in NEEDED)
        return cls(client(endpoint, Key(access, secret), environ.get(REGION_NAME, REGION)), bucket, prefix.strip("/"))

    def key(self, name: str) -> str:
        """Key of one file of the backup."""
        return f"{self.prefix}/{name}" if self.prefix else name

    def holds(self, name: str) -> bool:
        """Whether a file is there."""
        with translated(self.bucket, unless=ABSENT):
            self.s3.head_object(Bucket=self.bucket, Key=self.key(name))
            return True
        return False

    def send(self, folder: Path) -> None:
        """Copy a whole backup there."""
        names = sorted(path.name for path in folder.iterdir() if path.name != manifest.NAME)
        with _told(self.bucket):
            for name in (*names, manifest.NAME):
                self.s3.upload_file(str(folder / name), self.bucket, self.key(name))

    def fetch(self, folder: Path) -> None:
        """Copy it here; `Unavailable` where there is none."""
        if not self.holds(manifest.NAME):
            raise trouble.damaged(Path(self.key(manifest.NAME)))
        with _told(self.bucket):
            prefix = self.key("")
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for found in page.get("Contents", []):
                    if "/" not in (name := found["Key"].removeprefix(prefix)):
                        self.s3.download_file(self.bucket, found["Key"], str(folder / name))


@contextlib.contextmanager
def outgoing(address: str, scratch: Path | None) -> Iterator[Path]:
    """Folder to make a backup in: the one that is named, or one that is sent to an S3 when the block ends well."""
    if not address.startswith(SCHEME):
        yield Path(address).absolute()
        return
    place = Place.of(address)
    if place.holds(manifest.NAME):
        raise trouble.taken(address)
    with tempfile.TemporaryDirectory(prefix="cloudhall-backup-", dir=scratch) as temporary:
        yield (folder := Path(temporary) / "backup")
        place.send(folder)


@contextlib.contextmanager
def incoming(address: str, scratch: Path | None) -> Iterator[Path]:
    """Folder of a backup: the one that is named, or one that holds what an S3 keeps, for as long as the block."""
    if not address.startswith(SCHEME):
        yield Path(address).absolute()
        return
    with tempfile.TemporaryDirectory(prefix="cloudhall-backup-", dir=scratch) as temporary:
        Place.of(address).fetch(Path(temporary))
        yield Path(temporary)


@contextlib.contextmanager
def _told(bucket: str) -> Iterator[None]:
    """Say an error of a transfer as that of any other request."""
    from boto3.exceptions import S3UploadFailedError

    try:
        with translated(bucket):
            yield
    except S3UploadFailedError as error:
        raise _failed(error) from error


def _failed(error: Exception) -> CloudhallError:
    return Unavailable(T(f"上传失败：{error}", f"The upload failed: {error}"), reason="UPLOAD")
