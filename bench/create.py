"""How many durable creates a second the whole interface takes: HTTP, token, policy, quota, idempotency, audit, event.

    creates_per_s           acknowledged with 201, each on disk before it was (WAL, synchronous=FULL)
    fsyncs_per_s            commits of the server's one writer; each is one fsync, shared by all creates of its group
    server_cpu_s_per_1000   user and system time of the server process for 1,000 creates; `client_…` of the clients'
    p50_ms, p99_ms          seen by a client, from the first byte out to the last byte in
    bare_fsyncs_per_s       limit: a file of the same disk, 4 KiB written and synced again and again
    bare_sqlite_rows_per_s  limit: SQLite alone, one row as wide as a create, in groups as large as the server's were

The clients are a process of their own with keep-alive connections over loopback, each waiting for its answer before it
asks again. After the run, every acknowledged create is looked for in the database.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloudhall.domains.identity import DOMAIN as IDENTITY
from cloudhall.domains.identity import passwords, resets, sessions
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.identity.token import Token
from cloudhall.kernel import places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Index, Kind, Quota, Spec, Status, T, field
from cloudhall.kernel.registry import Domain, Registry
from cloudhall.kernel.roles import DEVELOPER, SYSTEM_ADMIN
from cloudhall.kernel.wire import rfc3339
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from starlette.applications import Starlette

WARM_UP_S = 2.0
BARE_S = 2.0
ROW_BYTES = 2_000  # what a create of this kind adds over all tables and indexes, about
PAGE_BYTES = 4_096


class TicketSpec(Spec, frozen=True, kw_only=True):
    """A few plain fields."""

    size_gib: Annotated[int, field("大小", "Size", unit="GiB", ge=1, le=1_000)]
    grade: Annotated[str, field("级别", "Grade")] = "internal"


class Ticket(
    Kind[TicketSpec, Status],
    title=T("票", "Ticket"),
    prefix="zt",
    doc=T("只供测量", "For this measurement alone"),
    allow={"read": (DEVELOPER,), "create": (DEVELOPER,)},
    indexes=(Index("spec.grade"),),
    quotas=(Quota("ticket_gib", "spec.size_gib", T("大小", "Size"), "GiB", 10**12),),
):
    """A kind without a controller."""


Ticket.meta.domain = "bench"  # a script lies in no domain's folder
TICKETS = Domain(name="bench", title=T("测量", "Bench"), question=T("多快？", "How fast?"), kinds=(Ticket,))


def serve(home: Path, port: int) -> None:
    """Run the server; its first line is a token and the project to create in."""
    import uvicorn

    from cloudhall.api.app import create_app

    schemas = (passwords.SCHEMA, resets.SCHEMA, sessions.SCHEMA)
    kernel = Kernel(Registry([IDENTITY, TICKETS]), home, schemas=schemas)
    token, project = found(kernel)
    commits = [0]
    kernel.store.on_commit.append(lambda: commits.__setitem__(0, commits[0] + 1))
    kernel.start()

    async def figures(_request: Request) -> Response:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return JSONResponse({"commits": commits[0], "cpu_s": used.ru_utime + used.ru_stime})

    app: Starlette = create_app(kernel, routes=[Route("/figures", figures)])
    print(json.dumps({"token": token, "project": project}), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(app, port=port, log_level="warning", access_log=False)
    kernel.stop()


def found(kernel: Kernel) -> tuple[str, str]:
    """Make an organisation, a project, a developer with a token; answers token and project."""
    root = Caller(id="pe-root")

    def grant(who: str, role: str) -> None:
        kernel.store.write(lambda tx: places.set_grant(tx, f"{who}/{role}", who, role, places.PLATFORM, None)).result()

    def make(caller: Caller, kind: type[Kind[Any, Any]], place: str = "", **spec: Any) -> dict[str, Any]:
        name = kind.meta.name if not kind.meta.auto_name else None
        command = Command(kind=kind, verb="create", name=name, place=place, spec=spec)
        return kernel.execute(caller, command).result().body

    grant(root.id, SYSTEM_ADMIN)
    make(root, Organisation, title_zh="单位")
    project = make(root, Project, "organisation", title_zh="项目")["id"]
    developer = make(root, Person, "organisation", display_name="开发者")["id"]
    grant(developer, DEVELOPER)
    tomorrow = rfc3339(kernel.world.now_us() + 86_400 * SECOND_US)
    caller = Caller(id=developer)
    spec = {"subject": developer, "scopes": ["bench.*", "*:read"], "expires_at": tomorrow}
    return make(caller, Token, "organisation", **spec)["secret"], project


class Client(asyncio.Protocol):
    """One keep-alive connection that creates one ticket after the other."""

    def __init__(self, number: int, head: str, project: str, run: "Run") -> None:
        """`head` is the request up to the idempotency key."""
        self.number, self.head, self.project, self.run = number, head, project, run
        self.count, self.sent_at, self.received = 0, 0.0, b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Wait for a whole answer, note it, ask again."""
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            return
        self.run.note(self._name(), head[9:12], body, time.perf_counter() - self.sent_at)
        self.received = b""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Count a connection that the server closed."""
        self.run.lost += not self.run.over

    def _name(self) -> str:
        return f"t-{self.number}-{self.count}"

    def _ask(self) -> None:
        assert self.transport is not None
        if self.run.over:
            self.transport.close()
            return
        self.count += 1
        name = self._name()
        body = f'{{"name":"{name}","project":"{self.project}","spec":{{"size_gib":1}}}}'
        self.sent_at = time.perf_counter()
        self.transport.write(f"{self.head}{name}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


class Run:
    """What the clients saw."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.over, self.lost, self.measuring = False, 0, False
        self.names: list[str] = []
        self.latencies_s: list[float] = []

    def note(self, name: str, status: bytes, body: bytes, latency_s: float) -> None:
        """Count an answer; a measurement of refusals would be none."""
        if status != b"201":
            raise SystemExit(f"answered {status.decode()}: {body.decode()}")
        self.names.append(name)
        if self.measuring:
            self.latencies_s.append(latency_s)


