"""What the tests of the object store share: clients as tenants, requests without credentials, waiting."""

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cloudhall.drivers.objects import Identity, Right
from cloudhall.drivers.objects.seaweedfs import SeaweedFS

ALL: frozenset[Right] = frozenset({"read", "write", "list"})
SECRET = "a-tenant-has-this-secret-0123456789"


def identity(name: str, rights: Mapping[str, frozenset[Right]]) -> Identity:
    """A key named after its owner."""
    return Identity(name, f"KEY{name}", SECRET, rights)


def s3(engine: SeaweedFS, name: str, secret: str = SECRET) -> Any:
    """A boto3 client as that owner, which tries once."""
    return boto3.client(
        "s3",
        endpoint_url=engine.endpoint,
        aws_access_key_id=f"KEY{name}",
        aws_secret_access_key=secret,
        region_name=engine.region,
        config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, read_timeout=10),
    )


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    """Error code of a call, empty when it was allowed."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def bare(method: str, url: str, body: bytes | None = None) -> int:
    """Status of a request without credentials."""
    request = urllib.request.Request(url, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def until(true: Callable[[], Any], seconds: float = 10) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(engine: SeaweedFS) -> None:
    """Kill the engine's process as a crash would, and wait until it is back."""
    killed = engine._up.child.pid
    assert killed
    os.kill(killed, signal.SIGKILL)
    until(lambda: engine._up.child.pid not in (None, killed) and engine.healthy())


def environment(engine: SeaweedFS, name: str, home: os.PathLike[str]) -> dict[str, str]:
    """Environment in which S3 programs act as that owner and read nobody's configuration.

    botocore's own variable keeps it from asking `100-continue` for an empty file: any server in Go then answers at
    once, and botocore misreads the next answer on that connection and hangs (botocore#3755, boto3#3757).
    """
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": f"KEY{name}",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": engine.region,
        "BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE": "true",
    }
