"""How many durable creates a second the whole interface takes: HTTP, token, policy, quota, idempotency, audit, event.

Each figure carries its database, `sqlite.` or `postgres.`; `--dialect both` measures one after the other.

    single_per_s              one create a request, acknowledged with 201; each was on disk before
    batch_per_s               the same with 100 creates in each request
    fsyncs_per_s              commits of the server's one writer; each is one sync, shared by all creates of its group
    server_cpu_s_per_1000     user and system time of the server's process for 1,000 creates; `database_…` of the
                              processes of PostgreSQL, `client_…` of the load generator
    p50_ms, p99_ms            of a single create, seen by a client from the first byte out to the last byte in
    bytes_per_create          by which the database grew, over all tables and indexes
    bare_fsyncs_per_s         limit: a file of the same disk, 4 KiB written and synced again and again
    bare_rows_per_s           limit: the database alone, one row as wide as a create, in groups as large as the server's

`--workers N` (PostgreSQL alone) serves by so many processes, between which the clients are shared; times of the server
and commits are theirs together.

The clients are a process of their own with keep-alive connections over loopback, each waiting for its answer before it
asks again. After the run, every acknowledged create is looked for in the database.
"""

import argparse
import asyncio
import contextlib
import functools
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
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloudhall.domains.identity import DOMAIN as IDENTITY
from cloudhall.domains.identity import SCHEMAS as IDENTITY_SCHEMAS
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
BATCH = 100
BATCH_CLIENTS = 4
DIALECTS = ("sqlite", "postgres")


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


class Database(NamedTuple):
    """A database to measure: what the server is given, how large it is, who works for it, and its bare limit."""

    url: str
    ticket_names: Callable[[], set[str]]
    size_bytes: Callable[[], int]
    cpu_s: Callable[[], float]
    bare_rows_per_s: Callable[[int], float]


