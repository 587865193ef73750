"""The auditor on a real engine: each of the three errors is planted behind its back, and found."""

import time
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.kernel import conservation
from cloudhall.kernel.findings import Finding
from cloudhall.kernel.store.tables import LIVE, Sort
from tests.domains.storage.conftest import City

SOON_S = 5


def look(city: City, thing: str) -> list[Finding]:
    """Two looks, and what stands of one thing afterwards."""
    for _ in range(2):
        city.kernel.auditor.look()
        city.settle()
    found = city.kernel.tables[Finding].page(city.kernel.store.read(), LIVE, Sort(descending=False), None, 100)
    return [f for f in found if f.spec.thing == thing and not f.status.ended_us]


def plant(engine: SeaweedFS, key: str, secret: str, action: str) -> None:
    """Write a key into the engine's file past the program, as somebody on the machine might."""
    path = engine._home / "s3.json"
    content: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    thief = {"name": "thief", "credentials": [{"accessKey": key, "secretKey": secret}], "actions": [action]}
    content["identities"].append(thief)
    path.write_bytes(msgspec.json.encode(content))
    engine._up.child.reload()


def until_it_lists(s3: Any, bucket: str) -> None:
    ends = time.monotonic() + SOON_S
    while True:
        try:
            s3.list_objects_v2(Bucket=bucket)
        except ClientError:
            assert time.monotonic() < ends
            time.sleep(0.05)
        else:
            return


def test_a_healthy_city_has_no_findings(city: City) -> None:
    city.s3(city.bucket("audited"))
    assert look(city, "audited") == []
    assert conservation.known(city.kernel.store.read()) == []


def test_a_bucket_that_no_row_speaks_of(city: City) -> None:
    city.engine.ensure_bucket("planted")
    (finding,) = look(city, "planted")
    assert finding.spec.what == "stray"
    assert city.engine.seen("planted") is not None
    city.engine.remove_bucket("planted")
    assert look(city, "planted") == []


def test_a_bucket_that_was_lost_is_not_made_anew(city: City) -> None:
    made = city.bucket("vanishing")
    city.engine.remove_bucket("vanishing")
    (finding,) = look(city, "vanishing")
    assert (finding.spec.what, finding.spec.target) == ("lost", made["id"])
    assert city.row(Bucket, made["id"]).condition("Ready").reason == "Lost"
    assert city.engine.seen("vanishing") is None


def test_a_key_that_works_though_no_row_gives_it(city: City) -> None:
    city.bucket("coveted")
    plant(city.engine, "thiefkey", "thiefsecret", "List:coveted")
    until_it_lists(city.client("thiefkey", "thiefsecret"), "coveted")
    (finding,) = look(city, "thiefkey")
    assert finding.spec.what == "excess"
    assert finding.status.detail == "list:coveted"


def test_rights_that_a_strange_policy_gives(city: City) -> None:
    made = city.bucket("opened")
    admin = city.client(*city.engine._up.keys.admin)
    everything = '{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::opened/*"}'
    admin.put_bucket_policy(Bucket="opened", Policy=f'{{"Version":"2012-10-17","Statement":[{everything}]}}')
    (finding,) = look(city, "opened")
    assert (finding.spec.what, finding.spec.target) == ("excess", made["id"])
    assert finding.status.detail == "strange_policy"
