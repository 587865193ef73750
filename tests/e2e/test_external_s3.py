"""The demonstration city over an S3 that somebody else runs: it starts, says what that S3 lacks, and keeps to it."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from tests.e2e.api import Api, until
from tests.e2e.server import PROGRAM, Server

TOUR_S = 30.0  # well below the minute for which the tour would wait for its objects


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """Another engine, of which the server knows no more than address and key."""
    engine = SeaweedFS(tmp_path_factory.mktemp("elsewhere"))
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def city_elsewhere(elsewhere: SeaweedFS, server: Callable[..., Server]) -> Server:
    key = elsewhere._up.keys.admin
    names = ("CLOUDHALL_S3_ENDPOINT", "CLOUDHALL_S3_ACCESS_KEY", "CLOUDHALL_S3_SECRET_KEY")
    made = server(environ=dict(zip(names, (elsewhere.endpoint, *key), strict=True)))
    made.start()
    return made


def test_the_city_is_founded_there_and_what_lacks_is_said(city_elsewhere: Server, elsewhere: SeaweedFS) -> None:
    said = city_elsewhere.said()
    assert f"S3  {elsewhere.endpoint}" in said
    for lack in ("access keys", "a full bucket", "requests and traffic", "stored bytes"):
        assert lack in said
    with contextlib.closing(Api.of(city_elsewhere.url, "chen-xiaolan")) as developer:
        until(lambda: {b["state"] for b in developer.items("buckets")} == {"ready"}, 30.0)
        assert elsewhere.seen("economic-tables") is not None
        assert developer.items("access-keys") == []
        wish = {"project": "economic-monitoring", "spec": {"bucket": "economic-tables"}}
        key = developer.post("access-keys", wish, wait="30s").ok()
        (ready,) = (c for c in key["conditions"] if c["type"] == "Ready")
        assert (key["state"], ready["reason"]) == ("attention", "EngineLacks")


def test_the_tour_says_why_it_cannot_go_on(city_elsewhere: Server, tmp_path: Path) -> None:
    began = time.monotonic()
    environ = {**os.environ, "CLOUDHALL_LANG": "en", "HOME": str(tmp_path)}
    done = subprocess.run(
        [PROGRAM, "tour", "--url", city_elsewhere.url], env=environ, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 1
    assert "Keys of this S3 come from whoever runs it" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Into the recycle bin" in done.stdout
    assert time.monotonic() - began < TOUR_S
