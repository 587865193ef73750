"""What a page of the console weighs and costs, with 100 rows on it and a million in the table behind it.

For each page NAME:

    NAME.html_kib_gzip       the HTML alone, as gzip sends it
    NAME.requests            of a first visit, with an empty cache; `NAME.offhost_requests` of them to another address
    NAME.server_ms_p95       from the request to the last byte of HTML while the demonstration city is at work, as
                             `busy` sets it to work; `NAME.idle_server_ms_p95` before that, one visitor
    NAME.script_ms           in scripts until the page was there, in Chromium; `NAME.lcp_ms` its largest paint
    datasette.NAME.…         limit: the same of an installed peer over the same rows, which nobody else uses then

The pages: `home`; `list` of a kind with a million rows, `filtered` by an indexed field that a third of them have,
`sorted` by name; `detail` of one row; `create`, `search`, `audit`, `statement`. Every figure of a browser is the median
of five loads. `failed` counts requests of the load and of the visitors that were refused; there must be none.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import busy, kind_scale
from bench.create import TICKETS, Ticket
from bench.support import beside_datasette, seen
from bench.support.seen import Visitor
from cloudhall import installation, server
from cloudhall.kernel import places
from cloudhall.kernel.roles import DEVELOPER
from tests.e2e.api import Api, until
from tests.e2e.server import PROGRAM, Server

ASKED = 40
WARM_UP_S = 3.0
FILL_LIMIT_S = 3_600
STATEMENT_LIMIT_S = 60


def with_tickets() -> None:
    """Add the kind of the measurement to this process's registry, with a place in the sidebar as others have."""
    Ticket.meta.group = "use"
    installation.DOMAINS = (*installation.DOMAINS, TICKETS)  # type: ignore[assignment]  # one longer than declared


def serve() -> None:
    """Run the real server with one kind more."""
    from cloudhall.cli.main import main

    with_tickets()
    sys.argv = [str(PROGRAM), "run", "--demo"]
    main()


def fill(home: Path, rows: int) -> None:
    """Make the rows by ordinary commands in a project of the city, while no server runs on it; prints one's id."""
    with_tickets()
    with server.offline(home) as kernel:
        kind_scale.grant(kernel, kind_scale.ROOT.id, DEVELOPER, places.PLATFORM)
        project = kernel.find(kind_scale.ROOT, kernel.registry.kind("identity.project"), busy.PROJECT).id
        print(kind_scale.fill(kernel, [project] * rows)[rows // 2])


def pages_of(url: str, ticket: str) -> Mapping[str, str]:
    """Address of each page."""
    with contextlib.closing(Api.of(url, busy.LOGIN)) as api:
        (statement, *_) = until(lambda: api.items("statements", project=busy.PROJECT), STATEMENT_LIMIT_S)
    return {
        "home": "/",
        "list": "/tickets",
        "filtered": "/tickets?grade=open",
        "sorted": "/tickets?sort=name",
        "detail": f"/tickets/{ticket}",
        "create": "/buckets:create",
        "search": "/search?q=economic",
        "audit": "/audit",
        "statement": f"/statements/{statement['id']}",
    }


def itself(*words: str | Path) -> list[str]:
    """Command that runs this script as a part of itself."""
    return [sys.executable, __file__, *map(str, words)]


def ours(folder: Path, rows: int, seconds: float) -> dict[str, Any]:
    """Found the city, fill it, look at it idle, set it to work, look again; `ticket` is the id of a row."""
    city = Server(folder / "home")
    city.arguments = itself("--serve")
    city.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
    try:
        city.start()
        city.stop()
        ticket, fill_per_s = filled(city.home, rows)
        city.start()
        pages, visitor = pages_of(city.url, ticket), Visitor(city.url, cookies(city.url))
        figures: dict[str, Any] = seen.weighed(visitor, pages, ASKED) | seen.looked_at(visitor, pages)
        figures |= while_busy(city.url, pages, seconds)
    finally:
        city.end()
    return figures | {"rows": rows, "fill_per_s": fill_per_s, "ticket": ticket}


def theirs(folder: Path, ticket: str) -> dict[str, float]:
    """The peer over the rows that `ours` has left in the folder."""
    rows = beside_datasette.copied(folder / "home/cloudhall.db", folder)
    with beside_datasette.running(rows) as visitor:
        pages = beside_datasette.pages(ticket)
        found = seen.weighed(visitor, pages, ASKED) | seen.looked_at(visitor, pages)
    return {f"datasette.{name}": value for name, value in found.items()}


def filled(home: Path, rows: int) -> tuple[str, float]:
    """Fill in a process of its own; id of one row, and rows a second."""
    began = time.perf_counter()
    words = itself("--fill", home, "--rows", str(rows))
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=FILL_LIMIT_S)
    return done.stdout.split()[-1], round(rows / (time.perf_counter() - began), 1)


def cookies(url: str) -> dict[str, str]:
    """Session of a developer, in English."""
    return {busy.SESSION_COOKIE: Api.of(url, busy.LOGIN).token, "lang": "en"}


def while_busy(url: str, pages: Mapping[str, str], seconds: float) -> dict[str, Any]:
    """Let the city work as in `busy`, and read the pages meanwhile."""
    paces = busy.Paces()
    with busy.working(url, paces) as told:
        time.sleep(WARM_UP_S)
        took, failed, _ = busy.visited(url, pages, paces.visitors, seconds)
        failed += int(told().get("failed", 0))
    return {f"{name}.server_ms_p95": seen.p95(times) for name, times in took.items()} | {"failed": failed}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=120, help="how long the city is read while it works")
    parser.add_argument("--home", type=Path, help="folder on the disk to measure; a temporary one without it")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
    elif given.fill:
        fill(given.fill, given.rows)
    else:
        with tempfile.TemporaryDirectory(prefix="cloudhall-console-", dir=given.home) as made:
            measured = ours(Path(made), given.rows, given.seconds)
            ticket_id = measured.pop("ticket")
            print(json.dumps(measured | theirs(Path(made), ticket_id)))
