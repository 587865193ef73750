"""A bucket of 100,000 objects, half of them in 100 folders: how fast it is listed, and what that takes of memory.

    first_page_ms          first 1,000 keys, median of the repeats; `first_page_p95_ms` is the slow end
    folders_ms prefix_ms   the first page with a delimiter, and of one folder
    late_ms                the first page that starts after nine tenths of the keys
    listing_s              all keys, page by page; `sorted`, `twice` and `missing` say whether they are right
    fill_growth_mib        memory of the engine after all objects are put, less before
    list_growth_mib        the same after everything was listed, less after filling
    own_growth_mib         of our own process, which follows the change stream meanwhile
    bare_…                 the same of the bare engine, in the same run

Requests are pre-signed and read raw over one connection, so that a client's parsing does not count. Ours is the driver
as it runs in production, its counters scraped and its change stream followed.
"""

import argparse
import contextlib
import html
import json
import os
import re
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from bench.s3 import BUCKET, OK, Side, bare, ours, pour, read_head, signed

FOLDERS = 100
PAGE = 1_000
OBJECT_BYTES = 1_024
KEY = re.compile(r"<Key>([^<]*)</Key>")
TOKEN = re.compile(r"<NextContinuationToken>([^<]*)</NextContinuationToken>")


class Share(NamedTuple):
    """What one client process puts: objects from `first` on, every `step`-th."""

    side: Side
    first: int
    step: int
    objects: int


def key_of(number: int) -> str:
    """Key of an object: even ones flat, odd ones in a folder."""
    return f"flat/{number:08}" if number % 2 == 0 else f"folders/{number // 2 % FOLDERS:03}/{number:08}"


def fill(share: Share) -> int:
    """Put a share of the objects over one connection; answers how many."""
    host = f"127.0.0.1:{share.side.port}"
    body, buffer, done = os.urandom(OBJECT_BYTES), bytearray(1 << 16), 0
    with socket.create_connection(("127.0.0.1", share.side.port), timeout=120) as line:
        for number in range(share.first, share.objects, share.step):
            path = signed("PUT", host, f"/{BUCKET}/{key_of(number)}", share.side.key)
            line.sendall(
                f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {OBJECT_BYTES}\r\n\r\n".encode() + body
            )
            head = read_head(line, buffer)
            if not head or not head.text.startswith(OK.decode()):
                raise ConnectionError(f"{share.side.name}: {head}")
            pour(line, buffer, head.length - len(head.rest), None)
            done += 1
    return done


class Lister:
    """Pages of a bucket, asked for raw."""

    def __init__(self, side: Side, line: socket.socket) -> None:
        """Ask over a connection that stays."""
        self._side, self._line = side, line

    def page(self, **query: str) -> tuple[list[str], str, float]:
        """Keys of a page, the token of the next one, and seconds until it was read."""
        host = f"127.0.0.1:{self._side.port}"
        asked = {"list-type": "2", "max-keys": str(PAGE)} | {name.replace("_", "-"): v for name, v in query.items()}
        more = "".join(f"&{name}={quote(asked[name], safe='')}" for name in sorted(asked))
        path = signed("GET", host, f"/{BUCKET}", self._side.key, more)
        began = time.perf_counter()
        self._line.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        text = body_of(self._line)
        took_s = time.perf_counter() - began
        token = TOKEN.search(text)
        return [html.unescape(key) for key in KEY.findall(text)], html.unescape(token[1]) if token else "", took_s

    def all(self) -> tuple[list[str], float]:
        """Every key, and seconds."""
        keys, token, whole_s = list[str](), "", 0.0
        while True:
            found, token, took_s = self.page(**({"continuation_token": token} if token else {}))
            keys, whole_s = [*keys, *found], whole_s + took_s
            if not token:
                return keys, whole_s


def body_of(line: socket.socket) -> str:
    """Body of an answer, of a length or in chunks (RFC 9112, 7.1)."""
    buffer = bytearray(1 << 20)
    head = read_head(line, buffer)
    if not head or not head.text.startswith(OK.decode()):
        raise ConnectionError(f"listing: {head}")
    got = bytearray(head.rest)
    chunked = "transfer-encoding: chunked" in head.text.lower()
    while not (got.endswith(b"0\r\n\r\n") if chunked else len(got) >= head.length):
        count = line.recv_into(buffer)
        if not count:
            raise ConnectionError("the body is short")
        got += buffer[:count]
    return (unchunked(bytes(got)) if chunked else bytes(got)).decode()


def unchunked(body: bytes) -> bytes:
    """Chunks put together."""
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        whole, body = whole + body[:length], body[length + 2 :]
    return whole


def resident_mib(pid: int) -> float:
    """Memory that a process has (proc(5), `statm`, field 2)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def measure(side: Side, clients: Executor, given: argparse.Namespace) -> dict[str, Any]:
    """One engine: filled, then listed."""
    engine, own = side.pids[0], os.getpid()
    idle, own_idle = resident_mib(engine), resident_mib(own)
    began = time.perf_counter()
    shares = [Share(side, first, given.clients, given.objects) for first in range(given.clients)]
    put = sum(clients.map(fill, shares))
    fill_s = time.perf_counter() - began
    time.sleep(given.settle)
    filled = resident_mib(engine)
    with socket.create_connection(("127.0.0.1", side.port), timeout=120) as line:
        lister = Lister(side, line)
        wanted = sorted(key_of(number) for number in range(given.objects))
        figures = dict(_pages(lister, wanted, given.repeats))
        keys, listing_s = lister.all()
    return {
        **figures,
        "listing_s": round(listing_s, 2),
        "sorted": all(one < other for one, other in pairwise(keys)),
        "twice": len(keys) - len(set(keys)),
        "missing": len(set(wanted) - set(keys)),
        "put_per_s": round(put / fill_s),
        "idle_mib": round(idle),
        "fill_growth_mib": round(filled - idle),
        "list_growth_mib": round(resident_mib(engine) - filled),
        "own_growth_mib": round(resident_mib(own) - own_idle),
    }


def _pages(lister: Lister, wanted: list[str], repeats: int) -> Iterator[tuple[str, float]]:
    """Yield milliseconds of first pages of each sort."""
    sorts: dict[str, dict[str, str]] = {
        "first_page": {},
        "folders": {"delimiter": "/", "prefix": "folders/"},
        "prefix": {"prefix": "folders/042/"},
        "late": {"start_after": wanted[len(wanted) * 9 // 10]},
    }
    for name, query in sorts.items():
        took = sorted(1_000 * lister.page(**query)[2] for _ in range(repeats))
        yield f"{name}_ms", round(statistics.median(took), 1)
        if name == "first_page":
            yield "first_page_p95_ms", round(took[-1 - len(took) // 20], 1)


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--settle", type=float, default=5.0, metavar="S", help="between filling and listing")
    given = parser.parse_args()
    told: dict[str, Any] = {"objects": given.objects}
    with tempfile.TemporaryDirectory(prefix="cloudhall-bench-") as root:
        for make, prefix in ((ours, ""), (bare, "bare_")):
            with contextlib.ExitStack() as stack:
                side = stack.enter_context(make(Path(root)))
                clients = stack.enter_context(ProcessPoolExecutor(given.clients, mp_context=get_context("spawn")))
                found = measure(side, clients, given)
            print(side.name, json.dumps(found), flush=True)
            told |= {prefix + name: value for name, value in found.items()}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
