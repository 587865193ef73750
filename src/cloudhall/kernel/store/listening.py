"""Hears what other processes commit: one connection that waits for NOTIFY on a thread of its own.

Where it breaks it is made again, and whatever may have been missed meanwhile is made good by ringing once.
"""

import logging
import os
import select
import threading
from collections.abc import Callable

from cloudhall.kernel.store.session import Lost, Refused, Session

log = logging.getLogger(__name__)
AGAIN_S = 1.0
NOBODY = 0  # no process of the server has this number


class Listener:
    """Calls `heard(backend)` once for each backend whose notices came in together."""

    def __init__(self, url: str, channel: str, heard: Callable[[int], None]) -> None:
        """Begin to listen."""
        self._url, self._channel, self._heard = url, channel, heard
        self._end, self._ending = os.pipe()
        self._thread = threading.Thread(target=self._run, name="store-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more."""
        os.close(self._ending)
        self._thread.join()
        os.close(self._end)

    def _run(self) -> None:
        while True:
            try:
                self._listen()
                return
            except (Lost, Refused) as error:
                log.warning("not listening to the database: %s; again in %s s", error, AGAIN_S)
            if _ready(AGAIN_S, self._end):
                return

    def _listen(self) -> None:
        """Return when closed."""
        session = Session(self._url, f"LISTEN {self._channel}")
        try:
            self._heard(NOBODY)
            while self._end not in _ready(None, self._end, session.fileno()):
                for backend in session.notices():
                    self._heard(backend)
        finally:
            session.close()


def _ready(within_s: float | None, *descriptors: int) -> list[int]:
    """Which of them can be read or have ended; `select` would not do, for a busy server has more than 1,024 open."""
    waiting = select.poll()
    for descriptor in descriptors:
        waiting.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in waiting.poll(within_s and within_s * 1_000)]
