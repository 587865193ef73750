"""The first path, through public doors alone: rent a bucket, use it, read its bill, prove its history, give it back.

The tests of this module share one bucket and stand in the order of the path; each of them also runs alone.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from cloudhall import verify
from tests.e2e.api import Api, until
from tests.e2e.clients import CLIENTS, Door, contents, missing
from tests.e2e.server import Server

PROJECT = "economic-monitoring"
MINUTE_S = 60.0
MIB = 1 << 20
GIB = 1 << 30
NANO_PER_FEN = 10_000_000
FOLDER = {
    "报表/2026/一月.csv": 70_001,
    "tables/a b+c.txt": 1,
    "tables/deep/er/empty": 0,
    "large.bin": 17 * MIB + 5,  # beyond the size at which each client begins to send in parts
    "small.bin": 4_096,
}


class Rented(NamedTuple):
    """The bucket of this module, its key, and the folder that is copied."""

    bucket: dict[str, Any]
    key: dict[str, Any]
    folder: Path

    @property
    def door(self) -> Door:
        """The bucket through its key."""
        return Door(self.bucket, self.key)


def wish(name: str, **spec: Any) -> dict[str, Any]:
    return {"name": name, "project": PROJECT, "spec": {"quota_gib": 2, "grade": "open", **spec}}


def key_for(bucket: dict[str, Any], access: str = "read-write") -> dict[str, Any]:
    return {"project": PROJECT, "spec": {"bucket": bucket["id"], "access": access}}


@pytest.fixture(scope="module")
def rented(developer: Api, tmp_path_factory: pytest.TempPathFactory) -> Rented:
    folder = tmp_path_factory.mktemp("folder")
    for name, size in FOLDER.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(random.Random(name).randbytes(size))  # noqa: S311  content, no secret
    bucket = developer.make("buckets", wish("first-path"))
    return Rented(bucket, developer.make("access-keys", key_for(bucket)), folder)


@pytest.fixture
def own(developer: Api, request: pytest.FixtureRequest) -> tuple[dict[str, Any], Door]:
    """A bucket of the test's own with a key, each as it was made."""
    name = request.node.name.replace("_", "-")[:40].strip("-")
    bucket = developer.make("buckets", wish(name, quota_gib=1))
    return bucket, Door(bucket, developer.make("access-keys", key_for(bucket)))


def test_a_dry_run_shows_price_quota_and_what_will_happen(developer: Api) -> None:
    before = developer.get("usage/quotas", project=PROJECT)["items"]
    plan = developer.post("buckets", wish("only-a-thought", quota_gib=50), validate_only="true").ok()
    assert plan["allowed"]
    (room,) = plan["quota"]
    assert (room["key"], room["asked"], room["room"] - room["used"]) == ("storage_gib", 50, before[0]["left"])
    # 0.02 yuan a GiB and month, as the demonstration's price plan says, whatever the month's length
    assert plan["price"]["month_fen"] == 100
    assert {u["meter"] for u in plan["price"]["by_use"]} >= {"storage.stored_bytes", "storage.requests_a"}
    assert plan["preview"][0]["en"]
    assert plan["preview"][0]["zh"]
    assert developer.send("GET", "buckets/only-a-thought").status == 404
    assert developer.get("usage/quotas", project=PROJECT)["items"] == before


def test_a_secret_is_shown_once(developer: Api, rented: Rented) -> None:
    assert len(rented.key["secret"]) >= 40
    assert "secret" not in developer.get(f"access-keys/{rented.key['id']}")
    assert all(rented.key["secret"] not in json.dumps(found) for found in developer.items("access-keys"))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_folder_goes_in_and_out(rented: Rented, client: str, tmp_path: Path) -> None:
    if missing(client):
        pytest.skip(f"{client} is not installed")
    copy_in, copy_out = CLIENTS[client]
    copy_in(rented.door, rented.folder, client)
    copy_out(rented.door, tmp_path, client)
    assert contents(tmp_path) == contents(rented.folder)


