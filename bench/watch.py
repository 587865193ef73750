"""How soon those who watch hear of a commit, when many of them watch at once.

    p50_ms, p99_ms   from the time of the commit, as the event itself says it, to the last byte of it at a client
    missed           events that a client did not get; there must be none
    heard_per_s      events times clients, a second
    server_cpu_s_per_1000  user and system time of the server's process for 1,000 of them heard; so much of it was
                     `server_cores`
    client_cpu_s_per_1000  the same of the clients, which share the machine
    bare_p99_ms      limit: the same bytes from a plain asyncio server without database, policy or HTTP

Each figure carries its database, `sqlite.` or `postgres.`. The clients are one process with a connection each over
loopback; somebody creates resources at a steady rate meanwhile.
"""

import argparse
import asyncio
import contextlib
import datetime
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import create

SETTLE_S, TURN_S = 30.0, 0.05
WARM_UP_S = 3.0
MARK = b'"at":"'


class Watcher(asyncio.Protocol):
    """One client that keeps when each event came, by its revision."""

    def __init__(self, request: bytes) -> None:
        """`request` opens the stream."""
        self.request, self.rest = request, b""
        self.lags_ms: dict[int, float] = {}
        self.open = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def close(self) -> None:
        """Hang up."""
        if self.transport is not None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Note every whole event; chunk sizes of HTTP lie between frames and are passed over."""
        self.open, now = True, time.time()
        *frames, self.rest = (self.rest + data).split(b"\n\n")
        for frame in frames:
            at = frame.find(MARK)
            if at >= 0 and b"\nevent: " in frame:
                revision = int(frame.partition(b"id: ")[2].partition(b"\n")[0])
                moment = frame[at + len(MARK) : frame.index(b'"', at + len(MARK))].decode()
                self.lags_ms[revision] = (now - seconds_of(moment)) * 1_000


def seconds_of(moment: str) -> float:
    """Seconds since 1970 of an RFC 3339 time."""
    return datetime.datetime.fromisoformat(moment).timestamp()


async def watch(port: int, told: dict[str, str], clients: int, per_s: float, seconds: float) -> dict[str, Any]:
    """Let everybody watch while resources are made at a steady rate."""
    loop = asyncio.get_running_loop()
    head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {told['token']}\r\n"
    opening = f"GET /api/v1/watch?kind=tickets HTTP/1.1\r\n{head}\r\n".encode()
    watchers = [Watcher(opening) for _ in range(clients)]
    for watcher in watchers:
        await loop.create_connection(lambda w=watcher: w, "127.0.0.1", port)  # type: ignore[misc]  # bound in the default
    await until(lambda: all(w.open for w in watchers))
    await asyncio.sleep(WARM_UP_S)
    before, mine, began = await create.figures([port]), create.cpu_s(), time.perf_counter()
    made = await make(port, head, told["project"], per_s, seconds)
    took_s = time.perf_counter() - began
    await until(lambda: all(len(w.lags_ms) >= made for w in watchers))
    after, mine = await create.figures([port]), create.cpu_s() - mine
    lags = [lag for w in watchers for lag in w.lags_ms.values()]
    await hang_up(watchers)
    spent_s, cuts = after["cpu_s"] - before["cpu_s"], statistics.quantiles(lags, n=100)
    return {
        "clients": clients,
        "events": made,
        "p50_ms": round(cuts[49], 1),
        "p99_ms": round(cuts[98], 1),
        "missed": made * clients - len(lags),
        "heard_per_s": round(len(lags) / took_s),
        "server_cpu_s_per_1000": round(spent_s / len(lags) * 1_000, 4),
        "server_cores": round(spent_s / took_s, 2),
        "client_cpu_s_per_1000": round(mine / len(lags) * 1_000, 4),
    }


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something, but not for ever: what has not come by then is missed."""
    for _ in range(round(SETTLE_S / TURN_S)):
        if holds():
            return
        await asyncio.sleep(TURN_S)


async def hang_up(watchers: Sequence[Watcher]) -> None:
    """End every stream."""
    for watcher in watchers:
        watcher.close()
    await asyncio.sleep(TURN_S)


async def make(port: int, head: str, project: str, per_s: float, seconds: float) -> int:
    """Create one resource after the other on one connection; answers how many."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = round(per_s * seconds)
    for n in range(count):
        body = json.dumps({"name": f"w-{n}", "project": project, "spec": {"size_gib": 1}})
        due = time.perf_counter() + 1 / per_s
        writer.write(
            f"POST /api/v1/tickets HTTP/1.1\r\n{head}Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 201"), answer
        await reader.readexactly(int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    writer.close()
    return count


async def bare(clients: int, per_s: float, seconds: float) -> float:
    """Milliseconds of the slowest hundredth, with nothing but sockets between."""
    opened: list[asyncio.StreamWriter] = []

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop, watchers = asyncio.get_running_loop(), [Watcher(b"") for _ in range(clients)]
    for watcher in watchers:
        await loop.create_connection(lambda w=watcher: w, "127.0.0.1", port)  # type: ignore[misc]  # bound in the default
    await until(lambda: len(opened) == clients)
    for n in range(round(per_s * seconds)):
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() // 1_000 % 1_000_000:06d}Z"
        frame = f'id: {n}\nevent: x\ndata: {{"at":"{now}","pad":"{"x" * 500}"}}\n\n'.encode()
        for writer in opened:
            writer.write(frame)
        await asyncio.sleep(1 / per_s)
    lags = [lag for w in watchers for lag in w.lags_ms.values()]
    await hang_up(watchers)
    for writer in opened:
        writer.close()
    server.close()
    return round(statistics.quantiles(lags, n=100)[98], 1)


def measure(dialect: str, folder: Path, clients: int, per_s: float, seconds: float) -> dict[str, Any]:
    """Start a server, let everybody watch, stop it."""
    with create.OPENS[dialect](folder) as database, socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
        probe.close()
        command = [sys.executable, create.__file__, "--serve", str(port), "--home", str(folder)]
        command += ["--database", database.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                told = json.loads(server.stdout.readline())
                create.wait_for(port)
                result = asyncio.run(watch(port, told, clients, per_s, seconds))
            finally:
                server.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(10)
                server.kill()
    return {f"{dialect}.{name}": value for name, value in result.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialect", choices=(*create.DIALECTS, "both"), default="both")
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--per-s", type=float, default=5, help="resources made a second")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--home", type=Path, help="folder on the disk to measure; a temporary one without it")
    given = parser.parse_args()
    measured: dict[str, Any] = {}
    for chosen in create.DIALECTS if given.dialect == "both" else (given.dialect,):
        with tempfile.TemporaryDirectory(prefix="cloudhall-watch-", dir=given.home) as made_folder:
            measured |= measure(chosen, Path(made_folder), given.clients, given.per_s, given.seconds)
    measured["bare_p99_ms"] = asyncio.run(bare(given.clients, given.per_s, min(given.seconds, 5)))
    print(json.dumps(measured))
