"""The S3 clients that people use, unmodified: each copies a folder into a bucket and out again."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

COPY_S = 60
Copy = Callable[["Door", Path, str], None]


class Door:
    """Where an access key opens: the bucket's name, the engine's address, and what signs."""

    def __init__(self, bucket: Mapping[str, Any], key: Mapping[str, Any]) -> None:
        """`bucket` and `key` as the API gave them, the key with its secret."""
        self.bucket, self.key, self.secret = str(bucket["name"]), str(key["id"]), str(key["secret"])
        self.endpoint, self.region = str(bucket["status"]["endpoint"]), str(bucket["status"]["region"])

    def s3(self, **config: Any) -> Any:
        """A boto3 client that tries once."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name=self.region,
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, **config),
        )

    def refused(self) -> str:
        """Error code of a listing with this key; empty while it works."""
        try:
            self.s3().list_objects_v2(Bucket=self.bucket, MaxKeys=1)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""


def boto3_in(door: Door, folder: Path, prefix: str) -> None:
    """Upload every file."""
    client = door.s3()
    for file in files(folder):
        client.upload_file(str(folder / file), door.bucket, f"{prefix}/{file}")


def boto3_out(door: Door, folder: Path, prefix: str) -> None:
    """Download every object below a prefix."""
    client = door.s3()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=door.bucket, Prefix=f"{prefix}/"):
        for found in page["Contents"]:
            target = folder / found["Key"].removeprefix(f"{prefix}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(door.bucket, found["Key"], str(target))


def aws_in(door: Door, folder: Path, prefix: str) -> None:
    """`aws s3 cp --recursive`."""
    _aws(door, str(folder), f"s3://{door.bucket}/{prefix}")


def aws_out(door: Door, folder: Path, prefix: str) -> None:
    """The same the other way."""
    _aws(door, f"s3://{door.bucket}/{prefix}", str(folder))


def rclone_in(door: Door, folder: Path, prefix: str) -> None:
    """`rclone copy`."""
    _rclone(door, str(folder), f"city:{door.bucket}/{prefix}")


def rclone_out(door: Door, folder: Path, prefix: str) -> None:
    """The same the other way."""
    _rclone(door, f"city:{door.bucket}/{prefix}", str(folder))


CLIENTS: Mapping[str, tuple[Copy, Copy]] = {
    "boto3": (boto3_in, boto3_out),
    "aws": (aws_in, aws_out),
    "rclone": (rclone_in, rclone_out),
}


def missing(client: str) -> bool:
    """Whether a client is not installed here."""
    return client == "rclone" and shutil.which("rclone") is None


def files(folder: Path) -> list[str]:
    """Every file below a folder, by its path within."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def contents(folder: Path) -> dict[str, bytes]:
    """Every file with what it holds."""
    return {file: (folder / file).read_bytes() for file in files(folder)}


def _aws(door: Door, source: str, target: str) -> None:
    program = str(Path(sys.executable).with_name("aws"))
    signing = {
        "AWS_ACCESS_KEY_ID": door.key,
        "AWS_SECRET_ACCESS_KEY": door.secret,
        "AWS_DEFAULT_REGION": door.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Its botocore hangs on the connection that has sent an empty file (boto/botocore#3755); boto3 has it mended.
        "BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE": "true",
    }
    _run([program, "--endpoint-url", door.endpoint, "s3", "cp", "--recursive", "--quiet", source, target], signing)


def _rclone(door: Door, source: str, target: str) -> None:
    remote = {
        "RCLONE_CONFIG_CITY_TYPE": "s3",
        "RCLONE_CONFIG_CITY_PROVIDER": "Other",
        "RCLONE_CONFIG_CITY_ENDPOINT": door.endpoint,
        "RCLONE_CONFIG_CITY_REGION": door.region,
        "RCLONE_CONFIG_CITY_ACCESS_KEY_ID": door.key,
        "RCLONE_CONFIG_CITY_SECRET_ACCESS_KEY": door.secret,
        "RCLONE_CONFIG": os.devnull,
    }
    _run(["rclone", "copy", source, target], remote)


def _run(arguments: list[str], environ: Mapping[str, str]) -> None:
    """Run a program in an environment that brings nothing of this machine's configuration."""
    plain = {"PATH": os.environ["PATH"], "HOME": os.devnull, "LANG": "C.UTF-8"}
    done = subprocess.run(
        arguments, env={**plain, **environ}, capture_output=True, text=True, timeout=COPY_S, check=False
    )
    assert done.returncode == 0, done.stderr