def serve(home: Path, port: int, database: str, told: dict[str, str] | None) -> None:
    """Run the server; its first line is a token and the project to create in, `told` to one beside another."""
    import uvicorn

    from cloudhall.api.app import create_app

    worker = f"beside-{port}" if told else "main"
    kernel = Kernel(Registry([IDENTITY, TICKETS]), home, schemas=IDENTITY_SCHEMAS, database=database, worker=worker)
    told = told or found(kernel)
    commits = [0]
    kernel.store.on_commit.append(lambda: commits.__setitem__(0, commits[0] + 1))
    if worker == "main":
        kernel.start()

    async def figures(_request: Request) -> Response:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return JSONResponse({"commits": commits[0], "cpu_s": used.ru_utime + used.ru_stime})

    app: Starlette = create_app(kernel, routes=[Route("/figures", figures)])
    print(json.dumps(told), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(app, port=port, log_level="warning", access_log=False)
    kernel.stop()


def found(kernel: Kernel) -> dict[str, str]:
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
    return {"token": make(caller, Token, "organisation", **spec)["secret"], "project": project}


class Client(asyncio.Protocol):
    """One keep-alive connection that creates one ticket after the other, or a batch of them."""

    def __init__(self, number: int, head: Callable[[str], str], project: str, run: "Run") -> None:
        """`head` is the request up to the idempotency key, from the path on."""
        self.number, self.head, self.project, self.run = number, head, project, run
        self.count, self.sent_at, self.received = 0, 0.0, b""
        self.names: list[str] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.run.open += 1
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Wait for a whole answer, note it, ask again."""
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            return
        self.run.note(self.names, head[9:12], body, time.perf_counter() - self.sent_at)
        self.received = b""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Count one less; one that the server closed is lost."""
        self.run.open -= 1
        if self.run.open == 0:
            self.run.closed.set()
        self.run.lost += not self.run.over

    def _ask(self) -> None:
        assert self.transport is not None
        if self.run.over:
            self.transport.close()
            return
        size = self.run.batch
        self.count += 1
        self.names = [f"{self.run.prefix}-{self.number}-{self.count}-{n}" for n in range(size)]
        items = [f'{{"name":"{n}","project":"{self.project}","spec":{{"size_gib":1}}}}' for n in self.names]
        body = items[0] if size == 1 else f'{{"items":[{",".join(items)}],"atomic":true}}'
        path = "/api/v1/tickets" if size == 1 else "/api/v1/tickets:batch_create"
        self.sent_at = time.perf_counter()
        request = f"{self.head(path)}{self.names[0]}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        self.transport.write(request.encode())


class Run:
    """What the clients saw."""

    def __init__(self, prefix: str, batch: int) -> None:
        """Nothing yet. `batch` creates go in each request."""
        self.prefix, self.batch = prefix, batch
        self.over, self.measuring = False, False
        self.open, self.lost, self.creates = 0, 0, 0
        self.closed = asyncio.Event()
        self.names: list[str] = []
        self.latencies_s: list[float] = []

    def note(self, names: list[str], status: bytes, body: bytes, latency_s: float) -> None:
        """Count an answer; a measurement of refusals would be none."""
        if status != b"201":
            raise SystemExit(f"answered {status.decode()}: {body.decode()}")
        self.names += names
        if self.measuring:
            self.creates += self.batch
            self.latencies_s.append(latency_s)


class Spent(NamedTuple):
    """What was used up between warm-up and end."""

    seconds: float
    commits: int
    server_s: float
    client_s: float
    database_s: float


async def load(
    ports: list[int], told: dict[str, str], run: Run, clients: int, seconds: float, database_cpu_s: Callable[[], float]
) -> Spent:
    """Keep the server busy; answers what that took between warm-up and end."""
    loop = asyncio.get_running_loop()

    def head(path: str) -> str:
        return (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{ports[0]}\r\nAuthorization: Bearer {told['token']}\r\n"
            "Content-Type: application/json\r\nIdempotency-Key: "
        )

    for number in range(clients):
        client: Callable[[], Client] = functools.partial(Client, number, head, told["project"], run)
        await loop.create_connection(client, "127.0.0.1", ports[number % len(ports)])
    await asyncio.sleep(WARM_UP_S)
    before, mine, theirs, began = await figures(ports), cpu_s(), database_cpu_s(), time.perf_counter()
    run.measuring = True
    await asyncio.sleep(seconds)
    run.measuring = False
    took_s, mine, theirs = time.perf_counter() - began, cpu_s() - mine, database_cpu_s() - theirs
    after = await figures(ports)
    run.over = True
    await run.closed.wait()  # what is under way is answered
    return Spent(took_s, after["commits"] - before["commits"], after["cpu_s"] - before["cpu_s"], mine, theirs)


def said(run: Run, spent: Spent) -> dict[str, Any]:
    """Figures of the single creates."""
    cuts = statistics.quantiles(run.latencies_s, n=100)
    return {
        "single_per_s": round(run.creates / spent.seconds),
        "fsyncs_per_s": round(spent.commits / spent.seconds),
        "creates_per_fsync": round(run.creates / spent.commits, 1),
        "server_cpu_s_per_1000": round(spent.server_s / run.creates * 1_000, 3),
        "database_cpu_s_per_1000": round(spent.database_s / run.creates * 1_000, 3),
        "client_cpu_s_per_1000": round(spent.client_s / run.creates * 1_000, 3),
        "p50_ms": round(cuts[49] * 1_000, 1),
        "p99_ms": round(cuts[98] * 1_000, 1),
    }


async def figures(ports: list[int]) -> Counter[str]:
    """Ask the servers for their counts, and sum them up."""
    counts: Counter[str] = Counter()
    for port in ports:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /figures HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        counts.update(json.loads((await reader.read()).partition(b"\r\n\r\n")[2]))
        writer.close()
    return counts


def cpu_s() -> float:
    """User and system time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bare_fsyncs_per_s(folder: Path) -> float:
    """What the disk gives: one page written and synced after the other."""
    page, count, until = os.urandom(PAGE_BYTES), 0, time.perf_counter() + BARE_S
    with (folder / "bare").open("wb", buffering=0) as file:
        while time.perf_counter() < until:
            file.write(page)
            os.fdatasync(file.fileno())
            count += 1
    return count / BARE_S


@contextlib.contextmanager
def sqlite(folder: Path) -> Iterator[Database]:
    """The embedded database, in the folder of the installation."""
    file = folder / "cloudhall.db"

    def names() -> set[str]:
        with contextlib.closing(sqlite3.connect(file)) as database:
            return {name for (name,) in database.execute("SELECT name FROM bench_ticket")}

    def bare(group: int) -> float:
        with contextlib.closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB)")
            return grouped(group, database.execute, lambda rows: database.executemany(PUT.format("?"), rows))

    yield Database("", names, lambda: file.stat().st_size, lambda: 0.0, bare)


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[Database]:
    """A server of its own on the same disk, as the tests start it."""
    import psycopg

    from tests.kit.postgres import Server, binaries

    programs = binaries()
    if programs is None:
        raise SystemExit("there is no PostgreSQL: name one in CLOUDHALL_POSTGRES")
    with contextlib.closing(Server(programs, folder.parent)) as server:
        server.start()
        name = server.make()

        def names() -> set[str]:
            return {row[0] for row in server.do("SELECT name FROM bench_ticket", name)}

        def bare(group: int) -> float:
            with psycopg.connect(server.url(name), autocommit=True) as database, database.cursor() as cursor:
                cursor.execute("CREATE TABLE row (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body BYTEA)")
                return grouped(group, database.execute, lambda rows: cursor.executemany(PUT.format("%s"), rows))

        def size() -> int:
            return int(server.do(f"SELECT pg_database_size('{name}')")[0][0])

        yield Database(server.url(name), names, size, lambda: tree_cpu_s(server.pid), bare)


PUT = "INSERT INTO row (body) VALUES ({})"
OPENS = {"sqlite": sqlite, "postgres": postgres}


def grouped(group: int, execute: Callable[[str], object], put: Callable[[list[tuple[bytes]]], object]) -> float:
    """Rows a second that a database takes in groups, in one process and with nothing else to do."""
    body, count, until = os.urandom(ROW_BYTES), 0, time.perf_counter() + BARE_S
    while time.perf_counter() < until:
        execute("BEGIN")
        put([(body,)] * group)
        execute("COMMIT")
        count += group
    return count / BARE_S


def tree_cpu_s(pid: int) -> float:
    """User and system time of a process and its children, also of those that have ended; proc(5)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = stat.read_text().rpartition(")")[2].split()
            if stat.parent.name == str(pid):
                ticks += sum(map(int, fields[11:15]))
            elif fields[1] == str(pid):
                ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(dialect: str, folder: Path, clients: int, seconds: float, workers: int) -> dict[str, Any]:
    """Start a server, load it, stop it, look for every create; then the limits on the same disk."""
    with OPENS[dialect](folder) as database:
        result, names = served(database, folder, clients, seconds, workers)
        result["missing"] = missing(database, names)
        group = max(1, round(result["creates_per_fsync"]))
        result["bare_fsyncs_per_s"] = round(bare_fsyncs_per_s(folder))
        result["bare_rows_per_s"] = round(database.bare_rows_per_s(group))
    return {f"{dialect}.{key}": value for key, value in result.items()}


def missing(database: Database, names: list[str]) -> int:
    """Acknowledged creates that the database does not hold; there must be none."""
    return len(set(names) - database.ticket_names())


def served(
    database: Database, folder: Path, clients: int, seconds: float, workers: int
) -> tuple[dict[str, Any], list[str]]:
    """Figures of a server under load, single creates first, then batches; and the names of all that it acknowledged."""
    single, many = Run("t", 1), Run("b", BATCH)
    with contextlib.ExitStack() as running:
        told, port = running.enter_context(serving(folder, database.url))
        ports = [port, *(running.enter_context(serving(folder, database.url, told))[1] for _ in range(workers - 1))]
        empty_bytes = database.size_bytes()
        result = said(single, asyncio.run(load(ports, told, single, clients, seconds, database.cpu_s)))
        result["bytes_per_create"] = round((database.size_bytes() - empty_bytes) / len(single.names))
        spent = asyncio.run(load(ports, told, many, BATCH_CLIENTS, seconds, database.cpu_s))
        result["batch_per_s"] = round(many.creates / spent.seconds)
    result |= {"connections_lost": single.lost + many.lost, "workers": workers}
    return result, single.names + many.names


@contextlib.contextmanager
def serving(folder: Path, url: str, told: dict[str, str] | None = None) -> Iterator[tuple[dict[str, str], int]]:
    """A server until it is no longer wanted: what it says first, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    beside = ["--told", json.dumps(told)] if told else []
    command = [sys.executable, __file__, "--serve", str(port), "--home", str(folder), "--database", url, *beside]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            said_first = json.loads(server.stdout.readline())
            wait_for(port)
            yield said_first, port
        finally:
            server.send_signal(signal.SIGINT)


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
    parser.add_argument("--dialect", choices=(*DIALECTS, "both"), default="both")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--home", type=Path, help="folder on the disk to measure; a temporary one without it")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--told", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--database", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.home, given.serve, given.database, given.told)
    else:
        measured: dict[str, Any] = {}
        for chosen in DIALECTS if given.dialect == "both" else (given.dialect,):
            with tempfile.TemporaryDirectory(prefix="cloudhall-create-", dir=given.home) as made:
                workers = 1 if chosen == "sqlite" else given.workers  # one server a file
                measured |= measure(chosen, Path(made), given.clients, given.seconds, workers)
        print(json.dumps(measured))
