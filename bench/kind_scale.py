"""A table of a million rows behind the whole interface: what a get, a page and an authorised list cost.

    get_p50_ms              one resource by id
    page_p99_ms             a page of 100, somewhere in the middle, for somebody who may see everything
    list_p95_ms_10 …        first page for callers who may see 10 rows, 10,000 and all, scattered over projects
    named_p95_ms_10 …       the same ordered by name; `filtered_…` by an indexed field that a third of all rows have
    bare_page_p99_ms        limit: the same 100 rows read by the database alone, by their key, and decoded
    fill_per_s              rows made by batches of 500 in process, without HTTP

Every request goes over HTTP, with a token, through policy; one client on a keep-alive connection. Each figure carries
its database, `sqlite.` or `postgres.`; `--dialect both` measures one after the other.
"""

import argparse
import contextlib
import http.client
import json
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.create import DIALECTS, OPENS, TICKETS, Ticket, wait_for
from cloudhall.domains.identity import DOMAIN as IDENTITY
from cloudhall.domains.identity import SCHEMAS as IDENTITY_SCHEMAS
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.identity.token import Token
from cloudhall.kernel import batches, places
from cloudhall.kernel.batches import Batch, Item
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.roles import DEVELOPER, SYSTEM_ADMIN
from cloudhall.kernel.wire import rfc3339
from cloudhall.kernel.world import SECOND_US

GROUP = 500
PROJECTS, ORGANISATIONS = 1_000, 20
FEW, SOME = range(10), range(10, 110)
"""Projects, by number, of a row each, and of a hundred each; the other rows share the other projects."""
ROWS_OF_SOME = 100
GRADES = ("internal", "open", "secret")
ROOT = Caller(id="pe-root")
PAGE = "SELECT id, place, name, labels, spec, status FROM bench_ticket WHERE id < ? ORDER BY id DESC LIMIT 100"
QUESTIONS = {"list": "", "named": "&sort=name", "filtered": "&grade=open"}


class Told(NamedTuple):
    """What the server says before it serves: tokens by caller, some ids, and how fast it was filled."""

    tokens: dict[str, str]
    ids: list[str]
    fill_per_s: float


def serve(home: Path, database: str, port: int, rows: int, seed: int) -> None:
    """Fill a database, tell who may see what, and serve it."""
    import uvicorn

    from cloudhall.api.app import create_app

    kernel = Kernel(Registry([IDENTITY, TICKETS]), home, schemas=IDENTITY_SCHEMAS, database=database)
    grant(kernel, ROOT.id, SYSTEM_ADMIN, places.PLATFORM)
    grant(kernel, ROOT.id, DEVELOPER, places.PLATFORM)
    organisations = [make(kernel, Organisation, f"o-{n}", title_zh="单位") for n in range(ORGANISATIONS)]
    projects = [
        make(kernel, Project, f"p-{n}", organisations[n % ORGANISATIONS], title_zh="项目") for n in range(PROJECTS)
    ]
    began = time.perf_counter()
    ids = fill(kernel, homes(projects, rows, random.Random(seed)))  # noqa: S311  replayable on purpose
    told = Told(
        {
            "10": caller(kernel, organisations[0], "few", [projects[n] for n in FEW]),
            "10000": caller(kernel, organisations[0], "some", [projects[n] for n in SOME]),
            "all": caller(kernel, organisations[0], "all", [places.PLATFORM]),
        },
        random.Random(seed).sample(ids, min(rows, 2_000)),  # noqa: S311  as above
        rows / (time.perf_counter() - began),
    )
    kernel.start()
    print(json.dumps(told), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(create_app(kernel), port=port, log_level="warning", access_log=False)
    kernel.stop()


def homes(projects: list[str], rows: int, chance: random.Random) -> list[str]:
    """Project of each row, in no order."""
    few = [projects[n] for n in FEW] + [projects[n] for n in SOME for _ in range(ROWS_OF_SOME)]
    rest = projects[SOME.stop :]
    every = few + [rest[n % len(rest)] for n in range(rows - len(few))]
    chance.shuffle(every)
    return every


def fill(kernel: Kernel, every: list[str]) -> list[str]:
    """Make a ticket in each project named; answers their ids."""
    ids: list[str] = []
    for first in range(0, len(every), GROUP):
        items = tuple(
            Item(ticket(n, project), name=f"t-{n}") for n, project in enumerate(every[first : first + GROUP], first)
        )
        done = batches.execute(kernel, ROOT, Batch(items=items, atomic=True)).result()
        ids += [outcome.id for outcome in done.items]
    return ids


def ticket(number: int, project: str) -> Command:
    """What makes one row."""
    spec = {"size_gib": 1 + number % 50, "grade": GRADES[number % len(GRADES)]}
    return Command(kind=Ticket, verb="create", place=project, name=f"t-{number}", spec=spec)


def make(kernel: Kernel, kind: Any, name: str | None, place: str = "", **spec: Any) -> str:
    """Id of a resource made by the root."""
    command = Command(kind=kind, verb="create", name=name, place=place, spec=spec)
    return str(kernel.execute(ROOT, command).result().body["id"])


def grant(kernel: Kernel, who: str, role: str, place: str) -> None:
    """Give a role without a grant of its own."""
    kernel.store.write(lambda tx: places.set_grant(tx, f"{who}/{role}/{place}", who, role, place, None)).result()


def caller(kernel: Kernel, organisation: str, name: str, granted: list[str]) -> str:
    """Token of a new person who may see what lies in the places named."""
    person = make(kernel, Person, name, organisation, display_name=name)
    for place in granted:
        grant(kernel, person, DEVELOPER, place)
    tomorrow = rfc3339(kernel.world.now_us() + 86_400 * SECOND_US)
    spec = {"subject": person, "scopes": ["*:read"], "expires_at": tomorrow}
    command = Command(kind=Token, verb="create", place=organisation, spec=spec)
    themselves = Caller(id=person, attrs={"organisation": organisation})
    return str(kernel.execute(themselves, command).result().body["secret"])


class Client:
    """One keep-alive connection that reads."""

    def __init__(self, port: int, tokens: dict[str, str]) -> None:
        """Connect with the first request."""
        self.line, self.tokens = http.client.HTTPConnection("127.0.0.1", port, timeout=60), tokens

    def get(self, who: str, path: str) -> tuple[float, dict[str, Any]]:
        """Milliseconds until the whole answer was there, and the answer."""
        began = time.perf_counter()
        self.line.request("GET", f"/api/v1/{path}", headers={"Authorization": f"Bearer {self.tokens[who]}"})
        answer = self.line.getresponse()
        body = answer.read()
        took_ms = (time.perf_counter() - began) * 1_000
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"{path} answered {answer.status}: {body.decode()}")
        return took_ms, json.loads(body)

    def pages(self, pages: int) -> Iterator[float]:
        """Milliseconds of each page of 100 after the first."""
        page = self.get("all", "tickets?page_size=100")[1]
        for _ in range(pages):
            if "next_page_token" not in page:
                return
            took_ms, page = self.get("all", f"tickets?page_size=100&page_token={page['next_page_token']}")
            yield took_ms


