"""A folder goes in and out by the programs that people have, unmodified; every byte is compared."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from tests.drivers.objects.support import ALL, SECRET, environment, identity

AWS = shutil.which("aws", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
RCLONE = shutil.which("rclone")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of awkward names and sizes, one large enough for a multipart upload (AWS: from 8 MiB on).

    A minute old: S3 tells times in whole seconds, so what is uploaded in the second of its writing looks older than
    its file, and a sync would rightly send it again.
    """
    written_s = time.time() - 60
    root = tmp_path_factory.mktemp("folder")
    chance = random.Random(7)  # noqa: S311  replayable on purpose
    sizes = {
        "空 文件.txt": 0,
        "one": 1,
        "部门/数据 表（一）.csv": 4_096,
        "部门/a+b=c&d%20e'f.bin": 65_537,
        "deep/er/est/x.bin": 1 << 20,
        "large.bin": 20 << 20,
    }
    for name, size in sizes.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(size))
        os.utime(path, (written_s, written_s))
    return root


@pytest.fixture
def rights(engine: SeaweedFS, bucket: str) -> Iterator[None]:
    engine.set_identities([identity("client", {bucket: ALL})])
    yield
    engine.set_identities([])


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def run(engine: SeaweedFS, home: Path, *command: str | Path, **more: str) -> str:
    done = subprocess.run(
        command,
        env=environment(engine, "client", home) | more,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("rights")
def test_boto3(engine: SeaweedFS, bucket: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its documentation says, but for the address: its own retries, its own multipart uploads."""
    monkeypatch.setenv("BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE", "true")  # see support.environment
    s3 = boto3.resource(
        "s3",
        endpoint_url=engine.endpoint,
        aws_access_key_id="KEYclient",
        aws_secret_access_key=SECRET,
        region_name=engine.region,
    ).Bucket(bucket)
    for name in contents(folder):
        s3.upload_file(str(folder / name), name)
    assert {item.key for item in s3.objects.all()} == set(contents(folder))
    for item in s3.objects.all():
        (tmp_path / item.key).parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(item.key, str(tmp_path / item.key))
    assert contents(tmp_path) == contents(folder)
    s3.objects.all().delete()
    assert list(s3.objects.all()) == []


@pytest.mark.usefixtures("rights")
def test_aws_command_line(engine: SeaweedFS, bucket: str, folder: Path, tmp_path: Path) -> None:
    assert AWS, "awscli belongs to the development environment"
    copy = tmp_path / "copy"
    aws = (AWS, "--endpoint-url", engine.endpoint)
    run(engine, tmp_path, *aws, "s3", "cp", "--recursive", folder, f"s3://{bucket}/in/")
    run(engine, tmp_path, *aws, "s3", "sync", f"s3://{bucket}/in/", copy)
    assert contents(copy) == contents(folder)
    assert run(engine, tmp_path, *aws, "s3", "sync", folder, f"s3://{bucket}/in/") == ""
    run(engine, tmp_path, *aws, "s3", "rm", "--recursive", f"s3://{bucket}/")
    assert run(engine, tmp_path, *aws, "s3", "ls", "--recursive", f"s3://{bucket}/") == ""
    engine.remove_bucket(bucket)


@pytest.mark.skipif(RCLONE is None, reason="rclone is not installed (Debian: rclone)")
@pytest.mark.usefixtures("rights")
def test_rclone(engine: SeaweedFS, bucket: str, folder: Path, tmp_path: Path) -> None:
    assert RCLONE
    copy = tmp_path / "copy"
    where = {
        "RCLONE_CONFIG_HALL_TYPE": "s3",
        "RCLONE_CONFIG_HALL_PROVIDER": "Other",
        "RCLONE_CONFIG_HALL_ENV_AUTH": "true",
        "RCLONE_CONFIG_HALL_ENDPOINT": engine.endpoint,
        "RCLONE_CONFIG": str(tmp_path / "rclone.conf"),
    }
    run(engine, tmp_path, RCLONE, "copy", folder, f"hall:{bucket}/in", **where)
    run(engine, tmp_path, RCLONE, "check", folder, f"hall:{bucket}/in", "--download", **where)
    run(engine, tmp_path, RCLONE, "copy", f"hall:{bucket}/in", copy, **where)
    assert contents(copy) == contents(folder)
    run(engine, tmp_path, RCLONE, "delete", f"hall:{bucket}", **where)
    assert run(engine, tmp_path, RCLONE, "ls", f"hall:{bucket}", **where) == ""


@pytest.mark.usefixtures("rights")
def test_a_client_sees_its_buckets_and_no_others(engine: SeaweedFS, bucket: str, tmp_path: Path) -> None:
    assert AWS
    engine.ensure_bucket("somebody-elses")
    listed = run(engine, tmp_path, AWS, "--endpoint-url", engine.endpoint, "s3", "ls")
    assert [line.split()[-1] for line in listed.splitlines()] == [bucket]
