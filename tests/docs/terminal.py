"""What a page tells a reader to type, and a terminal that types it.

A `console` block holds commands after `$ ` (continued after `> `) and beneath each what it prints. It is printed on a
terminal 90 columns wide. What differs from run to run (ids, times, ports, amounts of time) is compared by its form
alone; `…` in a page stands for anything. A block after `<!-- repeat -->` is tried again until it comes out so.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

COLUMNS = 90
STEP_S = 90.0
REPEAT_S = 50.0
PAUSE_S = 0.5
END = "\x1e"
BLOCK = re.compile(r"^(<!-- repeat -->\n)?```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
# Forms of what differs: an id, a made name, a time in either form, a digest, a key, an address of loopback.
FORMS = (
    (r"\b([a-z]{2})-[0-9a-hjkmnp-tv-z]{17}\b", r"\1-ID"),
    (r"\b(access-key|tour|rq)-[0-9a-z]{6,20}\b", r"\1-MADE"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d\d(:?\d\d)?|Z)?", "TIME"),
    (r"\b\d{4}-\d\d\b", "MONTH"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\b[0-9a-f]{64}\b", "DIGEST"),
    (r"\bcloudhall/[0-9a-f]{16}\+\S+", "KEY"),
    (r"\bcloudhall/[0-9a-f]{16}\b", "LOG"),
    (r" {2,}", "  "),
    (r"[ \t]+$", ""),
)


class Step(NamedTuple):
    """One command of a page with what it should print; `block` counts the blocks."""

    block: int
    repeat: bool
    command: str
    printed: str


def steps_of(text: str) -> list[Step]:
    """Every command of a page, in its order."""
    return [
        Step(number, bool(match[1]), command, printed)
        for number, match in enumerate(BLOCK.finditer(text))
        for command, printed in _commands(match[2])
    ]


def _commands(block: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        first, *rest = part.splitlines()
        more = [line for line in rest if line.startswith(">")]
        yield "\n".join([first, *(line[2:] for line in more)]), "\n".join(rest[len(more) :])


def alike(wanted: str, seen: str) -> bool:
    """Whether a page's output is that of a run, but for what differs from run to run."""
    lines = [re.escape(line).replace("…", ".*") + "\n" for line in plain(wanted).splitlines()]
    pattern = "".join(r"(?:.*\n)*?" if line == ".*\n" else line for line in lines)
    return re.fullmatch(pattern, f"{plain(seen)}\n" if plain(seen) else "") is not None


def plain(text: str) -> str:
    """Text with the form instead of what differs."""
    for pattern, form in FORMS:
        text = re.sub(pattern, form, text, flags=re.MULTILINE)
    return text.strip("\n")


class Terminal:
    """A shell that keeps what it is told (`export`, `cd`) from command to command; its output is a terminal."""

    def __init__(self, cwd: Path, environ: Mapping[str, str]) -> None:
        """Start bash in a folder with an environment of its own."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        self._shell = subprocess.Popen(
            ["bash", "--norc"], stdin=subprocess.PIPE, stdout=slave, stderr=slave, cwd=cwd, env=environ
        )
        os.close(slave)
        os.set_blocking(self._master, False)

    def run(self, command: str) -> tuple[str, int]:
        """Run a command; what it printed, and its exit code, which the next command sees as `$?`."""
        assert self._shell.stdin
        told = f"{{ {command}\n}} </dev/null; code=$?; printf '{END}%d\\n' $code; (exit $code)\n"
        self._shell.stdin.write(told.encode())
        self._shell.stdin.flush()
        seen = self._until(END)
        printed, _, code = seen.rpartition(END)
        return printed, int(code)

    def close(self) -> None:
        """End the shell."""
        assert self._shell.stdin
        self._shell.stdin.close()
        self._shell.wait(STEP_S)
        os.close(self._master)

    def _until(self, mark: str) -> str:
        seen, deadline = b"", time.monotonic() + STEP_S
        while not re.search(f"{mark}\\d+\r?\n".encode(), seen):
            assert time.monotonic() < deadline, f"no end after {STEP_S} s: {seen.decode(errors='replace')}"
            try:
                seen += os.read(self._master, 65_536)
            except BlockingIOError:
                time.sleep(0.01)
        text = seen.decode("utf-8", errors="replace").replace("\r\n", "\n")
        return re.sub(r"[^\n]*\r", "", text)  # a line that was written over, such as how far long work is
