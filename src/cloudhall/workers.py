"""More processes behind one address, where the rows lie in PostgreSQL. All of them answer HTTP.

The first process, whose children the others are, alone runs engines, controllers, collectors and clocks: the embedded
engine obeys one master, and a second one would gain nothing that the lock of the database does not take away again.
Invariants: a worker that ends otherwise than in order is started again; a worker never outlives the first process, not
even one that was killed. What a worker had not committed, its client has not been told.
"""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cloudhall.tls.door import Door

log = logging.getLogger(__name__)
AGAIN_S = 0.5
STOP_S = 3.0


class Worker:
    """One process beside the first, kept alive by a thread."""

    def __init__(self, home: Path, sock: socket.socket, door: Door, *, demo: bool) -> None:
        """Start it on the socket that the first one has bound."""
        given = [str(home), str(sock.fileno()), msgspec.json.encode(door).decode(), *(["demo"] if demo else [])]
        self._command = [sys.executable, "-m", __name__, *given]
        self._socket = sock.fileno()
        self._stopping = threading.Event()
        self._process = self._started()
        self._thread = threading.Thread(target=self._watch, name=f"worker-{self._process.pid}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let it answer what it has begun; it is killed where that takes too long."""
        self._stopping.set()
        self._process.terminate()
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            self._process.kill()
            self._thread.join()

    def _started(self) -> "subprocess.Popen[bytes]":
        """In a session of its own, so that Ctrl-C reaches the first process alone; what ends its input ends it."""
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, pass_fds=[self._socket], start_new_session=True)

    def _watch(self) -> None:
        while True:
            code = self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
            if self._stopping.wait(AGAIN_S):
                return
            log.warning("worker %d ended with %d; another is started", self._process.pid, code)
            self._process = self._started()


@contextlib.contextmanager
def beside(home: Path, sock: socket.socket, door: Door, count: int, *, demo: bool) -> Iterator[None]:
    """Keep `count` workers beside this process until the block ends."""
    with contextlib.ExitStack() as down:
        for _ in range(count):
            down.callback(Worker(home, sock, door, demo=demo).stop)
        yield


def main(home: Path, descriptor: int, door: Door, *, demo: bool) -> None:
    """Answer HTTP until the first process says so or is gone."""
    from cloudhall import installation, server
    from cloudhall.kernel.errors import CloudhallError
    from cloudhall.tls.showing import open_shown

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        kernel = installation.open_kernel(home, {})
    except CloudhallError as error:  # the database is away, perhaps: the first process starts another
        log.error("a worker did not start: %s", error)  # noqa: TRY400  it says what and how, not where in the program
        sys.exit(1)
    if demo:
        from cloudhall.domains.identity.demo import logins

        kernel.demo_logins = logins()
    with contextlib.closing(kernel.store), socket.socket(fileno=descriptor) as sock:
        server.serve(kernel, sock, lambda: None, door, open_shown(door, home))


def _end_with_input() -> None:
    os.read(sys.stdin.fileno(), 1)  # nobody ever writes: it returns when the first process is gone or has had enough
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        int(sys.argv[2]),
        msgspec.json.decode(sys.argv[3], type=Door),
        demo="demo" in sys.argv[4:],
    )
