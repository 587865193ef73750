"""One installation for a test: the kernel on a file in memory, a clock that moves when told, people for every role."""

import contextlib
import copy
import functools
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from cloudhall import installation
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.project import Project
from cloudhall.kernel import places, work
from cloudhall.kernel.authority import Authority
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.ids import new_id
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.registry import AnyKind, Domain, Registry
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.store import Tx
from cloudhall.kernel.world import SECOND_US, Simulated
from tests.kit.databases import lent
from tests.kit.objects import MemoryObjects

RAM = Path("/dev/shm")  # noqa: S108  a folder of its own is made in it; the tests sync thousands of times
WAIT_S = 10


@functools.cache
def _authority(domains: tuple[Domain, ...]) -> Authority:
    """Policies compiled once for all tests: 25 of the 30 ms that opening a kernel takes."""
    return Authority(Registry(domains), None)


class Hall:
    """A kernel over engines in memory. `restart()` is what a kill of the process leaves."""

    def __init__(
        self, home: Path, domains: Sequence[Domain] = installation.DOMAINS, seed: int = 1, database: str = ""
    ) -> None:
        """Open; nothing runs by itself."""
        self.home, self.domains, self.database = home, tuple(domains), database
        self.world = Simulated(seed)
        self.objects = MemoryObjects(self.world)
        self.drivers = installation.drivers(home) | {"objects": self.objects}
        self.kernel = self._open()
        self.staff = {role: self.person(role) for role in ROLES}
        self.nobody = self.person()

    def person(self, *roles: str, place: str = places.PLATFORM) -> Caller:
        """Somebody who holds roles on a place, without a row of their own."""
        id_ = new_id("pe", self.world)
        rows = [(f"{id_}/{role}/{place}", id_, role, place) for role in roles]
        self.write(lambda tx: tx.executemany("INSERT INTO role_grant VALUES (?, ?, ?, ?, NULL)", rows))
        return Caller(id=id_, name="/".join(roles) or "nobody")

    def do(self, caller: Caller, kind: AnyKind, verb: str, **what: Any) -> dict[str, Any]:
        """Execute a command and answer its body."""
        command = Command(kind=kind, verb=verb, **what)
        return self.kernel.execute(caller, command).result(WAIT_S).body

    def project(self, name: str = "monitoring", organisation: str = "economy") -> str:
        """Id of a new project in a new organisation."""
        admin = self.staff["system_admin"]
        place = self.do(admin, Organisation, "create", name=organisation, spec={"title_zh": "市经济信息委"})["id"]
        return str(self.do(admin, Project, "create", name=name, place=place, spec={"title_zh": "监测"})["id"])

    def row(self, kind: AnyKind, id_: str) -> Kind[Any, Any]:
        """Live row."""
        row = self.kernel.tables[kind].get(self.read(), id_)
        assert row is not None, f"{kind.meta.key} {id_} is gone"
        return row

    def read(self) -> Any:
        """Connection that reads."""
        return self.kernel.store.read()

    def write(self, run: Any) -> Any:
        """Run a function in a transaction."""
        return self.kernel.store.write(run).result(WAIT_S)

    def one(self, sql: str, *parameters: Any) -> Any:
        """First value of a query."""
        row = self.read().execute(sql, parameters).fetchone()
        return row[0] if row else None

    def collect(self) -> None:
        """Let every collector and reader of the log have a turn."""
        for collector in self.kernel.collectors:
            self.kernel.collect(collector)
        self.kernel.levels.collect()

    def settle(self, within_s: float = 60) -> int:
        """Run passes, moving the clock to each retry, until nothing is due within the time; answers how many ran."""
        ends_us, ran = self.world.now_us() + int(within_s * SECOND_US), 0
        while True:
            ran += self.kernel.reconciler.run_due()
            due_us = work.next_due_us(self.read(), self.world.now_us())
            if due_us is None or due_us > ends_us:
                return ran
            self.world.advance(max(0.0, (due_us - self.world.now_us()) / SECOND_US))

    def counts(self) -> dict[str, int]:
        """How many rows each table holds."""
        tables = self.read().execute(self.kernel.store.dialect.tables).fetchall()
        return {name: self.one(f"SELECT count(*) FROM {name}") for (name,) in tables}

    def restart(self) -> None:
        """Throw the kernel away and open another on the same files."""
        self.close()
        self.reopen()

    def close(self) -> None:
        """Close the store."""
        self.kernel.store.close()

    def reopen(self) -> None:
        """Open another kernel on the files of one that is gone, and take over what it held."""
        self.kernel = self._open()
        self.write(lambda tx: work.release(tx, self.kernel.reconciler.owner))

    def forked(self, home: Path, objects: MemoryObjects, clock_us: int, seed: int) -> "Hall":
        """Another installation on a copy of this one's files and engine, with the same people."""
        other = copy.copy(self)
        other.home, other.world = home, Simulated(seed, clock_us)
        other.objects = objects.copied(other.world)
        other.drivers = installation.drivers(home) | {"objects": other.objects}
        other.reopen()
        return other

    def _open(self) -> Kernel:
        authority = copy.copy(_authority(self.domains))
        authority.world = self.world
        with mock.patch("cloudhall.kernel.kernel.Authority", return_value=authority):
            return Kernel(
                authority.registry,
                self.home,
                world=self.world,
                drivers=self.drivers,
                schemas=installation.SCHEMAS,
                collectors=installation.COLLECTORS,
                database=self.database,
            )


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give a folder in memory, where there is one."""
    path = Path(tempfile.mkdtemp(prefix="cloudhall-test-", dir=RAM if RAM.is_dir() else None))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextlib.contextmanager
def opened(domains: Sequence[Domain] = installation.DOMAINS) -> Iterator[Hall]:
    """An installation that is gone afterwards."""
    tables = tuple(domains)
    with folder() as home, lent(tables) as url, contextlib.closing(Hall(home, domains, database=url)) as built:
        yield built


@pytest.fixture
def hall() -> Iterator[Hall]:
    """An installation with all its domains and nobody in it but `staff`."""
    with opened() as built:
        yield built


def rows_of(tx: Tx, kind: AnyKind) -> list[str]:
    """Ids of the live rows of a kind."""
    return [r[0] for r in tx.execute(f"SELECT id FROM {kind.meta.table} WHERE deleted IS NULL")]