def test_status_usage_and_statement_show_it_within_a_minute(developer: Api, rented: Rented) -> None:
    began = time.monotonic()
    lines = used(developer, rented)
    assert time.monotonic() - began < MINUTE_S
    meters = {"reserved_gib", "stored_bytes", "requests_a", "requests_b", "sent_bytes"}
    assert {line["meter"] for line in lines} == {f"storage.{meter}" for meter in meters}


def used(developer: Api, rented: Rented) -> list[dict[str, Any]]:
    """Put and get objects; lines of the statement once they show it. The status shows all that lies in the bucket."""
    id_, s3, put = rented.bucket["id"], rented.door.s3(), {f"plain/{n}": os.urandom(1_000 + n) for n in range(10)}
    for name, content in put.items():
        s3.put_object(Bucket=rented.bucket["name"], Key=name, Body=content)
        assert s3.get_object(Bucket=rented.bucket["name"], Key=name)["Body"].read() == content
    lie = [o for p in s3.get_paginator("list_objects_v2").paginate(Bucket="first-path") for o in p["Contents"]]
    held = {"objects": len(lie), "stored_bytes": sum(o["Size"] for o in lie)}
    until(lambda: held.items() <= developer.get(f"buckets/{id_}")["status"].items(), MINUTE_S)
    lines: list[dict[str, Any]] = until(lambda: settled_lines(developer, id_, least=len(put)), MINUTE_S)
    return lines


def settled_lines(developer: Api, bucket: str, least: int) -> list[dict[str, Any]]:
    """Lines of the current statement that name a bucket, once they show at least so many requests of each class."""
    found = [line for line in statement(developer)["lines"] if bucket in {row["resource"] for row in line["rows"]}]
    shown = {line["meter"]: micro(line, bucket) for line in found}
    enough = {"storage.requests_a": least * 1_000, "storage.requests_b": least * 100}  # of 1,000 and of 10,000
    return found if all(shown.get(meter, 0) >= quantity for meter, quantity in enough.items()) else []


def micro(line: dict[str, Any], bucket: str) -> int:
    return sum(int(row["quantity_micro"]) for row in line["rows"] if row["resource"] == bucket)


def statement(developer: Api) -> dict[str, Any]:
    found = developer.get("statements", project=PROJECT)["items"]
    return found[0]["status"] if found else {"lines": []}


def test_a_statement_is_quantity_times_price_down_to_its_readings(developer: Api, rented: Rented) -> None:
    used(developer, rented)
    status, id_ = statement(developer), rented.bucket["id"]
    for line in status["lines"]:
        nano = sum(int(p["amount_nano"]) for p in line["pieces"])
        assert abs(nano - line["amount_fen"] * NANO_PER_FEN) <= NANO_PER_FEN // 2 + len(line["pieces"])
        assert sum(row["amount_fen"] for row in line["rows"]) == line["amount_fen"]
        shown = sum(int(p["quantity_micro"]) for p in line["pieces"])
        assert abs(sum(int(row["quantity_micro"]) for row in line["rows"]) - shown) <= len(line["rows"])
        for piece in line["pieces"]:
            exact = int(piece["quantity_micro"]) * int(piece["unit_nano"]) / 1_000_000
            assert abs(int(piece["amount_nano"]) - exact) <= int(piece["unit_nano"]) / 1_000_000 + 1
    assert status["total_fen"] == sum(line["amount_fen"] for line in status["lines"])

    totals = developer.get("usage", project=PROJECT)
    window = {"from": totals["from"], "to": totals["to"]}
    ours = {t["meter"]: t for t in totals["items"] if t["resource"] == id_}
    assert {"storage.requests_a", "storage.requests_b", "storage.sent_bytes", "storage.stored_bytes"} <= ours.keys()
    for meter, total in ours.items():
        page = developer.get("usage/readings", project=PROJECT, meter=meter, resource=id_, page_size=1000, **window)
        name = "micro" if total["aggregation"] == "sum" else "micro_us"
        shares = sum(int(reading[f"share_{name}"]) for reading in page["items"])
        assert (shares, len(page["items"])) == (int(total[f"quantity_{name}"]), total["readings"])


