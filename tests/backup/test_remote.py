"""A backup in an S3 that is not ours: sent whole, manifest last, read back, and refused where it is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall.backup import manifest
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from tests.backup.shell import KEY, run
from tests.drivers.objects.support import ALL, SECRET, identity, s3
from tests.e2e.server import Server

AT = "s3://vault/city/2026"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """An S3 of its own with one bucket."""
    engine = SeaweedFS(tmp_path_factory.mktemp("vault"))
    engine.start()
    engine.ensure_bucket("vault")
    engine.set_identities([identity("keeper", {"vault": ALL})])
    yield engine
    engine.stop()


def reach(engine: SeaweedFS, secret: str = SECRET) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL": engine.endpoint, "AWS_ACCESS_KEY_ID": "KEYkeeper", "AWS_SECRET_ACCESS_KEY": secret}


def test_sent_tried_and_restored(vault: SeaweedFS, city: Server, taken: Path, tmp_path: Path) -> None:
    key, there = taken / KEY, reach(vault)
    made = run("backup", "--home", city.home, "--to", AT, "--key-file", key, **there)
    assert made.returncode == 0, made.stderr
    tried = run("backup", "verify", "--from", AT, "--key-file", key, **there)
    assert (tried.returncode, "8 checks, 0 failed" in tried.stdout) == (0, True), tried.stderr
    again = run("backup", "--home", city.home, "--to", AT, "--key-file", key, **there)
    assert (again.returncode, f"{AT} is there already" in again.stderr) == (7, True)
    client = s3(vault, "keeper")
    assert {o["Key"].rpartition("/")[0] for o in client.list_objects_v2(Bucket="vault")["Contents"]} == {"city/2026"}
    client.delete_object(Bucket="vault", Key=f"city/2026/{manifest.NAME}")
    half = run("restore", "--from", AT, "--key-file", key, "--home", tmp_path / "home", **there)
    assert (half.returncode, "incomplete" in half.stderr, (tmp_path / "home").exists()) == (1, True, False)


def test_what_is_in_the_way_is_said(vault: SeaweedFS, city: Server, taken: Path) -> None:
    words = ("backup", "--home", city.home, "--to", "s3://vault/x", "--key-file", taken / KEY)
    unsaid = run(*words)
    assert (unsaid.returncode, "AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID" in unsaid.stderr) == (1, True)
    assert run(*words, **reach(vault, "wrong")).returncode == 1
    assert run(*words[:4], "s3://none/x", *words[5:], **reach(vault)).returncode == 1
