"""What a page costs must not grow with the table: statements, and the steps that the database takes for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cloudhall.api import saying
from cloudhall.console import home, lists, navigation
from cloudhall.kernel import quotas
from cloudhall.kernel.commands import Command, Planner
from cloudhall.kernel.commit import commit
from tests.console.yard import ROOT, Shed, Visitor, Yard

PATHS = (
    "/",
    "/sheds",
    "/sheds?colour=red&q=zq-",
    "/sheds?sort=area_m2",
    "/search?q=zq-",
    "/search?q=no-such",
    "/help",
)
STEP = 100  # instructions of SQLite's machine
FEW, MANY = 600, 2_400
FREE = 1.3  # pages differ a little by what stands on them


def test_pages_cost_as_much_with_four_times_the_rows(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = ((saying, "FEW_MAX"), (lists, "FEW_MAX"), (navigation, "COUNTED_MAX"), (home, "COUNTED_MAX"))
    for module, name in limits:
        monkeypatch.setattr(module, name, 100)
    monkeypatch.setattr(home, "STATES_OF_MAX", 50)
    visitor = yard.visitor("admina")
    yard.grant(yard.people["admina"], "developer", "platform")
    fill(yard, 0, FEW)
    before = {path: work(yard, visitor, path) for path in PATHS}
    fill(yard, FEW, MANY)
    after = {path: work(yard, visitor, path) for path in PATHS}
    for path, (statements, steps) in after.items():
        assert statements <= before[path][0] + 2, path
        assert steps <= before[path][1] * FREE + 20, path


def work(yard: Yard, visitor: Visitor, path: str) -> tuple[int, int]:
    """Statements and steps that a page takes, the second time that it is asked."""
    visitor.open(path)
    with watched(yard) as counted:
        visitor.open(path)
    assert visitor.status == 200, path
    return counted["statements"], counted["steps"]


@contextmanager
def watched(yard: Yard) -> Iterator[dict[str, int]]:
    counted = {"statements": 0, "steps": 0}
    read = yard.kernel.store.read

    def count(what: str) -> None:
        counted[what] += 1

    def reading() -> Any:
        connection: Any = read()
        connection.set_trace_callback(lambda _sql: count("statements"))
        connection.set_progress_handler(lambda: count("steps"), STEP)
        return connection

    yard.kernel.store.read = reading  # type: ignore[method-assign]  # every thread has a connection of its own
    try:
        yield counted
    finally:
        yard.kernel.store.read = read  # type: ignore[method-assign]  # as before


def fill(yard: Yard, first: int, last: int) -> None:
    """Make many sheds at once, in two projects."""

    def write(tx: Any) -> None:
        for place in (yard.north, yard.south):
            quotas.set_room(tx, place, "yard_m2", 10**9)
        planner = Planner(yard.kernel, tx, ROOT)
        for n in range(first, last):
            spec = {"area_m2": 1 + n % 50, "colour": ("red", "green", "blue")[n % 3]}
            place = (yard.north, yard.south)[n % 2]
            commit(
                yard.kernel, tx, planner.plan(Command(kind=Shed, verb="create", name=f"zq-{n}", place=place, spec=spec))
            )

    yard.kernel.store.write(write).result()
