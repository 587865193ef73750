"""The real server as a process of its own: started, watched, stopped or killed, and nothing of it left behind.

The process has a session of its own, so that a Ctrl-C reaches it as from a terminal and never reaches us.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.start import alive, command, descendants, free_port

PROGRAM = Path(sys.executable).with_name("cloudhall")
START_S = 60.0
STOP_S = 30.0
PAUSE_S = 0.02
KEPT = ("PATH", "HOME", "TMPDIR", "PYTHONPATH", "CLOUDHALL_WEED")
GRPC_OFFSET = 10_000  # where the engine listens for gRPC, above each of its ports


class Server:
    """`cloudhall run` on a home of its own; the port stays the same from start to start."""

    def __init__(
        self,
        home: Path,
        *,
        demo: bool = True,
        environ: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        origin: str = "http://127.0.0.1",
    ) -> None:
        """`before` is put before the command line, such as `unshare`; `origin` is what it says of itself."""
        self.home, self.port, self._origin = home, free_port(), origin
        self.arguments = [*before, str(PROGRAM), "run", *(["--demo"] if demo else [])]
        self.environ = environment(home, self.port) | dict(environ or {})
        self.log = home.with_name(f"{home.name}.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._family: set[tuple[int, str]] = set()

    @property
    def url(self) -> str:
        """Address of console and API."""
        return f"{self._origin}:{self.port}"

    @property
    def pid(self) -> int:
        """Process of `cloudhall run`. What stands before it becomes it by `exec`, `unshare` apart from that."""
        assert self._process
        return self._process.pid

    @property
    def engine_pid(self) -> int:
        """Process of the object store's engine; 0 while there is none."""
        return next((p for p in descendants(self.pid) if " mini -dir=" in command(p)), 0)

    def start(self) -> float:
        """Start and wait for the line with the address; seconds that it took."""
        began = time.monotonic()
        self.begin()
        assert self._process
        while self.url not in self.said():
            assert self._process.poll() is None, f"ended with {self._process.returncode}: {self.said()}"
            assert time.monotonic() - began < START_S, f"not up after {START_S} s: {self.said()}"
            time.sleep(PAUSE_S)
        self.look()
        return time.monotonic() - began

    def begin(self) -> None:
        """Start, and do not wait."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self.arguments, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )

    def look(self) -> None:
        """Remember every process that belongs to it now; what was seen must be gone in the end."""
        assert self._process
        self._family |= {(pid, born(pid)) for pid in (self._process.pid, *descendants(self._process.pid))}

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, float]:
        """Send Ctrl-C as a terminal does; exit code, and seconds until nothing of it ran any more."""
        assert self._process
        self.look()
        began = time.monotonic()
        os.killpg(self._process.pid, number)
        code = self._process.wait(STOP_S)
        self._await_end(began)
        return code, time.monotonic() - began

    def kill(self, *, engine: bool = False) -> None:
        """`kill -9` the server, and with it the engine where told; does not wait for an engine that lives on."""
        assert self._process
        self.look()
        for pid in filter(None, [self.pid, self.engine_pid if engine else 0]):
            os.kill(pid, signal.SIGKILL)
        self._process.wait(STOP_S)

    def end(self) -> None:
        """Make sure that nothing is left, however the test ended."""
        if self._process and self._process.poll() is None:
            self.stop()
        self._await_end(time.monotonic())

    def said(self) -> str:
        """All that it printed since its last start."""
        return self.log.read_text("utf-8", errors="replace")

    def listening(self) -> list[int]:
        """Ports of it that still answer."""
        engine = json.loads((self.home / "objects/ports.json").read_bytes()).values()
        ports = [self.port, *engine, *(p + GRPC_OFFSET for p in engine)]
        return [p for p in ports if answers(p)]

    def _await_end(self, began: float) -> None:
        while left := [pid for pid, birth in self._family if alive(pid) and born(pid) == birth]:
            assert time.monotonic() - began < STOP_S, f"still there: {[command(pid) for pid in left]}"
            time.sleep(PAUSE_S)


def born(pid: int) -> str:
    """When a process started, so that another one under the same number is not mistaken for it (proc(5), field 22)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def environment(home: Path, port: int) -> dict[str, str]:
    """Environment of a server that reads nobody's configuration, in English."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {"CLOUDHALL_HOME": str(home), "CLOUDHALL_PORT": str(port), "LANG": "C.UTF-8"}


def answers(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def refusal(home: Path, port: int | None = None, before: Sequence[str] = (), **environ: str) -> list[str]:
    """Run the server where it cannot run: the lines that it says, once it has ended with 1 and shown no traceback."""
    done = subprocess.run(
        [*before, PROGRAM, "run"],
        env=environment(home, port or free_port()) | environ,
        capture_output=True,
        encoding="utf-8",
        timeout=START_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()
