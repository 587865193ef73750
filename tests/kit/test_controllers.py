"""Every controller comes through every mishap: a new one is in it without a line here.

The life of each kind's demo (made, edited, deleted, restored, deleted again, destroyed) is killed at its fault points,
each call of an engine happens twice, the engine is away, wakes come in any order: it ends as it would have, and the
auditor finds nothing.
"""

from functools import partial
from typing import Any

import pytest

from cloudhall import installation
from cloudhall.kernel.commands import Command
from cloudhall.kernel.registry import AnyKind, Registry
from cloudhall.kernel.store.tables import LIVE, Sort
from cloudhall.kernel.wire import state_of
from tests.kit.campaign import Memory, Scenario, campaign
from tests.kit.demos import Demos, editable
from tests.kit.hall import Hall
from tests.kit.test_faults import the_auditor_finds_nothing, the_log_is_whole

CONTROLLED = [k for k in Registry(installation.DOMAINS) if k.meta.controller or k.meta.recoverable_days]


def found(kind: AnyKind, hall: Hall, memory: Memory) -> None:
    """A project, and all that the demo refers to."""
    demos = Demos(hall)
    demos.input(kind)
    memory["demos"] = {k: v for k, v in vars(demos).items() if k not in {"hall", "kernel"}}


def demos_of(hall: Hall, memory: Memory) -> Demos:
    """Return the demos as they were left, over the installation of now."""
    demos = Demos.__new__(Demos)
    vars(demos).update(memory["demos"], hall=hall, kernel=hall.kernel)
    return demos


def ask(hall: Hall, memory: Memory, command: Command) -> dict[str, Any]:
    """A command with a key of its own by somebody who may, so that asking again is asking once."""
    by = memory.setdefault(command.verb, None) or demos_of(hall, memory).made_by(command)
    memory[command.verb] = by
    return hall.kernel.execute(by, command).result(10).body


def make(kind: AnyKind, hall: Hall, memory: Memory) -> None:
    memory["id"] = ask(hall, memory, demos_of(hall, memory).create(kind, key="make"))["id"]


def change(kind: AnyKind, hall: Hall, memory: Memory) -> None:
    if "update" in kind.meta.allow and "edit" not in memory:
        memory["edit"] = editable(kind, hall.row(kind, memory["id"]))
    if memory.get("edit"):
        ask(hall, memory, Command(kind=kind, verb="update", target=memory["id"], spec=memory["edit"], key="change"))


def delete(kind: AnyKind, hall: Hall, memory: Memory) -> None:
    if kind.meta.allow.get("delete"):
        ask(hall, memory, Command(kind=kind, verb="delete", target=memory["id"], key="delete"))


def restore(kind: AnyKind, hall: Hall, memory: Memory) -> None:
    if kind.meta.recoverable_days:
        ask(hall, memory, Command(kind=kind, verb="restore", target=memory["id"], key="restore"))


def delete_again(kind: AnyKind, hall: Hall, memory: Memory) -> None:
    if kind.meta.recoverable_days:
        ask(hall, memory, Command(kind=kind, verb="delete", target=memory["id"], key="delete again"))


def purge(kind: AnyKind, hall: Hall, memory: Memory) -> None:
    if kind.meta.recoverable_days:
        ask(hall, memory, Command(kind=kind, verb="purge", target=memory["id"], key="purge"))


def snapshot(hall: Hall) -> Any:
    """How it stands, by names: ids differ from run to run."""
    return {
        "rows": sorted(
            (kind.meta.key, r.name, r.generation, state_of(r))
            for kind in hall.kernel.registry
            for r in hall.kernel.tables[kind].page(hall.read(), LIVE, Sort(), None, 1_000)
        ),
        "bin": hall.read().execute("SELECT kind, name, withdrawn_us IS NULL FROM bin ORDER BY 1, 2").fetchall(),
        "world": {name: hall.objects.stored(name).bytes for name in hall.objects.names_of_buckets},
        "keys": sorted(tuple(sorted(i.rights)) for i in hall.objects.keys_in_force().values()),
        "room": hall.read().execute("SELECT key, used FROM quota ORDER BY 1, 2").fetchall(),
        "events": hall.read()
        .execute("SELECT kind, verb, count(*) FROM event WHERE verb <> 'observe' GROUP BY 1, 2 ORDER BY 1, 2")
        .fetchall(),
    }


def invariant(hall: Hall) -> None:
    the_auditor_finds_nothing(hall)
    the_log_is_whole(hall)
    assert hall.read().execute("SELECT kind, id, parked FROM work WHERE parked IS NOT NULL").fetchall() == []
    live = {
        r.id
        for kind in hall.kernel.registry
        for r in hall.kernel.tables[kind].page(hall.read(), LIVE, Sort(), None, 1_000)
        if kind.meta.controller or r.deleting_us is not None
    }
    binned = {i for (i,) in hall.read().execute("SELECT id FROM bin")}
    assert {i for (i,) in hall.read().execute("SELECT id FROM work")} == live | binned


@pytest.mark.timeout(600)
@pytest.mark.parametrize("controlled", CONTROLLED, ids=[k.meta.key for k in CONTROLLED])
def test_every_controller_comes_through(controlled: AnyKind) -> None:
    steps = []
    for step in (make, change, delete, restore, delete_again, purge):
        bound = partial(step, controlled)
        bound.__name__ = step.__name__  # type: ignore[attr-defined]  # a campaign names its steps
        steps.append(bound)
    report = campaign(Scenario(partial(found, controlled), steps, snapshot, invariant))
    assert not report.failures, f"{len(report.failures)} of {report.mishaps}:\n" + "\n".join(report.failures[:20])
    assert report.mishaps > 5
