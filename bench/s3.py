"""S3 through Cloudhall's set-up against a bare engine of the same flags, beside plain files as the machine's limit.

Ours: the driver as it runs in production - signing keys, `-disableHttp`, mutual TLS, its counters scraped each 10 s and
its change stream followed. Bare: the same `weed mini` without any of it. Limit: files written and sent by the kernel
(`sendfile`) from two Python processes over the same sockets.

Clients are processes of one keep-alive connection each, with pre-signed addresses, so that they cost as little as
can be. Each round does every size and verb on each side in turn, and turns the order. Its last line is one JSON object:

    ratio_put_4k …              median over the rounds of ours / bare, in requests a second
    cpu_ratio_put_4k …          median of bare / ours in CPU a request, the engine's and our readers': says the same
                                where other work disturbs the clock
    ours_put_4k_per_s …         median rates; also bare_ and files_
"""

import argparse
import contextlib
import datetime
import hashlib
import hmac
import json
import multiprocessing
import os
import socket
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from cloudhall.drivers.objects import REGION, Key, weed_binary, weed_command, weed_home, weed_ports
from cloudhall.drivers.objects.buckets import Buckets
from cloudhall.drivers.objects.identities import render
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.drivers.objects.weed_process import Command, Supervised

BUCKET = "bench"
UNITS = {"k": 1 << 10, "m": 1 << 20}
OK = b"HTTP/1.1 200"
SCRAPE_S, FOLLOW_S = 10.0, 2.0
LIMIT = "plain files, sendfile, 2 Python processes"


class Side(NamedTuple):
    """One of those compared: where it listens, and with which key (the limit needs none)."""

    name: str
    port: int
    key: Key | None = None
    pids: tuple[int, ...] = ()
    """Whose CPU it costs."""


class Job(NamedTuple):
    """What one client process does in one round."""

    side: Side
    verb: str
    size: int
    client: int
    seconds: float


class Done(NamedTuple):
    """What came of it."""

    asked: int
    seconds: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--sizes", default="4k,1m,64m", help="object sizes")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--clients", type=int, default=4, help="client processes")
    chosen = parser.parse_args()
    sizes = chosen.sizes.lower().split(",")
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloudhall-bench-")))
        sides = [stack.enter_context(make(root)) for make in (ours, bare, plain_files)]
        clients = stack.enter_context(ProcessPoolExecutor(chosen.clients, mp_context=context))
        rates = measure(clients, sides, sizes, chosen)
    print(json.dumps(report(rates, sizes) | {"limit": LIMIT, "clients": chosen.clients, "cpus": os.cpu_count()}))


class Rate(NamedTuple):
    """Of one round: requests a second, and microseconds of CPU a request."""

    per_s: float
    cpu_us: float


Rates = dict[tuple[str, str, str], list[Rate]]
"""Of all rounds, by side, verb and size."""


def measure(clients: Executor, sides: list[Side], sizes: list[str], chosen: argparse.Namespace) -> Rates:
    """Every round of every size, verb and side, after one that makes the objects and is not counted."""
    rates: Rates = {}
    for size in sizes:
        for side in sides:
            list(clients.map(work, [Job(side, "put", in_bytes(size), c, 0.0) for c in range(chosen.clients)]))
    for number in range(chosen.rounds):
        for size in sizes:
            for verb in ("put", "get"):
                for side in sides if number % 2 == 0 else sides[::-1]:
                    jobs = [Job(side, verb, in_bytes(size), c, chosen.seconds) for c in range(chosen.clients)]
                    rate = one(clients, side, jobs)
                    rates.setdefault((side.name, verb, size), []).append(rate)
                    print(f"round {number + 1} {side.name:5} {verb} {size:>4} {rate.per_s:10.1f}/s", flush=True)
    return rates


def one(clients: Executor, side: Side, jobs: list[Job]) -> Rate:
    """All clients at once."""
    before_us = sum(map(cpu_us, side.pids))
    done = list(clients.map(work, jobs))
    asked = sum(d.asked for d in done)
    return Rate(sum(d.asked / d.seconds for d in done), (sum(map(cpu_us, side.pids)) - before_us) / asked)