def test_the_log_shows_who_did_what(developer: Api, auditor: Api, rented: Rented) -> None:
    me = developer.get("whoami")["id"]
    found = auditor.get("audit", resource=rented.bucket["id"], page_size=200)
    (made,) = [e for e in found["items"] if e["action"] == "storage.bucket:create"]
    assert (made["actor"], made["phase"]) == (me, "done")
    assert found["names"][me] == "chen-xiaolan"
    effects = [e for e in found["items"] if e["action"] == "port:objects.ensure_bucket"]
    assert [e["phase"] for e in effects] == ["outcome", "intent"]  # newest first
    (key,) = auditor.get("audit", resource=rented.key["id"], action="storage.access_key:create")["items"]
    assert key["actor"] == me
    secret = auditor.get(f"audit/entries/{key['index']}")
    assert secret["private"]["address"] == "127.0.0.1"
    assert "private" not in developer.get(f"audit/entries/{key['index']}")


def test_the_history_is_proven_offline_by_one_plain_file(auditor: Api, rented: Rented, tmp_path: Path) -> None:
    script = Path(shutil.copy(verify.__file__, tmp_path / "verify.py"))
    proof = auditor.send("GET", "audit/proof", resource=rented.bucket["id"], private="true")
    pinned = auditor.get("audit/verifier-key").decode().strip()
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(proof.ok(), ensure_ascii=False))

    def run(content: bytes) -> subprocess.CompletedProcess[str]:
        file.write_bytes(content)
        arguments = [sys.executable, "-I", script, file, "--key", pinned, "--lang", "en"]
        return subprocess.run(arguments, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=20, check=False)

    whole = file.read_bytes()
    good = run(whole)
    assert good.returncode == 0, good.stdout
    assert "storage.bucket:create" in good.stdout
    assert "0 failed" in good.stdout
    at = whole.index(b'"leaf"') + 20
    for place in (at, whole.index(b'"checkpoint"') + 30, random.Random(1).randrange(len(whole))):  # noqa: S311  any byte
        bad = run(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert bad.returncode == 1, f"byte {place}: {bad.stdout}"
        assert "Traceback" not in bad.stderr


def test_a_revoked_key_is_refused_within_a_second(developer: Api, own: tuple[dict[str, Any], Door]) -> None:
    _, door = own
    assert door.refused() == ""
    began = time.monotonic()
    assert developer.send("DELETE", f"access-keys/{door.key}").status == 202
    code = until(door.refused, 1.0, pause_s=0.005)
    assert code == "InvalidAccessKeyId"
    assert time.monotonic() - began < 1.0
    until(lambda: developer.send("GET", f"access-keys/{door.key}").status == 404, 10)
    assert door.refused() == code


def test_a_full_bucket_is_read_only_until_there_is_room(developer: Api, own: tuple[dict[str, Any], Door]) -> None:
    """Filled by copies at the engine: stored bytes count what was written, however it came."""
    bucket, door = own
    s3, block = door.s3(), os.urandom(MIB) * 64
    s3.put_object(Bucket=door.bucket, Key="block", Body=block)
    source = {"Bucket": door.bucket, "Key": "block"}

    def fill() -> str:
        try:
            s3.copy_object(Bucket=door.bucket, Key=f"copy-{time.monotonic_ns()}", CopySource=source)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    assert until(fill, MINUTE_S, pause_s=0) == "AccessDenied"
    status = developer.get(f"buckets/{bucket['id']}")
    (full,) = [c for c in status["conditions"] if c["type"] == "WithinQuota"]
    assert (status["status"]["writable"], full["status"], full["reason"]) == (False, False, "QuotaFull")
    assert GIB <= status["status"]["stored_bytes"] < 1.5 * GIB
    assert s3.get_object(Bucket=door.bucket, Key="block")["Body"].read() == block
    with pytest.raises(ClientError) as refused:
        s3.delete_object(Bucket=door.bucket, Key="block")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403

    developer.send("PATCH", f"buckets/{bucket['id']}", {"spec": {"quota_gib": 2}}).ok()
    until(lambda: fill() == "", 5)
    until(lambda: developer.get(f"buckets/{bucket['id']}")["status"]["writable"], 5)
    emptied(developer, bucket)


def test_a_graded_bucket_hands_out_no_keys(developer: Api) -> None:
    graded = developer.make("buckets", wish("graded-one", quota_gib=1, grade="sensitive"))
    refused = developer.post("access-keys", key_for(graded))
    assert refused.status == 400
    assert [(p["code"], p["pointer"]) for p in refused.body["problems"]] == [("GRADE", "/spec/bucket")]
    assert developer.get("access-keys", bucket=graded["id"])["items"] == []


def test_a_full_bucket_is_kept_until_it_is_restored_or_destroyed(
    developer: Api, city: Server, own: tuple[dict[str, Any], Door]
) -> None:
    bucket, door = own
    address, s3 = f"buckets/{bucket['id']}", door.s3(max_pool_connections=8)
    developer.send("PATCH", address, {"spec": {"versioning": True}}, wait="10s").ok()

    def put(n: int) -> None:
        s3.put_object(Bucket=door.bucket, Key=f"{n % 600:03}", Body=b"x" * n)

    def versions() -> int:
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=door.bucket)
        return sum(len(page.get("Versions", ())) for page in pages)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(1_200)))
    until(lambda: developer.get(address)["status"]["objects"] == 1_200, 20)
    assert developer.send("DELETE", address).status == 202
    until(lambda: door.refused() == "InvalidAccessKeyId", 20)
    assert bucket["name"] in at_the_engine(city, door)
    developer.post(f"{address}:restore", {}).ok()
    until(lambda: not door.refused(), 20)
    assert versions() == 1_200

    (step,) = emptied(developer, bucket)["status"]["steps"]
    assert step["done"] == 1_200
    assert step["started_us"] < step["ended_us"]
    assert versions() == 0
    put(1)
    assert developer.send("DELETE", address).status == 202
    until(lambda: developer.post(f"{address}:purge", {}).status == 200, 20)
    until(lambda: bucket["name"] not in at_the_engine(city, door), 20)
    assert door.refused() == "InvalidAccessKeyId"


