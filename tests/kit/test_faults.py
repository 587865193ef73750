"""Buckets, keys and operations come through every mishap: nothing doubled, nothing leaked, no status that lies."""

from typing import Any

import msgspec
import pytest

from cloudhall.domains.storage import bucket as bucket_module
from cloudhall.domains.storage import rules
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import EMPTY, Bucket
from cloudhall.drivers.objects import Key
from cloudhall.kernel import bin as bin_
from cloudhall.kernel import conservation, quotas, requests, work
from cloudhall.kernel.context import Context
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.kinds import Kind, Outcome, Quota, Ready
from cloudhall.kernel.operations import Operation, OperationSpec
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import LIVE, Sort
from cloudhall.kernel.wire import state_of
from tests.kit.campaign import Memory, Scenario, campaign
from tests.kit.hall import Hall
from tests.kit.objects import OWN, Refused

NAME = "stats"
GIB = 1024**3
SPEC = {"quota_gib": 1, "grade": "open"}


def rows(hall: Hall, kind: AnyKind) -> list[Kind[Any, Any]]:
    return hall.kernel.tables[kind].page(hall.read(), LIVE, Sort(descending=False), None, 1_000)


def binned(hall: Hall) -> list[Kind[Any, Any]]:
    found = hall.read().execute("SELECT kind, id FROM bin ORDER BY kind, name").fetchall()
    return [r for kind, id_ in found if (r := bin_.row(hall.kernel.tables, hall.read(), kind, id_))]


def do(hall: Hall, memory: Memory, kind: AnyKind, verb: str, **what: Any) -> dict[str, Any]:
    """A command with a key of its own, so that asking again is asking once."""
    key = memory.setdefault("keys", {}).setdefault((kind.meta.key, verb, str(what)), f"key-{len(memory['keys'])}")
    return hall.do(hall.staff["developer"], kind, verb, key=key, **what)


def prepare(hall: Hall, memory: Memory) -> None:
    memory["project"] = hall.project()


# Steps.


def create_bucket(hall: Hall, memory: Memory) -> None:
    do(hall, memory, Bucket, "create", place=memory["project"], name=NAME, spec=SPEC)


def create_key(hall: Hall, memory: Memory) -> None:
    made = do(hall, memory, AccessKey, "create", place=memory["project"], name="key", spec={"bucket": NAME})
    memory["key"] = Key(made["id"], made["secret"])


