"""A part of the soak, on SQLite, and proof that its judges see what is wrong; `test_soak_postgres` is the other."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.soak import judge, records
from tests.e2e.soak.campaign import Campaign
from tests.e2e.soak.judge import Judge
from tests.e2e.soak.ledger import Revoked
from tests.e2e.soak.load import KEEPER

CYCLES = 8
KEPT = "SELECT id FROM storage_bucket WHERE name = 'keeper-0'"
PLANTED = [
    ("UPDATE quota SET used = used + 1", "quota storage_gib counts"),
    ("DELETE FROM event WHERE revision = 7", "events, the newest is"),
    ("UPDATE storage_bucket SET revision = 1 WHERE deleted IS NULL", "is not at its last event"),
    ("DELETE FROM audit_leaf WHERE idx = 5", "the log's numbers have a gap"),
    ("UPDATE audit_leaf SET leaf = CAST(leaf || ' ' AS BLOB) WHERE idx = 3", "leaf 3 is not what its hash says"),
    (
        "UPDATE audit_leaf SET (leaf, hash) = (SELECT leaf, hash FROM audit_leaf WHERE idx = 4) WHERE idx = 3",
        "do not make the root that was signed",
    ),
    ("UPDATE audit_leaf SET decision = 'x' WHERE action = 'storage.bucket:create'", "log too seldom: 0 times"),
    (f"UPDATE audit_leaf SET resource = ({KEPT}) WHERE action = 'storage.bucket:create'", "and is in the log"),
    ("UPDATE meter_level SET level_micro = 9000000 WHERE meter = 'storage.reserved_gib'", "statement of"),
    ("UPDATE usage SET quantity_micro = quantity_micro * 2 WHERE meter = 'storage.reserved_gib'", "statement of"),
]


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Campaign, dict[str, Any]]:
    made = Campaign(tmp_path_factory.mktemp("soak"), seed=1)
    return made, made.run(CYCLES)


@pytest.mark.timeout(600)
def test_kills_lose_nothing_double_nothing_and_open_nothing(campaign: tuple[Campaign, dict[str, Any]]) -> None:
    done, figures = campaign
    assert done.wrong == []
    assert figures["kills"] > CYCLES
    assert figures["revocation_max_ms"] < 2_000
    assert min(figures["api_changes"], figures["object_writes"]) > 20 * CYCLES
    assert figures["revocations"] > CYCLES


@pytest.mark.parametrize(("sql", "finding"), PLANTED, ids=range(len(PLANTED)))
def test_wrong_records_are_seen(
    campaign: tuple[Campaign, dict[str, Any]], tmp_path: Path, sql: str, finding: str
) -> None:
    home, ledger = tmp_path / "home", campaign[0].ledger
    shutil.copytree(campaign[0].server.home, home, ignore=shutil.ignore_patterns("objects", "lock"))
    assert list(records.wrong(home, tmp_path / "copy", ledger)) == []
    with closing(sqlite3.connect(home / "cloudhall.db", isolation_level=None)) as db:
        assert db.execute(sql).rowcount
    assert any(finding in line for line in records.wrong(home, tmp_path / "copy", ledger))


@pytest.fixture(scope="module")
def judged(campaign: tuple[Campaign, dict[str, Any]]) -> Iterator[Judge]:
    """The campaign's city once more, with nothing wrong so far."""
    done, _ = campaign
    done._start()
    yield Judge(done.ledger, done.doors, done.apis, random.Random(1))  # noqa: S311  replayable on purpose
    for api in done.apis.values():
        api.close()
    done.server.stop()


def test_a_right_city_is_found_right(judged: Judge) -> None:
    assert list(judged.all(every=True)) == []


def test_lost_and_unasked_rows_are_seen(judged: Judge) -> None:
    live = judged.ledger.live["buckets"]
    id_, row = next(iter(live.items()))
    del live[id_]
    live["bk-lost"] = row | {"id": "bk-lost", "name": "soak-lost"}
    found = list(judged.rows())
    del live["bk-lost"]
    live[id_] = row | {"spec": row["spec"] | {"quota_gib": 99}}
    changed = list(judged.rows())
    live[id_] = row
    assert {line.rpartition(" is ")[2] for line in found} == {"lost", "there unasked"}
    assert len(changed) == 1
    assert "'quota_gib': 99" in changed[0]


def test_lost_and_unasked_objects_are_seen(judged: Judge) -> None:
    bucket, objects = f"{KEEPER}0", judged.ledger.objects
    at = next(at for at, digests in objects.items() if at[0] == bucket and digests != {""})
    before = objects.pop(at)
    objects[bucket, "lost"] = {"0123"}
    found = list(judged.objects(every=False))
    del objects[bucket, "lost"]
    objects[at] = {"4567"}
    other = list(judged.objects(every=False))
    objects[at] = before
    assert len(found) == 2
    assert "unasked" in found[0]
    assert "is absent" in found[1]
    assert len(other) == 1
    assert "4567" in other[0]


def test_keys_that_work_or_fail_wrongly_are_seen(judged: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "IN_FORCE_S", 0.2)
    key = next(iter(judged.ledger.rows("access-keys", KEEPER)))
    judged.ledger.revoked[key["id"]] = Revoked(key, 0.0)
    works = list(judged.revoked_keys(every=True))
    del judged.ledger.revoked[key["id"]]
    revoked = next(iter(judged.ledger.revoked.values())).row
    bucket = judged.ledger.rows("buckets", KEEPER)[0]["id"]
    judged.ledger.live["access-keys"]["ak-dead"] = dict(revoked) | {"spec": {"bucket": bucket}}
    refused = list(judged.live_keys())
    del judged.ledger.live["access-keys"]["ak-dead"]
    assert works == [f"revoked key {key['id']} works"]
    assert refused == [f"live key {revoked['id']} is refused"]


def test_totals_that_differ_from_a_listing_are_seen(judged: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "TOTALS_S", 0.0)
    listed = judged._listed
    monkeypatch.setattr(judged, "_listed", lambda bucket: listed(bucket)[1:])
    assert len(list(judged.stored())) == 3


def test_a_log_that_does_not_continue_is_seen(judged: Judge) -> None:
    kept = judged.apis["he-chuan"].get("audit/checkpoint").decode()
    origin, size, root, *rest = kept.splitlines()
    judged.ledger.kept = "\n".join([origin, size, root[::-1].lstrip("=") + "=", *rest]) + "\n"
    found = list(judged.log())
    judged.ledger.kept = kept
    assert len(found) == 1
    assert "continu" in found[0] or "malformed" in found[0]
    assert list(judged.log()) == []
