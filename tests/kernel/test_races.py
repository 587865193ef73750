"""Two requests at once, and a writer that outlives whatever its jobs do."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhall.kernel import places
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


@contextlib.contextmanager
def writer_held(kernel: Kernel) -> Iterator[None]:
    """Hold the writer, so that whatever is asked meanwhile is decided in one group, one after the other."""
    go = threading.Event()
    held = kernel.store.write(lambda _tx: go.wait(SOON_S))
    try:
        yield
    finally:
        go.set()
        held.result(SOON_S)


def test_two_edits_at_once_are_both_made(kernel: Kernel) -> None:
    kernel.execute(KEEPER, create()).result(SOON_S)
    with writer_held(kernel):
        kernel.execute(KEEPER, update({"colour": "red"}))
        second = kernel.execute(KEEPER, update({"weight_kg": 9}))
    body = second.result(SOON_S).body
    assert (body["spec"]["weight_kg"], body["spec"]["colour"], body["generation"]) == (9, "red", 3)


def test_the_second_edit_of_one_revision_is_stale(kernel: Kernel) -> None:
    revision = kernel.execute(KEEPER, create()).result(SOON_S).body["revision"]
    with writer_held(kernel):
        first = kernel.execute(KEEPER, update({"weight_kg": 5}, if_match=revision))
        second = kernel.execute(KEEPER, update({"weight_kg": 9}, if_match=revision))
    first.result(SOON_S)
    with pytest.raises(Stale) as error:
        second.result(SOON_S)
    assert error.value.details["difference"] == {"weight_kg": {"now": 5, "yours": 9}}


def test_a_role_lost_a_moment_ago_denies(kernel: Kernel) -> None:
    kernel.execute(KEEPER, create()).result(SOON_S)
    with writer_held(kernel):
        kernel.store.write(lambda tx: places.remove_grant(tx, "gr-system_admin"))
        kernel.store.write(lambda tx: places.set_grant(tx, "gr-look", KEEPER.id, "viewer", places.PLATFORM, None))
        edit = kernel.execute(KEEPER, update({"weight_kg": 9}))
    with pytest.raises(Forbidden):
        edit.result(SOON_S)
    assert kernel.audit.search(kernel.store.read(), limit=1)[0].leaf.phase == "denied"


def test_a_denial_is_in_the_log_when_it_is_answered(kernel: Kernel) -> None:
    with pytest.raises(Forbidden):
        kernel.execute(READER, create()).result(SOON_S)
    leaf = kernel.audit.search(kernel.store.read(), limit=1)[0].leaf
    assert (leaf.actor, leaf.action, leaf.phase) == (READER.id, f"{Parcel.meta.key}:create", "denied")


def test_the_same_key_twice_at_once_is_done_once(kernel: Kernel) -> None:
    """The name is taken by the very request that the second one repeats; that must not be held against it."""
    with writer_held(kernel):
        first, again = (kernel.execute(KEEPER, create(key="k")) for _ in range(2))
    assert again.result(SOON_S).replayed
    assert again.result(SOON_S).body == first.result(SOON_S).body
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
