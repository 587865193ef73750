"""The processes of a cluster: each part started, supervised, stopped or started anew by itself.

Invariants, beside those of every supervised process (`weed_process`): parts start in the order of their roles, each
role once the one before serves, and stop the other way round; a part that was stopped stays down until it is started;
whatever an earlier Cloudhall left running is ended before ports are chosen.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from cloudhall.drivers.objects import weed_home, weed_process
from cloudhall.drivers.objects.cluster.parts import ADDRESS, Part, Role
from cloudhall.drivers.objects.weed_process import Command, Supervised
from cloudhall.drivers.objects.weed_requests import get
from cloudhall.kernel.errors import Conflict
from cloudhall.kernel.text import T

ORDER: tuple[Role, ...] = ("master", "volume", "filer", "gateway")
FILER_STOP_S = 25.0
"""A filer with peers takes 15 s: it waits for their subscriptions to end before it writes down its log (measured)."""
LISTEN_S, HEALTH_S = 0.2, 1.0
Hook = Callable[[Part], None]
One = TypeVar("One")
Answer = TypeVar("Answer")


class State(msgspec.Struct, frozen=True):
    """A part as its process is: pid 0 while it does not run, since when (µs), resident memory in bytes."""

    pid: int
    since_us: int
    resident_bytes: int


class Fleet:
    """Processes of a cluster in `home`.

    `before` runs ahead of each start of a part, `crashed` after a disorderly end of one.
    """

    def __init__(
        self,
        home: Path,
        environment: Mapping[str, str],
        *,
        command: Callable[[Part], list[str]],
        before: Hook,
        crashed: Hook,
    ) -> None:
        self._home = home
        self._environment = dict(environment)
        self._command = command
        self._before = before
        self._crashed = crashed
        self._lock = threading.Lock()
        self._running: dict[str, Supervised] = {}
        self._since_us: dict[str, int] = {}

    def start(self, parts: Iterable[Part]) -> None:
        """Start parts that are down, role after role. `Unavailable` when one does not come up; then all are stopped."""
        down = [part for part in parts if part.name not in self._running]
        try:
            for role in ORDER:
                for together in _together([part for part in down if part.role == role]):
                    _all_at_once(self._start, together)
        except BaseException:
            self.stop(down)
            raise

    def stop(self, parts: Iterable[Part]) -> None:
        """Stop parts, the other way round; those that are down stay so."""
        up = [part for part in parts if part.name in self._running]
        for role in reversed(ORDER):
            _all_at_once(self._stop, [part for part in up if part.role == role])

    def reload(self, name: str) -> None:
        """Make a gateway read its identities again; one that is down reads them when it starts."""
        if supervised := self._running.get(name):
            supervised.reload()

    def runs(self, name: str) -> bool:
        """Whether the part's process is there."""
        return bool((supervised := self._running.get(name)) and supervised.pid)

    def since_us(self, name: str) -> int:
        """When the part's process was started last."""
        return self._since_us.get(name, 0)

    def state(self, name: str) -> State:
        """How the part's process is."""
        supervised = self._running.get(name)
        pid = (supervised.pid if supervised else None) or 0
        return State(pid, self.since_us(name) if pid else 0, _resident_bytes(pid) if pid else 0)

    def _start(self, part: Part) -> None:
        folder = self._home / part.name
        folder.mkdir(mode=0o700, exist_ok=True)
        supervised = Supervised(
            Command(
                self._command(part),
                self._environment,
                folder,
                part.name,
                FILER_STOP_S if part.role == "filer" else None,
            ),
            ready=lambda: serves(part),
            before=lambda: self._note(part),
            crashed=lambda: self._crashed(part),
        )
        with self._lock:
            if part.name in self._running:
                raise Conflict(T("{name} 已在运行", "{name} runs already").format(name=part.name))
            self._running[part.name] = supervised
        supervised.start()

    def _note(self, part: Part) -> None:
        self._since_us[part.name] = time.time_ns() // 1_000
        self._before(part)

    def _stop(self, part: Part) -> None:
        with self._lock:
            supervised = self._running.pop(part.name, None)
        if supervised:
            supervised.stop()


def serves(part: Part) -> bool:
    """Whether a part answers: a gateway its own question, another one on its port for gRPC."""
    try:
        if part.role == "gateway":
            get(part.port, "/healthz", HEALTH_S)
        else:
            socket.create_connection((ADDRESS, part.grpc), LISTEN_S).close()
    except OSError:
        return False
    return True


def end_stale(home: Path) -> bool:
    """End what an earlier Cloudhall left running. True when any part's last end was not an orderly stop."""
    folders = [path.parent for path in home.glob(f"*/{weed_process.PID_FILE}")]
    return any(_all_at_once(weed_process.end_stale, folders))


def prepare(home: Path) -> int:
    """Make the folder and lock it; answers the descriptor that holds it."""
    weed_home.prepare(home)
    return weed_home.lock(home)


def _together(parts: list[Part]) -> list[list[Part]]:
    """Parts of a role that may start at once: not filers, which would both make the same table (measured)."""
    return [[part] for part in parts] if parts and parts[0].role == "filer" else [parts]


def _all_at_once(do: Callable[[One], Answer], many: list[One]) -> list[Answer]:
    if not many:
        return []
    with ThreadPoolExecutor(len(many)) as pool:
        return list(pool.map(do, many))


def _resident_bytes(pid: int) -> int:
    """Memory that a process has in use (proc(5), `status`, `VmRSS`); 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS:")), 0)