def fill_up(hall: Hall, memory: Memory) -> None:
    try:
        for n in range(3):
            hall.objects.put(memory["key"], NAME, f"object-{n}", GIB // 3 + 1)
    except Refused:
        assert len(hall.objects.names(OWN, NAME)) == 3  # repeated after it was full: the right is gone


def empty(hall: Hall, memory: Memory) -> None:
    do(hall, memory, Bucket, "empty", target=NAME, args={})


def write_again(hall: Hall, memory: Memory) -> None:
    hall.objects.put(memory["key"], NAME, "again", 5)
    assert hall.objects.get(memory["key"], NAME, "again") == 5


def raise_quota(hall: Hall, memory: Memory) -> None:
    do(hall, memory, Bucket, "update", target=NAME, spec={"quota_gib": 2, "versioning": True, "tags": {"a": "b"}})


def seal(hall: Hall, _memory: Memory) -> None:
    hall.kernel.seal()


def delete_key(hall: Hall, memory: Memory) -> None:
    do(hall, memory, AccessKey, "delete", target=memory["key"].access)


def delete_bucket(hall: Hall, memory: Memory) -> None:
    """With what it holds, and its key: both go to the recycle bin."""
    do(hall, memory, Bucket, "delete", target=NAME)


def restore_bucket(hall: Hall, memory: Memory) -> None:
    do(hall, memory, Bucket, "restore", target=NAME)


def read_again(hall: Hall, memory: Memory) -> None:
    assert hall.objects.get(memory["key"], NAME, "again") == 5


def delete_bucket_again(hall: Hall, memory: Memory) -> None:
    do(hall, memory, Bucket, "delete", target=NAME, place=memory["project"])


def purge_bucket(hall: Hall, memory: Memory) -> None:
    do(hall, memory, Bucket, "purge", target=NAME)


# Interferences.


def somebody_deletes_the_bucket(hall: Hall, _memory: Memory) -> None:
    hall.do(hall.staff["developer"], Bucket, "delete", target=NAME)


def somebody_restores_the_bucket(hall: Hall, _memory: Memory) -> None:
    hall.do(hall.staff["developer"], Bucket, "restore", target=NAME)


def somebody_purges_the_bucket(hall: Hall, _memory: Memory) -> None:
    hall.do(hall.staff["developer"], Bucket, "purge", target=NAME)


def somebody_deletes_the_key(hall: Hall, _memory: Memory) -> None:
    hall.do(hall.staff["developer"], AccessKey, "delete", target="key")


def somebody_edits(hall: Hall, _memory: Memory) -> None:
    hall.do(hall.staff["developer"], Bucket, "update", target=NAME, spec={"quota_gib": 3, "public_read": True})


def a_client_writes(hall: Hall, memory: Memory) -> None:
    if "key" in memory and NAME in hall.objects.names_of_buckets:
        try:
            hall.objects.put(memory["key"], NAME, "meanwhile", GIB)
        except Refused:
            return


def snapshot(hall: Hall) -> Any:
    """How it stands, by names."""
    return {
        "buckets": [
            (
                b.name,
                msgspec.to_builtins(b.spec),
                b.status.stored_bytes,
                b.status.objects,
                b.status.writable,
                state_of(b),
            )
            for b in rows(hall, Bucket)
        ],
        "keys": [(k.name, k.spec.access, k.status.in_force, state_of(k)) for k in rows(hall, AccessKey)],
        "bin": [
            (r.name, r.deleting_us is None, r.kept is not None and r.kept.withdrawn_us is None) for r in binned(hall)
        ],
        "operations": [(o.spec.what, o.status.ended, o.name[-2:]) for o in rows(hall, Operation)],
        "engine": {name: (seen, hall.objects.stored(name).bytes) for name, seen in hall.objects.buckets().items()},
        "rights": [(i.rights) for i in hall.objects.keys_in_force().values()],
        "room": hall.read().execute("SELECT key, used FROM quota ORDER BY 1").fetchall(),
        "levels": hall.read().execute("SELECT meter, level_micro FROM meter_level ORDER BY 1").fetchall(),
        "events": hall.read()
        .execute("SELECT kind, verb, count(*) FROM event WHERE verb <> 'observe' GROUP BY 1, 2 ORDER BY 1, 2")
        .fetchall(),
    }


# What always holds once everything has had its turn.


def invariant(hall: Hall) -> None:
    nothing_leaked(hall)
    no_status_lies(hall)
    no_key_works_that_should_not(hall)
    room_is_the_sum_of_the_rows(hall)
    every_operation_was_started_once(hall)
    the_log_is_whole(hall)
    the_auditor_finds_nothing(hall)


def the_auditor_finds_nothing(hall: Hall) -> None:
    for _ in range(conservation.LOOKS):
        hall.kernel.auditor.look()
    assert conservation.known(hall.read()) == []


def nothing_leaked(hall: Hall) -> None:
    live = [*rows(hall, Bucket), *(r for r in binned(hall) if isinstance(r, Bucket) and r.status.made)]
    assert hall.objects.names_of_buckets == {b.name for b in live}, "a bucket without a row, or a row without a bucket"
    secrets = {r for (r,) in hall.read().execute("SELECT resource FROM secret")}
    assert secrets == {k.id for k in (*rows(hall, AccessKey), *binned(hall)) if isinstance(k, AccessKey)}
    parked = hall.read().execute("SELECT kind, id, parked FROM work WHERE parked IS NOT NULL").fetchall()
    assert parked == []
    for kind in (Bucket, AccessKey, Operation):
        waiting = {r for (r,) in hall.read().execute("SELECT id FROM work WHERE kind = ?", (kind.meta.key,))}
        there = {r.id for r in (*rows(hall, kind), *binned(hall)) if isinstance(r, kind)}
        assert waiting == there, f"work of {kind.meta.key} without a row, or the reverse"
    known = {r.id for r in live}
    metered = {r for (r,) in hall.read().execute("SELECT resource FROM meter_level")}
    assert metered <= known, "a level of what is gone"


def no_status_lies(hall: Hall) -> None:
    for b in rows(hall, Bucket):
        seen, held = hall.objects.seen(b.name), hall.objects.stored(b.name)
        assert seen is not None
        assert (b.status.stored_bytes, b.status.objects) == (held.bytes, held.objects)
        if b.deleting_us is not None:
            assert state_of(b) == "attention", "a deletion that nobody can see waiting"
            continue
        assert b.ready, b.status.conditions
        assert b.status.writable is (held.bytes < b.spec.quota_gib * GIB)
        assert (seen.versioning, seen.public_read) == (b.spec.versioning, b.spec.public_read)
        assert (dict(seen.tags), seen.quota_bytes) == (b.spec.tags, rules.net_bytes(b.spec.quota_gib))
        assert not b.status.operation, "an operation that has ended is shown as running"
    for k in rows(hall, AccessKey):
        assert k.ready
        assert k.status.in_force


def no_key_works_that_should_not(hall: Hall) -> None:
    keys = {k.id: k for k in rows(hall, AccessKey)}
    assert hall.objects.keys_in_force().keys() == keys.keys()
    for id_, identity in hall.objects.keys_in_force().items():
        home = hall.row(Bucket, keys[id_].spec.bucket)
        room = home.deleting_us is None and hall.objects.stored(home.name).bytes < home.spec.quota_gib * GIB
        may_write = room and keys[id_].spec.access == "read-write"
        assert identity.rights == {home.name: {"read", "list"} | ({"write"} if may_write else set())}


def room_is_the_sum_of_the_rows(hall: Hall) -> None:
    used = hall.one("SELECT coalesce(sum(used), 0) FROM quota WHERE key = 'storage_gib'")
    assert used == sum(b.spec.quota_gib for b in rows(hall, Bucket))


def every_operation_was_started_once(hall: Hall) -> None:
    """The last that was asked for has run; one that was overtaken before any pass saw it need not have."""
    for b in rows(hall, Bucket):
        own = [o for o in rows(hall, Operation) if o.spec.target == b.id and not o.name.startswith("purge-")]
        numbers = [int(o.name.rpartition("-")[2]) for o in own]
        assert len(set(numbers)) == len(numbers) <= b.spec.emptied
        assert max(numbers, default=0) == b.spec.emptied
        assert all(o.status.ended for o in own)
    created = hall.one("SELECT count(*) FROM event WHERE kind = 'kernel.operation' AND verb = 'create'")
    assert created == len(rows(hall, Operation))


def the_log_is_whole(hall: Hall) -> None:
    revisions = [r for (r,) in hall.read().execute("SELECT revision FROM event ORDER BY revision")]
    assert revisions == list(range(1, len(revisions) + 1))
    leaves = hall.kernel.audit.search(hall.read(), limit=10_000)
    assert sorted(f.idx for f in leaves) == list(range(len(leaves)))
    done = sorted(f.leaf.revision for f in leaves if f.leaf.phase == "done" and f.leaf.revision)
    sql = "SELECT revision FROM event WHERE verb NOT IN ('observe', 'remove') ORDER BY revision"
    assert done == [r for (r,) in hall.read().execute(sql)], "a change without a leaf, or a leaf without its change"
    intents = {f.idx for f in leaves if f.leaf.phase == "intent"}
    outcomes = [f.leaf.intent for f in leaves if f.leaf.phase == "outcome"]
    assert len(set(outcomes)) == len(outcomes)
    assert set(outcomes) <= intents
    hall.kernel.seal()
    hall.kernel.audit.verify_on_start(hall.read())


STEPS = (
    create_bucket,
    create_key,
    fill_up,
    empty,
    write_again,
    raise_quota,
    seal,
    delete_bucket,
    restore_bucket,
    read_again,
    delete_key,
    delete_bucket_again,
    purge_bucket,
)
ACTS = (
    somebody_deletes_the_bucket,
    somebody_restores_the_bucket,
    somebody_purges_the_bucket,
    somebody_deletes_the_key,
    somebody_edits,
    a_client_writes,
)


@pytest.mark.timeout(600)
def test_a_bucket_and_its_key_come_through() -> None:
    report = campaign(Scenario(prepare, STEPS, snapshot, invariant, ACTS))
    assert not report.failures, f"{len(report.failures)} of {report.mishaps}:\n" + "\n".join(report.failures[:20])
    assert len(report.points) > 300
    assert report.mishaps > 200


# The kit itself: each error that is planted is found.


def forgets_the_engine(b: Bucket, ctx: Context) -> Outcome:
    return Ready()


def believes_its_wish(b: Bucket, ctx: Context) -> Outcome:
    outcome = bucket_module.reconcile(b, ctx)
    b.status.writable = True
    return outcome


def never_withdraws(stored_bytes: int, quota_gib: int) -> bool:
    return False


def starts_anew_each_pass(b: Bucket, ctx: Context) -> bool:
    if b.spec.emptied:
        spec = OperationSpec(what=EMPTY, target=b.id)
        ctx.create(Operation, name=f"empty-{b.id[3:]}-{ctx.fence}", spec=spec)
    return False


def keeps_its_room(tx: Tx, place: str, quota: Quota, amount: int) -> None:
    if amount > 0:
        charge(tx, place, quota, amount)


def removes_for_anybody(tx: Tx, c: work.Claim) -> bool:
    tx.execute("DELETE FROM work WHERE kind = ? AND id = ?", (c.kind, c.id))
    return c.kind != AccessKey.meta.key


charge = quotas.charge
PLANTED: tuple[tuple[Any, str, Any], ...] = (
    (Bucket.meta, "finalizer", forgets_the_engine),
    (Bucket.meta, "controller", believes_its_wish),
    (rules, "is_full", never_withdraws),
    (bucket_module, "_emptying", starts_anew_each_pass),
    (quotas, "charge", keeps_its_room),
    (work, "remove", removes_for_anybody),
    (requests, "recall", lambda *_: None),
)


@pytest.mark.parametrize(("where", "name", "error"), PLANTED, ids=[getattr(e, "__name__", n) for _, n, e in PLANTED])
def test_the_kit_finds_what_is_planted(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, error: Any) -> None:
    monkeypatch.setattr(where, name, error, raising=False)
    with pytest.raises((AssertionError, CloudhallError)):  # in the plain run, or else in one of the mishaps
        assert not campaign(Scenario(prepare, STEPS, snapshot, invariant), to_the_end=False).failures
