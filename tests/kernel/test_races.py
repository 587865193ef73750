"""Two requests at once, and a writer that outlives whatever its jobs do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudhall.kernel import places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command, Plan
from cloudhall.kernel.errors import Forbidden, Stale
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.store import Tx
from tests.kernel.shelf import KEEPER, READER, Parcel, create, opened, update

SOON_S = 10


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    kernel = opened(tmp_path)
    yield kernel
    kernel.stop()


def meanwhile(kernel: Kernel, monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    """Let something else be committed between the next plan and its commit."""
    plan = kernel.plan

    def planned(caller: Caller, command: Command) -> Plan:
        made = plan(caller, command)
        monkeypatch.setattr(kernel, "plan", plan)
        run()
        return made

    monkeypatch.setattr(kernel, "plan", planned)


def test_an_overtaken_edit_is_planned_again(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.execute(KEEPER, create()).result(SOON_S)
    meanwhile(kernel, monkeypatch, lambda: kernel.execute(KEEPER, update({"colour": "red"})).result(SOON_S))
    answer = kernel.execute(KEEPER, update({"weight_kg": 9})).result(SOON_S)
    assert (answer.body["spec"]["weight_kg"], answer.body["spec"]["colour"]) == (9, "red")
    assert answer.body["generation"] == 3


def test_an_overtaken_edit_of_a_named_revision_is_stale(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    revision = kernel.execute(KEEPER, create()).result(SOON_S).body["revision"]
    meanwhile(kernel, monkeypatch, lambda: kernel.execute(KEEPER, update({"weight_kg": 5})).result(SOON_S))
    with pytest.raises(Stale) as error:
        kernel.execute(KEEPER, update({"weight_kg": 9}, if_match=revision)).result(SOON_S)
    assert error.value.details["difference"] == {"weight_kg": {"now": 5, "yours": 9}}


def test_a_role_lost_before_the_second_try_denies_it(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.execute(KEEPER, create()).result(SOON_S)

    def overtake_and_revoke() -> None:
        kernel.execute(KEEPER, update({"colour": "red"})).result(SOON_S)
        kernel.store.write(lambda tx: places.remove_grant(tx, "gr-system_admin")).result(SOON_S)
        kernel.store.write(
            lambda tx: places.set_grant(tx, "gr-look", KEEPER.id, "viewer", places.PLATFORM, None)
        ).result(SOON_S)

    meanwhile(kernel, monkeypatch, overtake_and_revoke)
    with pytest.raises(Forbidden):
        kernel.execute(KEEPER, update({"weight_kg": 9})).result(SOON_S)
    assert kernel.audit.search(kernel.store.read(), limit=1)[0].leaf.phase == "denied"


def test_a_denial_is_in_the_log_when_it_is_answered(kernel: Kernel) -> None:
    with pytest.raises(Forbidden):
        kernel.execute(READER, create()).result(SOON_S)
    leaf = kernel.audit.search(kernel.store.read(), limit=1)[0].leaf
    assert (leaf.actor, leaf.action, leaf.phase) == (READER.id, f"{Parcel.meta.key}:create", "denied")


def test_the_same_key_committed_meanwhile_gets_the_first_answer(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is taken by the very request that this one repeats; that must not be held against it."""
    plan, first = kernel.plan, []

    def late(caller: Caller, command: Command) -> Plan:
        monkeypatch.setattr(kernel, "plan", plan)
        first.append(kernel.execute(KEEPER, create(key="k")).result(SOON_S))
        return plan(caller, command)

    monkeypatch.setattr(kernel, "plan", late)
    again = kernel.execute(KEEPER, create(key="k")).result(SOON_S)
    assert again.replayed
    assert again.body == first[0].body
    assert len(kernel.page(KEEPER, Parcel)) == 1


def test_a_job_that_fails_takes_neither_the_writer_nor_its_neighbours_along(kernel: Kernel) -> None:
    class Odd(Exception):
        pass

    def fail(tx: Tx) -> None:
        places.set_grant(tx, "gr-odd", "pe-odd", "viewer", places.PLATFORM, None)
        raise Odd

    before = kernel.store.write(lambda _tx: "before")
    odd, after = kernel.store.write(fail), kernel.store.write(lambda _tx: "after")
    assert (before.result(SOON_S), after.result(SOON_S)) == ("before", "after")
    with pytest.raises(Odd):
        odd.result(SOON_S)
    assert not places.granted(kernel.store.read(), "pe-odd", 0)
