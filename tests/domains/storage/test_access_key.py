"""Keys and the engine stay in step, whatever passes run at once."""

import threading

import pytest
from botocore.exceptions import ClientError

from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.kernel.commands import Command
from tests.domains.storage.conftest import City

SET = "objects.set_identities:before"
SOON_S = 5


def test_a_slow_pass_never_brings_a_revoked_key_back(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has looked up the keys while one was live, and sets them after that one was revoked and gone."""
    bucket = city.bucket("slow-pass")
    made = city.do(AccessKey, "create", "doomed", city.project, {"bucket": bucket["id"]})
    s3 = city.client(made["id"], made["secret"])
    s3.list_objects_v2(Bucket="slow-pass")

    held, go_on = threading.Event(), threading.Event()

    def fault(point: str) -> None:
        if point == SET and not held.is_set():
            held.set()
            go_on.wait(SOON_S)

    monkeypatch.setattr(city.kernel.world, "fault", fault)
    later = Command(kind=AccessKey, verb="create", name="later", place=city.project, spec={"bucket": bucket["id"]})
    city.kernel.execute(city.founder, later).result()
    (claim,) = city.kernel.reconciler._claim()
    slow = threading.Thread(target=city.kernel.reconciler.run_pass, args=(claim,))
    slow.start()
    assert held.wait(SOON_S)
    city.kernel.execute(city.founder, Command(kind=AccessKey, verb="delete", target=made["id"])).result()
    revoking = threading.Thread(target=city.settle)
    revoking.start()
    revoking.join(1)
    go_on.set()
    slow.join()
    revoking.join()
    assert city.row(AccessKey, made["id"]) is None
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        s3.list_objects_v2(Bucket="slow-pass")
    city.settle()
