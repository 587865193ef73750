"""One supervised engine process: started, drained, restarted when it dies, stopped with us and never twice.

Invariants:

- At most one engine runs on a folder. The folder's lock keeps other Cloudhalls away; an engine that a killed
  Cloudhall left behind is found by its pid file (pid and start time, so a reused pid is not mistaken) and ended first.
- The engine ends when we do, also by kill -9: `setpriv` asks the kernel to send it SIGTERM. That request is tied to
  the *thread* that started it, so the supervising thread starts it and lives as long.
- It has a session of its own: Ctrl-C in our terminal reaches us alone, and we stop it in order.
- Its output is read to the end always (a full pipe would stop it); only warnings and errors are passed on.
- An engine whose disk was full is started anew once there is room: its index writes nothing more by itself (measured).
"""

import collections
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from cloudhall.drivers.objects.weed_home import write_private
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.text import T

log = logging.getLogger("cloudhall.objects.weed")

PID_FILE = "weed.pid"
START_S = 30.0
STOP_S = 3.5
"""SIGTERM takes 2.0-2.3 s, but hangs when the disk is full or the start is not yet over (measured): then SIGKILL."""
POLL_S = 0.02
SETTLED_S = 0.1  # an engine that finds a port taken ends within so long
STEADY_S = 30.0
"""An engine that ran this long is restarted at once, otherwise the wait doubles up to `LONGEST_WAIT_S`."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0
NO_ROOM = "no space left on device"
ROOM_BYTES, ROOM_POLL_S = 16 << 20, 1.0
REFUSALS = " auth_signature_v4.go:"
LEVELS = {"W": logging.WARNING, "E": logging.ERROR, "F": logging.CRITICAL}


class Running(msgspec.Struct, frozen=True):
    """What the pid file says: the process and when it started, in the kernel's clock ticks since boot."""

    pid: int
    started: int


class Command(msgspec.Struct, frozen=True):
    """What to start."""

    arguments: list[str]
    environment: dict[str, str]
    folder: Path
    name: str = "weed"
    stop_s: float | None = None
    """How long to wait after SIGTERM; `STOP_S` where it is None."""