async def load(port: int, token: str, project: str, clients: int, seconds: float) -> dict[str, Any]:
    """Keep the server busy; answers what was measured between warm-up and end."""
    loop, run = asyncio.get_running_loop(), Run()
    head = (
        f"POST /api/v1/tickets HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nIdempotency-Key: "
    )
    for number in range(clients):
        await loop.create_connection(lambda n=number: Client(n, head, project, run), "127.0.0.1", port)  # type: ignore[misc]  # bound in the default
    await asyncio.sleep(WARM_UP_S)
    before, mine, began = await figures(port), cpu_s(), time.perf_counter()
    run.measuring = True
    await asyncio.sleep(seconds)
    run.measuring = False
    took_s, own_s, after = time.perf_counter() - began, cpu_s() - mine, await figures(port)
    run.over = True
    await asyncio.sleep(0.5)
    creates = len(run.latencies_s)
    cuts = statistics.quantiles(run.latencies_s, n=100)
    return {
        "creates_per_s": round(creates / took_s),
        "fsyncs_per_s": round((after["commits"] - before["commits"]) / took_s),
        "creates_per_fsync": round(creates / (after["commits"] - before["commits"]), 1),
        "server_cpu_s_per_1000": round((after["cpu_s"] - before["cpu_s"]) / creates * 1_000, 3),
        "client_cpu_s_per_1000": round(own_s / creates * 1_000, 3),
        "p50_ms": round(cuts[49] * 1_000, 1),
        "p99_ms": round(cuts[98] * 1_000, 1),
        "connections_lost": run.lost,
        "names": run.names,
    }


async def figures(port: int) -> dict[str, Any]:
    """Ask the server for its counts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /figures HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    counts: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return counts


def cpu_s() -> float:
    """User and system time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def missing(home: Path, names: list[str]) -> int:
    """Acknowledged creates that the database does not hold; there must be none."""
    with contextlib.closing(sqlite3.connect(home / "cloudhall.db")) as database:
        there = {name for (name,) in database.execute("SELECT name FROM bench_ticket")}
    return len(set(names) - there)


def bare_fsyncs_per_s(folder: Path) -> float:
    """What the disk gives: one page written and synced after the other."""
    page, count, until = os.urandom(PAGE_BYTES), 0, time.perf_counter() + BARE_S
    with (folder / "bare").open("wb", buffering=0) as file:
        while time.perf_counter() < until:
            file.write(page)
            os.fdatasync(file.fileno())
            count += 1
    return count / BARE_S


def bare_sqlite_rows_per_s(folder: Path, group: int) -> float:
    """What SQLite gives with groups of this size, in one process and with nothing else to do."""
    database = sqlite3.connect(folder / "bare.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB)")
    body, count, until = os.urandom(ROW_BYTES), 0, time.perf_counter() + BARE_S
    while time.perf_counter() < until:
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO row (body) VALUES (?)", [(body,)] * group)
        database.execute("COMMIT")
        count += group
    database.close()
    return count / BARE_S


def measure(folder: Path, clients: int, seconds: float) -> dict[str, Any]:
    """Start a server, load it, stop it, look for every create; then the limits on the same disk."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, __file__, "--serve", str(port), "--home", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            told = json.loads(server.stdout.readline())
            wait_for(port)
            result = asyncio.run(load(port, told["token"], told["project"], clients, seconds))
        finally:
            server.send_signal(signal.SIGINT)
    result["missing"] = missing(folder, result.pop("names"))
    group = max(1, round(result["creates_per_fsync"]))
    result["bare_fsyncs_per_s"] = round(bare_fsyncs_per_s(folder))
    result["bare_sqlite_rows_per_s"] = round(bare_sqlite_rows_per_s(folder, group))
    return result


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"nobody listens on port {port}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--home", type=Path, help="folder on the disk to measure; a temporary one without it")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.home, given.serve)
    else:
        with tempfile.TemporaryDirectory(prefix="cloudhall-create-", dir=given.home) as made:
            print(json.dumps(measure(Path(made), given.clients, given.seconds)))
