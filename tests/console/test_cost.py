"""What a page costs must not grow with the table: statements, and the steps that the database takes for them."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudhall.api import saying
from cloudhall.console import home, lists, navigation
from cloudhall.kernel import quotas
from cloudhall.kernel.commands import Command, Planner
from cloudhall.kernel.commit import commit
from cloudhall.kernel.store import sqlite
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


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Statements and steps that every connection counts from now on."""
    counted = Counter[str]()
    connect = sqlite._connect

    def counting(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.set_trace_callback(lambda _sql: counted.update(["statements"]))
        connection.set_progress_handler(lambda: counted.update(["steps"]), STEP)
        return connection

    monkeypatch.setattr(sqlite, "_connect", counting)
    return counted


@pytest.fixture
def counted_yard(done: Counter[str], tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path)
    yield yard
    yard.app.state.host.close()
    yard.kernel.stop()


def test_pages_cost_as_much_with_four_times_the_rows(
    counted_yard: Yard, done: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    yard, limits = counted_yard, ((saying, "FEW_MAX"), (lists, "FEW_MAX"), (navigation, "COUNTED_MAX"))
    for module, name in (*limits, (home, "COUNTED_MAX")):
        monkeypatch.setattr(module, name, 100)
    monkeypatch.setattr(home, "STATES_OF_MAX", 50)
    visitor = yard.visitor("admina")
    yard.grant(yard.people["admina"], "developer", "platform")
    fill(yard, 0, FEW)
    before = {path: work(visitor, path, done) for path in PATHS}
    fill(yard, FEW, MANY)
    after = {path: work(visitor, path, done) for path in PATHS}
    for path in PATHS:
        assert after[path]["statements"] <= before[path]["statements"] + 2, path
        assert after[path]["steps"] <= before[path]["steps"] * FREE + 20, path


def work(visitor: Visitor, path: str, done: Counter[str]) -> Counter[str]:
    """What a page takes, the second time that it is asked."""
    visitor.open(path)
    done.clear()
    visitor.open(path)
    assert visitor.status == 200, path
    return done.copy()


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