def emptied(developer: Api, bucket: dict[str, Any]) -> dict[str, Any]:
    """Empty a bucket; the operation once it has ended, seen with its progress on the way."""
    developer.post(f"buckets/{bucket['id']}:empty", {}).ok()
    found = until(lambda: developer.get("operations", target=bucket["id"])["items"], 10)
    ended: dict[str, Any] = until(lambda: _ended(developer, found[0]["id"]), 30)
    until(lambda: developer.get(f"buckets/{bucket['id']}")["status"]["objects"] == 0, 20)
    return ended


def _ended(developer: Api, operation: str) -> dict[str, Any] | None:
    now: dict[str, Any] = developer.get(f"operations/{operation}")
    return now if now["status"]["ended"] == "done" else None


def at_the_engine(city: Server, door: Door) -> list[str]:
    """Names of the engine's buckets, asked with its own key, which nobody hands out."""
    rows = json.loads((city.home / "objects/s3.json").read_bytes())["identities"]
    (admin,) = [c for row in rows if row["name"] == "cloudhall" for c in row["credentials"]]
    key = {"id": admin["accessKey"], "secret": admin["secretKey"]}
    status = {"endpoint": door.endpoint, "region": door.region}
    s3 = Door({"name": "", "status": status}, key).s3()
    return [b["Name"] for b in s3.list_buckets()["Buckets"]]