def cpu_us(pid: int) -> float:
    """CPU time that a process has taken (proc(5), `stat`, fields 14 and 15)."""
    numbers = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def report(rates: Rates, sizes: list[str]) -> dict[str, float]:
    """Ratios and rates as medians."""
    figures = dict[str, float]()
    for size in sizes:
        for verb in ("put", "get"):
            pairs = list(zip(rates["ours", verb, size], rates["bare", verb, size], strict=True))
            figures[f"ratio_{verb}_{size}"] = median(mine.per_s / other.per_s for mine, other in pairs)
            figures[f"cpu_ratio_{verb}_{size}"] = median(other.cpu_us / mine.cpu_us for mine, other in pairs)
            for side in ("ours", "bare", "files"):
                figures[f"{side}_{verb}_{size}_per_s"] = median(rate.per_s for rate in rates[side, verb, size])
    return figures


def median(values: Iterable[float]) -> float:
    """Rounded for people."""
    return round(statistics.median(values), 3)


def in_bytes(size: str) -> int:
    """`4k`, `1m`, `512`."""
    return int(size[:-1]) * UNITS[size[-1]] if size[-1] in UNITS else int(size)


@contextlib.contextmanager
def ours(root: Path) -> Iterator[Side]:
    """The driver, read as a controller reads it."""
    engine = SeaweedFS(root / "ours")
    engine.start()
    over = threading.Event()
    cursor = [0]

    def follow() -> None:
        cursor[0] = engine.changes(cursor[0]).cursor

    readers = [
        threading.Thread(target=every, args=(period_s, read, over))
        for period_s, read in ((SCRAPE_S, engine.counters), (FOLLOW_S, follow))
    ]
    try:
        engine.ensure_bucket(BUCKET)
        for reader in readers:
            reader.start()
        inside = engine._up  # noqa: SLF001  nobody else has a key yet
        yield Side("ours", inside.ports.s3, inside.keys.admin, (inside.child.pid or 0, os.getpid()))
    finally:
        over.set()
        for reader in readers:
            reader.join()
        engine.stop()


def every(period_s: float, read: Callable[[], object], over: threading.Event) -> None:
    """Read until it is over."""
    while not over.wait(period_s):
        read()


@contextlib.contextmanager
def bare(root: Path) -> Iterator[Side]:
    """`weed mini` with the flags that the driver gives, less what closes its back doors."""
    home, key = root / "bare", Key("bench-key", "bench-secret-0123456789")
    weed_home.prepare(home)
    ports = weed_ports.choose(home / "ports.json")
    weed_home.write_private(home / "s3.json", render((), admin=key).content)
    arguments = weed_command.arguments(weed_binary.locate(), home, ports, guarded=False)
    child = Supervised(
        Command(arguments, {"PATH": os.defpath, "HOME": str(home)}, home),
        ready=lambda: healthy(ports.s3),
        before=lambda: None,
        crashed=lambda: None,
    )
    child.start()
    try:
        Buckets(f"http://127.0.0.1:{ports.s3}", key).ensure(BUCKET)
        yield Side("bare", ports.s3, key, (child.pid or 0,))
    finally:
        child.stop()
        weed_command.remove_sockets(msgspec.structs.astuple(ports))


