"""How soon a console page is there while the demonstration city is at work: people, programs, watchers, S3, terminals.

    page_p95_ms      of the pages home, list and detail in turn, from the request to the last byte of HTML; each has a
                     figure of its own, `home_p95_ms`, `list_p95_ms`, `detail_p95_ms`
    idle_page_p95_ms limit: the same pages by the same visitors of the same city before anybody works
    pages_per_s, writes_per_s, heard_per_s, s3_per_s, lists_per_s
                     done meanwhile: pages; buckets created, changed and deleted through the API; events at watchers;
                     puts, gets and lists of 4 kB objects; runs of `cloudhall bucket list`, a process each
    failed           requests that were refused or not answered; there must be none
    fsyncs_per_s     groups that the server's one writer committed; each is one sync
    server_cores, engine_cores, database_cores, visitor_cores, load_cores
                     processors in use by the server, the object engine, PostgreSQL, whoever reads the pages, and the
                     rest of the load with its terminals, which share the machine

Each figure carries its database, `sqlite.` or `postgres.`. The server is the real one on its own home; the load is a
process of its own, paced, so that a slow server is not spared; visitors are a process of their own too.
"""

import argparse
import asyncio
import contextlib
import http.client
import itertools
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bench import create, watch
from tests.e2e.api import Api
from tests.e2e.clients import Door
from tests.e2e.server import PROGRAM, Server

LOGIN, PROJECT, BUCKET = "chen-xiaolan", "economic-monitoring", "division-codes"
SESSION_COOKIE = "cloudhall_session"
OBJECT = os.urandom(4_096)
COUNTED_EVERY_S = 0.1
KEPT = 20  # buckets of the load at a time
THINKS_S = 0.5  # a visitor between two pages
WARM_UP_S = 3.0


class Paces(NamedTuple):
    """What is asked for a second, and how many watch and visit."""

    writes: float = 10
    s3: float = 20
    lists: float = 0.5
    watchers: int = 50
    visitors: int = 3


class Spent(NamedTuple):
    """Processor seconds and commits up to a moment."""

    server: float
    engine: float
    database: float
    commits: int


def serve(counts: Path) -> None:
    """Run the real server, with its commits counted into a file."""
    from cloudhall.cli.main import main
    from cloudhall.kernel.world import World

    commits, without = itertools.count(1), World.__init__
    file = os.open(counts, os.O_WRONLY | os.O_CREAT, 0o600)

    def fault(point: str) -> None:
        if point == "store.commit:after":
            os.pwrite(file, b"%012d" % next(commits), 0)  # whoever reads meets a whole number

    def counting(self: World) -> None:
        without(self)
        self.fault = fault

    World.__init__ = counting  # type: ignore[method-assign]  # every world of this process counts
    sys.argv = [str(PROGRAM), "run", "--demo"]
    main()


