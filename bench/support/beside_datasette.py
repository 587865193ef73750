"""Datasette on the same rows: its table page, filtered and sorted, and its row page. It runs in its own environment."""

import contextlib
import http.client
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.start import free_port
from bench.support import peers
from bench.support.seen import Visitor

START_S = 60.0
TABLE = "/rows/ticket"
COPY = """
CREATE TABLE ticket (id TEXT PRIMARY KEY, name TEXT, size_gib INTEGER, grade TEXT, created_us INTEGER);
INSERT INTO ticket SELECT id, name, spec ->> '$.size_gib', coalesce(spec ->> '$.grade', 'internal'), created
  FROM ours.bench_ticket;
CREATE INDEX by_grade ON ticket (grade);
CREATE INDEX by_name ON ticket (name);
"""


def copied(database: Path, folder: Path) -> Path:
    """Rows of ours as a plain table with the same indexes."""
    file = folder / "rows.db"
    with contextlib.closing(sqlite3.connect(file)) as rows:
        rows.execute("ATTACH ? AS ours", (str(database),))
        rows.executescript(COPY)
    return file


@contextlib.contextmanager
def running(file: Path) -> Iterator[Visitor]:
    """Datasette with its own defaults, but immutable rows, so that it counts them once and not for each page."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    python = peers.python_of("datasette")
    command = (python, "-m", "datasette", "serve", "--immutable", file, "--port", str(port))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _await(server, port)
            yield Visitor(url, {})
        finally:
            server.terminate()


def pages(id_: str) -> Mapping[str, str]:
    """Those that compare with ours, under the same names."""
    return {
        "list": f"{TABLE}?_size=100",
        "filtered": f"{TABLE}?_size=100&grade=open",
        "sorted": f"{TABLE}?_size=100&_sort=name",
        "detail": f"{TABLE}/{id_}",
    }


def _await(server: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + START_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError):
            connection.request("GET", "/-/versions.json")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        connection.close()
        if server.poll() is not None or time.monotonic() > until:
            raise SystemExit("datasette does not answer")
        time.sleep(0.05)
