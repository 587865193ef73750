"""How soon Cloudhall is there, how soon it is gone, and what it weighs: a fresh clone of HEAD through `make run`.

    first_start_s      clone made, nothing installed, package cache warm: until the address is printed
    second_start_s     the same again, with its data
    stop_s             Ctrl-C (SIGINT to make's process group) until no process of it is left; the worse of the two
    cli_import_cpu_ms  user and system time of `cloudhall --version`, median of 9; `cli_help_cpu_ms` of `--help`
    bare_python_cpu_ms the limit below both: the same Python doing nothing
    server_rss_mib     the server's own process; `engines_rss_mib` each engine beside it, by name

What is measured is what is committed. Costs about two starts; nothing is left behind.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT_S = 300
STOP_LIMIT_S = 60


class Running:
    """One `make run` in a session of its own, so that a Ctrl-C reaches all of it as from a terminal."""

    def __init__(self, clone: Path, home: Path, port: int) -> None:
        """Start it and wait until the line with its address is printed; `start_s` is how long that took."""
        environ = os.environ | {"CLOUDHALL_HOME": str(home), "CLOUDHALL_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        self.log = clone.with_name("log")
        began = time.monotonic()
        with self.log.open("w") as log:
            self.make = subprocess.Popen(
                ["make", "run"], cwd=clone, env=environ, stdout=log, stderr=log, start_new_session=True
            )
        while not self._printed(f"http://127.0.0.1:{port}"):
            if self.make.poll() is not None or time.monotonic() - began > START_LIMIT_S:
                self._give_up("no line that begins with Cloudhall and holds its address")
            time.sleep(0.01)
        self.start_s = time.monotonic() - began

    def _printed(self, address: str) -> bool:
        lines = self.log.read_text(errors="replace").splitlines()
        return any(line.startswith("Cloudhall") and address in line for line in lines)

    def _give_up(self, why: str) -> NoReturn:
        for pid in [*descendants(self.make.pid), self.make.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise SystemExit(f"make run: {why}; it said:\n{self.log.read_text(errors='replace')}")

    def stop(self) -> float:
        """Send Ctrl-C; seconds until every process that it had started is gone."""
        family = [self.make.pid, *descendants(self.make.pid)]
        began = time.monotonic()
        os.killpg(self.make.pid, signal.SIGINT)
        while left := [pid for pid in family if self.make.poll() is None or alive(pid)]:
            if time.monotonic() - began > STOP_LIMIT_S:
                self._give_up(f"still there {STOP_LIMIT_S} s after Ctrl-C: {[command(pid) for pid in left]}")
            time.sleep(0.01)
        return time.monotonic() - began

    def rss_mib(self) -> tuple[float, dict[str, float]]:
        """Resident memory of the server and of each engine, in MiB; the server is the `cloudhall run` process."""
        pids = [pid for pid in descendants(self.make.pid) if command(pid)]
        server = next(pid for pid in pids if "cloudhall run" in command(pid))
        engines: dict[str, float] = {}
        for pid in descendants(server):
            name = Path(command(pid).split()[0]).name
            engines[name] = engines.get(name, 0) + resident_mib(pid)
        return resident_mib(server), engines


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, whatever session it put itself into."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, thread.read_text().split()):
            found += [child, *descendants(child)]
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie has stopped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def command(pid: int) -> str:
    """Command line of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def resident_mib(pid: int) -> float:
    """Resident set of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return round(int(kib) / 1024, 1)


def cpu_ms(*arguments: str | Path, runs: int = 9) -> float:
    """User and system time of a command in milliseconds, median of its runs."""
    taken = []
    for _ in range(runs):
        child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{arguments} ended with {child.returncode}")
        taken.append(usage.ru_utime + usage.ru_stime)
    return round(statistics.median(taken) * 1000, 1)


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        return int(s.getsockname()[1])


def measure(folder: Path) -> dict[str, object]:
    """Clone, start, stop, start again, stop; then the command line."""
    clone, home, port = folder / "clone", folder / "home", free_port()
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    first = Running(clone, home, port)
    first_stop_s = first.stop()
    second = Running(clone, home, port)
    server_rss_mib, engines_rss_mib = second.rss_mib()
    second_stop_s = second.stop()
    programs = clone / ".venv/bin"
    return {
        "first_start_s": round(first.start_s, 2),
        "second_start_s": round(second.start_s, 2),
        "stop_s": round(max(first_stop_s, second_stop_s), 2),
        "cli_import_cpu_ms": cpu_ms(programs / "cloudhall", "--version"),
        "cli_help_cpu_ms": cpu_ms(programs / "cloudhall", "--help"),
        "bare_python_cpu_ms": cpu_ms(programs / "python", "-c", "pass"),
        "server_rss_mib": server_rss_mib,
        "engines_rss_mib": engines_rss_mib,
    }


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory(prefix="cloudhall-start-") as made:
        print(json.dumps(measure(Path(made))))
