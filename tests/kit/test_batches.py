"""Every kind in batches: as if each came alone; and a batch that comes through every mishap whole, once."""

from collections.abc import Sequence
from typing import Any

import pytest

from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.kernel import batches, bulk
from cloudhall.kernel.batches import Batch, Item, Outcomes
from cloudhall.kernel.bulk import Bulk
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.labels import having
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.store.tables import Where
from tests.kit.campaign import Memory, Scenario, campaign
from tests.kit.demos import Demos
from tests.kit.hall import Hall, rows_of
from tests.kit.test_faults import invariant, prepare, rows, snapshot

SPEC = {"quota_gib": 1, "grade": "open"}
LABELS = {"batch": "one"}


def run(demos: Demos, caller: Caller, commands: Sequence[Command], **how: Any) -> Outcomes:
    batch = Batch(items=tuple(map(Item, commands)), asked=len(commands), **how)
    return batches.execute(demos.kernel, caller, batch).result(10)


def two(demos: Demos, kind: AnyKind) -> list[Command]:
    """Demos that differ where they must."""
    found = [demos.create(kind, suffix) for suffix in ("-1", "-2")]
    once = [i for i in kind.meta.indexes if i.unique and fields_of(kind.meta.spec).get(i.path.removeprefix("spec."))]
    same = any(found[0].spec.get(i.path.removeprefix("spec.")) == found[1].spec.get(i.path[5:]) for i in once)
    return found[:1] if same else found


def test_a_batch_is_what_its_items_are_alone(kind: AnyKind, demos: Demos) -> None:
    alone = Demos(demos.hall, "-alone").make(kind).body
    several = two(demos, kind)
    by = demos.made_by(several[0])
    dry = run(demos, by, several, dry=True)
    before = demos.hall.counts()
    assert run(demos, by, several, dry=True).refused == dry.refused
    assert demos.hall.counts() == before
    outcomes = run(demos, by, several, key="k")
    assert outcomes.refused == dry.refused
    made = [o.body for o in outcomes.items if o.body]
    for body in made:
        assert body.keys() == alone.keys()
        assert {*body["spec"], *body["status"]} == {*alone["spec"], *alone["status"]}
    assert made, "not even the first was made"
    assert [o.body for o in run(demos, by, several, key="k").items] == [o.body for o in outcomes.items]
    demos.hall.settle()
    assert {b["id"] for b in made} <= set(rows_of(demos.hall.read(), kind))


def test_an_atomic_batch_with_one_refused_leaves_nothing(kind: AnyKind, demos: Demos) -> None:
    good = demos.create(kind, "-1")
    caller = demos.made_by(good)
    bad = Command(kind=kind, verb="create", place=good.place, name="Not A Name", spec={})
    before = demos.hall.counts()
    done = batches.execute(demos.kernel, caller, Batch(items=(Item(good), Item(bad)), atomic=True))
    error = done.exception(10)
    assert error is not None
    assert demos.hall.counts() == before


def test_what_a_filter_finds_is_deleted_as_shown(mortal: AnyKind, demos: Demos) -> None:
    made = demos.make(mortal, "-1")
    caller = demos.made_by(Command(kind=mortal, verb="delete", target=made.id))
    what = Bulk(kind=mortal, where=Where("id = ?", (made.id,)), verb="delete")
    plan = bulk.foresee(demos.kernel, caller, what).result(10)
    assert [r.id for r in plan.rows] == [made.id]
    assert demos.row(mortal, made).deleting_us is None
    outcomes = bulk.execute(demos.kernel, caller, what, plan.token).result(10)
    assert outcomes.refused == plan.outcomes.refused
    if not outcomes.refused:
        row = demos.kernel.tables[mortal].get(demos.hall.read(), made.id)
        assert row is None if mortal.meta.recoverable_days else row is not None and row.deleting_us is not None


# Through every mishap.


def create_several(hall: Hall, memory: Memory) -> None:
    items = tuple(
        Item(Command(kind=Bucket, verb="create", place=memory["project"], name=n, labels=LABELS, spec=SPEC))
        for n in ("one", "two", "NONE", "one")
    )
    outcomes = _batch(hall, items, "several")
    assert [o.error is None for o in outcomes.items] == [True, True, False, False]


def create_keys(hall: Hall, memory: Memory) -> None:
    items = tuple(
        Item(Command(kind=AccessKey, verb="create", place=memory["project"], name=f"{b}-{n}", spec={"bucket": b}))
        for b in ("one", "two")
        for n in range(2)
    )
    assert _batch(hall, items, "keys", atomic=True).refused == 0


def label_all(hall: Hall, memory: Memory) -> None:
    _bulk(hall, memory, Bulk(kind=Bucket, where=having(Bucket.meta.key, "batch"), verb="update", labels={"x": "y"}))


def delete_all(hall: Hall, memory: Memory) -> None:
    _bulk(hall, memory, Bulk(kind=Bucket, where=having(Bucket.meta.key, "x", "y"), verb="delete"))


def _batch(hall: Hall, items: tuple[Item, ...], key: str, *, atomic: bool = False) -> Outcomes:
    batch = Batch(items=items, key=key, asked=key, atomic=atomic)
    return batches.execute(hall.kernel, hall.staff["developer"], batch).result(10)


def _bulk(hall: Hall, memory: Memory, what: Bulk) -> None:
    """As a client does: the token that was seen is kept, and sent again under the same key."""
    developer = hall.staff["developer"]
    if what.verb not in memory:
        memory[what.verb] = bulk.foresee(hall.kernel, developer, what).result(10).token
    made = bulk.execute(hall.kernel, developer, what, memory[what.verb], key=what.verb, asked=what.verb)
    assert made.result(10).refused == 0


def in_order(hall: Hall) -> dict[str, Any]:
    """How it stands, whichever of two ids of one moment comes first."""
    return {part: sorted(said, key=str) if isinstance(said, list) else said for part, said in snapshot(hall).items()}


def labels_are_indexed(hall: Hall) -> None:
    invariant(hall)
    indexed = set(hall.read().execute("SELECT kind, key, value, id FROM label"))
    assert indexed == {(Bucket.meta.key, k, v, b.id) for b in rows(hall, Bucket) for k, v in b.labels.items()}


@pytest.mark.timeout(600)
def test_a_batch_comes_through_whole_and_once() -> None:
    steps = (create_several, create_keys, label_all, delete_all)
    report = campaign(Scenario(prepare, steps, in_order, labels_are_indexed))
    assert not report.failures, f"{len(report.failures)} of {report.mishaps}:\n" + "\n".join(report.failures[:20])
    assert any("batch.item" in point for point in report.points)
    assert report.mishaps > 50
