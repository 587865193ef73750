"""A key is refused in time whatever else we are asking of the engine."""

import threading
import time
from collections.abc import Iterator

import pytest

from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from tests.drivers.objects.support import ALL, identity, refused, s3

WITHIN_S = 1.0


@pytest.fixture
def long_call(engine: SeaweedFS) -> Iterator[None]:
    """A call of ours that holds the ledger all through the test."""
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with engine._up.ledger:
            held.set()
            over.wait(20)

    thread = threading.Thread(target=hold)
    engine.ensure_bucket("long-call")
    engine.set_identities([identity("long", {"long-call": ALL})])
    thread.start()
    held.wait()
    yield
    over.set()
    thread.join()


def test_a_revocation_waits_for_no_call_under_way(engine: SeaweedFS, long_call: None) -> None:
    assert refused(s3(engine, "long").list_objects_v2, Bucket="long-call") == ""
    began = time.monotonic()
    done = engine.set_identities([])
    assert time.monotonic() - began < WITHIN_S
    assert done.in_step
    assert refused(s3(engine, "long").list_objects_v2, Bucket="long-call") == "InvalidAccessKeyId"