def measure(port: int, told: Told, asked: int) -> dict[str, float]:
    """Ask `asked` times each."""
    client = Client(port, told.tokens)
    with contextlib.closing(client.line):
        return answers(client, told, asked)


def answers(client: Client, told: Told, asked: int) -> dict[str, float]:
    """Every question, after one that opens the connection."""
    client.get("all", "tickets?page_size=1")
    figures = {
        "get_p50_ms": statistics.median(client.get("all", f"tickets/{id_}")[0] for id_ in told.ids[: asked * 10]),
        "page_p99_ms": percentile(99, client.pages(asked * 5)),
    }
    for question, query in QUESTIONS.items():
        for who in told.tokens:
            times = [client.get(who, f"tickets?page_size=100{query}")[0] for _ in range(asked)]
            figures[f"{question}_p95_ms_{who}"] = percentile(95, times)
    return figures


def percentile(nth: int, times: Iterator[float] | list[float]) -> float:
    """The nth of a hundred."""
    return statistics.quantiles(times, n=100)[nth - 1]


def bare_page_p99_ms(home: Path, database: str, asked: int) -> float:
    """A page of the same rows by their key, with nothing around it."""
    sql = PAGE.replace("?", "%s") if database else PAGE
    after, times = "zz", []
    with contextlib.closing(connected(home, database)) as rows_of:
        for _ in range(asked):
            began = time.perf_counter()
            rows = [(*row[:3], *map(json.loads, row[3:])) for row in rows_of.execute(sql, (after,)).fetchall()]
            times.append((time.perf_counter() - began) * 1_000)
            after = rows[-1][0] if rows else "zz"
    return percentile(99, times)


def connected(home: Path, database: str) -> Any:
    """Plain connection of the database's own library."""
    if not database:
        return sqlite3.connect(home / "cloudhall.db")
    import psycopg

    return psycopg.connect(database, autocommit=True)


def run(home: Path, database: str, rows: int, seed: int, asked: int) -> dict[str, float]:
    """Fill and start a server, ask it, stop it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    options = {"serve": port, "home": home, "database": database, "rows": rows, "seed": seed}
    command = [
        sys.executable,
        __file__,
        *(word for name, value in options.items() for word in (f"--{name}", str(value))),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            told = Told(*json.loads(server.stdout.readline()))
            wait_for(port)
            figures = measure(port, told, asked)
        finally:
            server.send_signal(signal.SIGINT)
    figures |= {"bare_page_p99_ms": bare_page_p99_ms(home, database, asked * 5), "fill_per_s": told.fill_per_s}
    return {name: round(value, 3) for name, value in figures.items()} | {"rows": rows}


def main() -> None:
    """Measure and print, or be the server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialect", choices=(*DIALECTS, "both"), default="both")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--asked", type=int, default=60, help="how often each question is asked")
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--database", default="", help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.home, given.database, given.serve, given.rows, given.seed)
        return
    figures: dict[str, float] = {}
    for dialect in DIALECTS if given.dialect == "both" else (given.dialect,):
        with tempfile.TemporaryDirectory(prefix="cloudhall-scale-") as made:
            with OPENS[dialect](Path(made)) as database:
                found = run(Path(made), database.url, given.rows, given.seed, given.asked)
            figures |= {f"{dialect}.{name}": value for name, value in found.items()}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