class Supervised:
    """The engine, from `start` to `stop`. `before` runs ahead of each start, `crashed` after a disorderly end."""

    def __init__(
        self,
        command: Command,
        *,
        ready: Callable[[], bool],
        before: Callable[[], None],
        crashed: Callable[[], None],
    ) -> None:
        self._pid_file = command.folder / PID_FILE
        self._command = command
        self._ready = ready
        self._before = before
        self._crashed = crashed
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._supervise, name=command.name, daemon=True)
        self._tail: collections.deque[str] = collections.deque(maxlen=20)
        self._ends = 0
        self._full: subprocess.Popen[str] | None = None  # had no room; it is ended when there is some

    def start(self) -> None:
        """Start and wait until it serves. `Unavailable` with its last words when it ends or takes too long."""
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._ready():
            if self._ends or time.monotonic() > deadline:
                self.stop()
                raise self._did_not_start()
            time.sleep(POLL_S)
        if self._stopping.wait(SETTLED_S) or self._ends:  # what answered was somebody else at a port of ours
            self.stop()
            raise self._did_not_start()

    def stop(self) -> None:
        """SIGTERM, a while later SIGKILL."""
        patience_s = STOP_S if self._command.stop_s is None else self._command.stop_s
        with self._lock:
            self._stopping.set()
            if self._process:
                self._process.terminate()
        self._thread.join(patience_s)
        if self._thread.is_alive() and self._process:
            log.warning("%s did not stop within %s s and is killed", self._command.name, patience_s)
            self._process.kill()
            self._thread.join()
            self._crashed()
        self._pid_file.unlink(missing_ok=True)

    def reload(self) -> None:
        """SIGHUP: read the identities again. Does nothing while the engine is down; it reads them when it starts."""
        with self._lock:
            if self.pid:
                os.kill(self.pid, signal.SIGHUP)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def _supervise(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            began = time.monotonic()
            if not self._run():
                return
            self._ends += 1
            if not self._told():
                return
            log.error("%s ended unasked; its last words: %s", self._command.name, " | ".join(self._tail))
            wait_s = FIRST_WAIT_S if time.monotonic() - began > STEADY_S else min(2 * wait_s, LONGEST_WAIT_S)
            if self._stopping.wait(wait_s):
                return

    def _told(self) -> bool:
        """Tell of a disorderly end, as soon as there is room to write it down; False when a stop came first."""
        while True:
            try:
                self._crashed()
            except Unavailable as error:
                log.warning("%s stays down: %s", self._command.name, error)
            else:
                return True
            if self._stopping.wait(ROOM_POLL_S):
                return False

    def _run(self) -> bool:
        """Run it once to its end; False when that was asked for."""
        with self._lock:
            if self._stopping.is_set():
                return False
            self._before()
            process = self._process = self._spawn()
        with contextlib.suppress(Unavailable):  # no room: whoever is killed by then, `setpriv` ends it all the same
            _remember(self._pid_file, process.pid)
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._hear(line.rstrip())
        process.wait()
        return not self._stopping.is_set()

    def _spawn(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*_dying_with_us(), *self._command.arguments],
            env=self._command.environment,
            cwd=self._command.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def _hear(self, line: str) -> None:
        """Keep a line for last words; pass on glog's `W1122 …`, `E…`, `F…`. Who is refused is the client's affair."""
        self._tail.append(line)
        if NO_ROOM in line and self._full is not self._process:
            self._full = self._process
            threading.Thread(target=self._await_room, args=(self._process,), name="weed-room", daemon=True).start()
        if line[:1] in LEVELS and line[1:5].isdigit() and REFUSALS not in line:
            log.log(LEVELS[line[0]], "%s", line)

    def _await_room(self, process: "subprocess.Popen[str]") -> None:
        """End an engine that had no room, once there is some, so that it is started anew."""
        while not self._stopping.wait(ROOM_POLL_S) and process.poll() is None:
            if shutil.disk_usage(self._command.folder).free < ROOM_BYTES:
                continue
            log.warning("%s had no room on its disk; there is some, and it is started anew", self._command.name)
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def _did_not_start(self) -> Unavailable:
        last = " | ".join(line for line in self._tail if line)[-600:]
        return Unavailable(
            T("对象存储引擎没有启动：{last}", "The object store's engine did not start: {last}").format(last=last),
            mend=T(
                "检查磁盘空间与目录权限，再重新启动；日志在 cloudhall.objects.weed",
                "Check disk space and folder permissions and start again; its log is cloudhall.objects.weed",
            ),
            reason="engine_start",
        )


def end_stale(folder: Path) -> bool:
    """End the engine that an earlier Cloudhall left running. True when the last end was not an orderly `stop`.

    The pid file stays until the next engine's takes its place, so that a start that is killed before what may be
    missing was written down leaves the next one to find it again.
    """
    pid_file = folder / PID_FILE
    try:
        left = msgspec.json.decode(pid_file.read_bytes(), type=Running)
    except FileNotFoundError:
        return False
    except msgspec.DecodeError:
        return True
    for number, patience_s in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
        deadline = time.monotonic() + patience_s
        if _started(left.pid) == left.started:
            with contextlib.suppress(ProcessLookupError):  # ended in between
                os.kill(left.pid, number)
        while _started(left.pid) == left.started and time.monotonic() < deadline:
            time.sleep(POLL_S)
    return True


def left_running(folder: Path) -> int | None:
    """Process of an engine that the pid file names: None after an orderly stop, 0 when it ended otherwise."""
    try:
        said = msgspec.json.decode((folder / PID_FILE).read_bytes(), type=Running)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        return 0
    return said.pid if _started(said.pid) == said.started else 0


def _remember(pid_file: Path, pid: int) -> None:
    started = _started(pid)
    if started is not None:
        write_private(pid_file, msgspec.json.encode(Running(pid, started)))


def _started(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None when it is gone or dead (proc(5), `stat`, field 22).

    A zombie is dead when no other thread of it is left: until then its ports are taken.
    """
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" and threads == 1 else int(rest[18])


def _dying_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")  # util-linux; without it a killed Cloudhall's engine is ended at the next start
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