class Load:
    """Everybody but the visitors, each a thread that keeps its pace; `done` counts what was done."""

    def __init__(self, url: str, paces: Paces) -> None:
        """Log in."""
        self.url, self.paces = url, paces
        self.done: Counter[str] = Counter()
        self.api = Api.of(url, LOGIN)
        self.over = threading.Event()

    def run(self, ready: Callable[[], None]) -> None:
        """Work until told to stop."""
        door = self._door()
        threads = [
            threading.Thread(target=self._paced, args=(self.paces.writes, "writes", self._writer())),
            threading.Thread(target=self._paced, args=(self.paces.s3, "s3", self._objects(door))),
            threading.Thread(target=self._paced, args=(self.paces.lists, "lists", self._terminal())),
            threading.Thread(target=lambda: asyncio.run(self._watch())),
        ]
        for thread in threads:
            thread.start()
        ready()
        self.over.wait()
        for thread in threads:
            thread.join()

    def _paced(self, per_s: float, what: str, work: Iterator[None]) -> None:
        """Do one thing after the other, none before its turn, and none skipped because an earlier one was late."""
        due = time.perf_counter()
        while not self.over.is_set():
            try:
                next(work)
                self.done[what] += 1
            except Exception as error:  # noqa: BLE001  whatever it is, it is counted and told
                self.done["failed"] += 1
                print(f"{what}: {error!r}"[:300], file=sys.stderr)
            due += 1 / per_s
            self.over.wait(max(0.0, due - time.perf_counter()))

    def _writer(self) -> Iterator[None]:
        """Buckets come, are changed, and go."""
        api, mine = self.api.again(), list[str]()
        for n in itertools.count():
            spec = {"quota_gib": 1, "grade": "open"}
            body = {"name": f"busy-{os.getpid()}-{n}", "project": PROJECT, "spec": spec}
            mine.append(api.post("buckets", body).ok()["id"])
            yield
            api.send("PATCH", f"buckets/{mine[n % len(mine)]}", {"spec": {"quota_gib": 2 + n % 2}}).ok()
            yield
            if len(mine) > KEPT:
                api.send("DELETE", f"buckets/{mine.pop(0)}").ok()
                yield

    def _door(self) -> Door:
        bucket = self.api.post("buckets?wait=30s", self._bucket("busy-objects")).ok()
        spec = {"bucket": bucket["id"]}
        key = self.api.post("access-keys?wait=30s", {"name": "busy", "project": PROJECT, "spec": spec}).ok()
        return Door(self.api.send("GET", f"buckets/{bucket['id']}").ok(), key)

    def _bucket(self, name: str) -> dict[str, Any]:
        return {"name": f"{name}-{os.getpid()}", "project": PROJECT, "spec": {"quota_gib": 1, "grade": "open"}}

    def _objects(self, door: Door) -> Iterator[None]:
        s3 = door.s3()
        for n in itertools.count():
            s3.put_object(Bucket=door.bucket, Key=f"o-{n % 1_000}", Body=OBJECT)
            yield
            s3.get_object(Bucket=door.bucket, Key=f"o-{n % 1_000}")["Body"].read()
            yield
            if n % 10 == 0:
                s3.list_objects_v2(Bucket=door.bucket, MaxKeys=100)
                yield

    def _terminal(self) -> Iterator[None]:
        environ = {**os.environ, "CLOUDHALL_URL": self.url, "CLOUDHALL_TOKEN": self.api.token}
        while True:
            words = [str(PROGRAM), "bucket", "list", "--project", PROJECT]
            subprocess.run(words, env=environ, stdout=subprocess.DEVNULL, check=True, timeout=60)
            yield

    async def _watch(self) -> None:
        loop, at = asyncio.get_running_loop(), urlsplit(self.url)
        head = f"Host: {at.netloc}\r\nAuthorization: Bearer {self.api.token}\r\n"
        opening = f"GET /api/v1/watch HTTP/1.1\r\n{head}\r\n".encode()
        watchers = [watch.Watcher(opening) for _ in range(self.paces.watchers)]
        for watcher in watchers:
            await loop.create_connection(lambda w=watcher: w, "127.0.0.1", at.port or 80)  # type: ignore[misc]  # bound in the default
        while not self.over.is_set():
            await asyncio.sleep(COUNTED_EVERY_S)
            self.done["heard"] = sum(len(w.lags_ms) for w in watchers)
        await watch.hang_up(watchers)


def load(url: str, paces: Paces) -> None:
    """Work, and answer what was done to each line that comes; an empty one is the end."""
    work = Load(url, paces)

    def answer() -> None:
        print("working", flush=True)
        threading.Thread(target=told, daemon=True).start()

    def told() -> None:
        for line in sys.stdin:
            if not line.strip():
                break
            spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
            print(json.dumps({**work.done, "cpu_s": sum(s.ru_utime + s.ru_stime for s in spent)}), flush=True)
        work.over.set()

    work.run(answer)


def pages_of(url: str) -> dict[str, str]:
    """Address of home, of a list and of a detail."""
    with contextlib.closing(Api.of(url, LOGIN)) as api:
        bucket = api.get(f"buckets/{BUCKET}")["id"]
    return {"home": "/", "list": "/buckets", "detail": f"/buckets/{bucket}"}


def visit(
    url: str, pages: Mapping[str, str], seconds: float, begins_after_s: float, found: "multiprocessing.Queue[Any]"
) -> None:
    """Read the pages in turn, thinking in between; milliseconds of each, and how many were no page."""
    token = Api.of(url, LOGIN).token
    took: dict[str, list[float]] = {name: [] for name in pages}
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)

    def is_read(path: str) -> bool:
        connection.request("GET", path, headers={"Cookie": f"{SESSION_COOKIE}={token}; lang=en"})
        answer = connection.getresponse()
        return b"</html>" in answer.read() and answer.status == 200

    failed = sum(not is_read(path) for path in pages.values())  # not timed: the first of all compiles the templates
    time.sleep(begins_after_s)
    cpu, until = create.cpu_s(), time.monotonic() + seconds
    for name in itertools.cycle(pages):
        if time.monotonic() > until:
            break
        began = time.perf_counter()
        failed += not is_read(pages[name])
        took[name].append((time.perf_counter() - began) * 1_000)
        time.sleep(THINKS_S)
    found.put((took, failed, create.cpu_s() - cpu))


