"""Where the rows of a campaign lie: in a file of each home, or in a PostgreSQL of its own that can be struck.

A ground gives each city a place (`of`), copies of it to look into (`copied`), and says what can be struck while the
city goes on (`blows`). A blow answers when whatever it struck is back, or is about to be.
"""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol
from unittest import mock

from bench.start import alive, command, descendants
from cloudhall.installation import DATABASE
from tests.e2e.api import until
from tests.e2e.server import Server
from tests.kit.postgres import Server as Postgres
from tests.kit.postgres import binaries

WORKERS = "CLOUDHALL_WORKERS"
AWAY_S = (0.0, 2.0)
BACK_S = 30.0
Blow = Callable[[Server, random.Random], None]


class Ground(Protocol):
    """What a campaign asks of the database below it."""

    blows: Mapping[str, Blow]

    def of(self, home: Path) -> Mapping[str, str]:
        """Environment of a server on a home: where its rows lie, and in how many processes it answers."""

    def copied(self, home: Path) -> contextlib.AbstractContextManager[None]:
        """Let whatever this process opens on a copy of `home` in the block stand on a copy of its rows."""

    def close(self) -> None:
        """Leave nothing."""


class Files:
    """SQLite: the rows are in the home."""

    blows: Mapping[str, Blow] = {}

    def of(self, _home: Path) -> Mapping[str, str]:
        """Nothing to say."""
        return {}

    def copied(self, _home: Path) -> contextlib.AbstractContextManager[None]:
        """Nothing to do: whoever copies the home has copied the rows."""
        return contextlib.nullcontext()

    def close(self) -> None:
        """Nothing to do."""


class Database:
    """PostgreSQL: a database for each home, and two processes that answer."""

    def __init__(self, programs: Path) -> None:
        """Start a server."""
        self.server = Postgres(programs)
        self.server.start()
        self._names: dict[Path, str] = {}
        self.blows: Mapping[str, Blow] = {
            "backend": self._backend,
            "crash": self._crash,
            "postmaster": self._postmaster,
            "worker": _worker,
        }

    def of(self, home: Path) -> Mapping[str, str]:
        """URL of the home's own database, made at the first time."""
        if home not in self._names:
            self._names[home] = self.server.make()
        return {DATABASE: self.server.url(self._names[home]), WORKERS: "2"}

    @contextlib.contextmanager
    def copied(self, home: Path) -> Iterator[None]:
        """Copy the database; nobody is connected to it any more, or is about to notice that its client is dead."""
        copy = self.server.make(self._names[home])
        try:
            with mock.patch.dict(os.environ, {DATABASE: self.server.url(copy)}):
                yield
        finally:
            self.server.drop(copy)

    def close(self) -> None:
        """Stop it."""
        self.server.close()

    def _backend(self, _city: Server, chance: random.Random) -> None:
        """`kill -9` of one connection's process: the server ends all others and recovers by itself."""
        pids = [
            pid for (pid,) in self.server.do("SELECT pid FROM pg_stat_activity WHERE application_name = 'cloudhall'")
        ]
        struck = chance.choice(pids)
        os.kill(struck, signal.SIGKILL)
        until(lambda: not alive(struck) and self.server.answers(), BACK_S)

    def _crash(self, _city: Server, chance: random.Random) -> None:
        """End all of the server as a machine that loses power does."""
        self.server.stop(signal.SIGQUIT)
        self._again_after(chance)

    def _postmaster(self, _city: Server, chance: random.Random) -> None:
        """`kill -9` of the first process; the others end when they notice."""
        self.server.stop(signal.SIGKILL)
        self._again_after(chance)

    def _again_after(self, chance: random.Random) -> None:
        """Start it again; as long as a process of the old one lives, a new one refuses."""
        time.sleep(chance.uniform(*AWAY_S))
        until(self._started, BACK_S)

    def _started(self) -> bool:
        with contextlib.suppress(AssertionError):
            self.server.start()
            return True
        return False


def _worker(city: Server, _chance: random.Random) -> None:
    """`kill -9` of the process that answers beside the first one; it is started again."""
    os.kill(until(lambda: worker_of(city), BACK_S), signal.SIGKILL)


def worker_of(city: Server) -> int:
    """Process of the worker beside the first one; 0 while there is none."""
    return next((p for p in descendants(city.pid) if " cloudhall.workers " in command(p) and alive(p)), 0)


def ground_of(dialect: str) -> Ground | None:
    """Ground by the name of its dialect; None where there is no PostgreSQL."""
    if dialect == "sqlite":
        return Files()
    programs = binaries()
    return Database(programs) if programs else None