def healthy(port: int) -> bool:
    """Whether an engine serves S3."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def plain_files(root: Path) -> Iterator[Side]:
    """Processes that write and send files, on one port."""
    folder = root / "files"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        port = int(listening.getsockname()[1])
        servers = [multiprocessing.get_context("fork").Process(target=serve, args=(listening, folder)) for _ in "12"]
        for server in servers:
            server.start()
        try:
            yield Side("files", port)
        finally:
            for server in servers:
                server.terminate()
                server.join()


def serve(listening: socket.socket, folder: Path) -> None:
    """Accept for ever, a thread a connection."""
    while True:
        line, _ = listening.accept()
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=answer, args=(line, folder), daemon=True).start()


def answer(line: socket.socket, folder: Path) -> None:
    """Requests of one connection: PUT writes beside and renames, GET sends."""
    buffer = bytearray(1 << 20)
    with line:
        while head := read_head(line, buffer):
            verb, path = head.text.split(" ", 2)[:2]
            file = folder / path.replace("/", "_")
            if verb == "PUT":
                beside = file.with_suffix(f".{threading.get_ident()}")
                with beside.open("wb", buffering=0) as out:
                    out.write(head.rest)
                    pour(line, buffer, head.length - len(head.rest), out.write)
                beside.replace(file)
                line.sendall(OK + b" OK\r\nContent-Length: 0\r\n\r\n")
            else:
                with file.open("rb") as source:
                    size = os.fstat(source.fileno()).st_size
                    line.sendall(OK + f" OK\r\nContent-Length: {size}\r\n\r\n".encode())
                    line.sendfile(source)


class Head(NamedTuple):
    """Start of a message: its lines, the length it announces, and what of the body came with it."""

    text: str
    length: int
    rest: bytes


def read_head(line: socket.socket, buffer: bytearray) -> Head | None:
    """Read to the end of the head; None when the connection ends."""
    got = b""
    while b"\r\n\r\n" not in got:
        count = line.recv_into(buffer)
        if not count:
            return None
        got += buffer[:count]
    head, _, rest = got.partition(b"\r\n\r\n")
    _, _, after = head.lower().partition(b"content-length:")
    return Head(head.decode(), int(after.split(b"\r\n")[0] or 0), rest)


def pour(line: socket.socket, buffer: bytearray, length: int, into: Callable[[memoryview], object] | None) -> None:
    """Read the rest of a body, `into` somewhere or nowhere."""
    view = memoryview(buffer)
    while length > 0:
        count = line.recv_into(view[: min(length, len(buffer))])
        if not count:
            raise ConnectionError("the body is short")
        if into:
            into(view[:count])
        length -= count


def work(job: Job) -> Done:
    """Ask for `seconds` on one connection, each name at least once. Large objects are few."""
    names = [f"/{BUCKET}/{job.size}/{job.client}/{n}" for n in range(max(1, min(64, (8 << 20) // job.size)))]
    host = f"127.0.0.1:{job.side.port}"
    length = job.size if job.verb == "put" else 0
    body = memoryview(os.urandom(length))
    verb = job.verb.upper()
    heads = [
        f"{verb} {signed(verb, host, name, job.side.key)} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"
        for name in names
    ]
    buffer = bytearray(1 << 20)
    asked, began = 0, time.perf_counter()
    with socket.create_connection(("127.0.0.1", job.side.port), timeout=60) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (spent := time.perf_counter() - began) < job.seconds or asked < len(heads):
            line.sendall(heads[asked % len(heads)].encode() + bytes(body[:65_536]))
            line.sendall(body[65_536:])
            head = read_head(line, buffer)
            if not head or not head.text.startswith(OK.decode()):
                raise ConnectionError(f"{job.side.name}: {head}")
            pour(line, buffer, head.length - len(head.rest), None)
            asked += 1
    return Done(asked, spent)


def signed(verb: str, host: str, path: str, key: Key | None, more: str = "") -> str:
    """A pre-signed address (AWS Signature 4, in the query, body unsigned), good for an hour.

    `more` is the rest of the query, each part after `&`, in order, its names in small letters.
    """
    if key is None:
        return path
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key.access}%2F{scope.replace('/', '%2F')}"
        f"&X-Amz-Date={now}&X-Amz-Expires=3600&X-Amz-SignedHeaders=host{more}"
    )
    request = f"{verb}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signing = f"AWS4{key.secret}".encode()
    for part in (*scope.split("/"), text):
        signing = hmac.digest(signing, part.encode(), "sha256")
    return f"{path}?{query}&X-Amz-Signature={signing.hex()}"


if __name__ == "__main__":
    main()