def visited(
    url: str, pages: Mapping[str, str], visitors: int, seconds: float
) -> tuple[dict[str, list[float]], int, float]:
    """Let several visit at once."""
    found: multiprocessing.Queue[Any] = multiprocessing.Queue()
    spread = [THINKS_S * n / visitors for n in range(visitors)]
    people = [multiprocessing.Process(target=visit, args=(url, pages, seconds, begins, found)) for begins in spread]
    for person in people:
        person.start()
    reports = [found.get() for _ in people]
    for person in people:
        person.join()
    took = {name: [ms for report in reports for ms in report[0][name]] for name in pages}
    return took, sum(r[1] for r in reports), sum(r[2] for r in reports)


def p95(values: list[float]) -> float:
    """Milliseconds of the slowest twentieth."""
    return round(statistics.quantiles(values, n=20)[18], 1)


def measure(dialect: str, folder: Path, paces: Paces, seconds: float) -> dict[str, Any]:
    """Start the city, look at it idle, set it to work, look again."""
    counts = folder / "commits"
    with create.OPENS[dialect](folder) as database:
        server = Server(folder / "home", environ={"CLOUDHALL_DATABASE": database.url} if database.url else {})
        server.arguments = [sys.executable, __file__, "--serve", str(counts)]
        server.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
        try:
            server.start()
            addresses = pages_of(server.url)
            idle, *_ = visited(server.url, addresses, paces.visitors, max(3.0, seconds / 4))
            with working(server.url, paces) as told:
                time.sleep(WARM_UP_S)
                before, done_before = spent(server, database, counts), told()
                began = time.monotonic()
                pages, failed, visitor_s = visited(server.url, addresses, paces.visitors, seconds)
                took_s = time.monotonic() - began
                after, done = spent(server, database, counts), told()
        finally:
            server.end()
    done = {name: done.get(name, 0) - done_before.get(name, 0) for name in {*done, *done_before}}
    every = [ms for values in pages.values() for ms in values]
    figures = {
        "page_p95_ms": p95(every),
        "page_p50_ms": round(statistics.median(every), 1),
        **{f"{name}_p95_ms": p95(values) for name, values in pages.items()},
        "idle_page_p95_ms": p95([ms for values in idle.values() for ms in values]),
        "pages_per_s": round(len(every) / took_s, 1),
        **{f"{name}_per_s": round(done.get(name, 0) / took_s, 1) for name in ("writes", "heard", "s3", "lists")},
        "failed": failed + done.get("failed", 0),
        "fsyncs_per_s": round((after.commits - before.commits) / took_s, 1),
        "server_cores": round((after.server - before.server) / took_s, 2),
        "engine_cores": round((after.engine - before.engine) / took_s, 2),
        "database_cores": round((after.database - before.database) / took_s, 2),
        "visitor_cores": round(visitor_s / took_s, 2),
        "load_cores": round(done["cpu_s"] / took_s, 2),
    }
    return {f"{dialect}.{name}": value for name, value in figures.items()}


def spent(server: Server, database: create.Database, counts: Path) -> Spent:
    """Where everything stands now."""
    engine = create.tree_cpu_s(server.engine_pid)
    own = create.tree_cpu_s(server.pid) - engine
    return Spent(own, engine, database.cpu_s(), int(counts.read_bytes()))


@contextlib.contextmanager
def working(url: str, paces: Paces) -> Iterator[Callable[[], dict[str, float]]]:
    """Let the load work until the block ends; gives what asks how much it has done."""
    command = [sys.executable, __file__, "--load", url, "--paces", json.dumps(paces)]
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        into, out = process.stdin, process.stdout

        def told() -> dict[str, float]:
            into.write("how much\n")
            into.flush()
            answer: dict[str, float] = json.loads(out.readline())
            return answer

        if out.readline() != "working\n":
            raise SystemExit("the load did not begin")
        try:
            yield told
        finally:
            into.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialect", choices=(*create.DIALECTS, "both"), default="both")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--writes-per-s", type=float, default=Paces().writes)
    parser.add_argument("--s3-per-s", type=float, default=Paces().s3)
    parser.add_argument("--lists-per-s", type=float, default=Paces().lists)
    parser.add_argument("--watchers", type=int, default=Paces().watchers)
    parser.add_argument("--visitors", type=int, default=Paces().visitors)
    parser.add_argument("--home", type=Path, help="folder on the disk to measure; a temporary one without it")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--load", help=argparse.SUPPRESS)
    parser.add_argument("--paces", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
    elif given.load:
        load(given.load, Paces(*given.paces))
    else:
        asked = Paces(given.writes_per_s, given.s3_per_s, given.lists_per_s, given.watchers, given.visitors)
        measured: dict[str, Any] = {}
        for chosen in create.DIALECTS if given.dialect == "both" else (given.dialect,):
            with tempfile.TemporaryDirectory(prefix="cloudhall-busy-", dir=given.home) as made_folder:
                measured |= measure(chosen, Path(made_folder), asked, given.seconds)
        print(json.dumps(measured))
