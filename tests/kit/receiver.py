"""A real receiver of webhooks on loopback: keeps what came, answers as told, and checks signatures."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

WINDOW_S = 300


class Received(NamedTuple):
    """One request as it came."""

    id: str
    at_s: int
    signature: str
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """What was told."""
        told: dict[str, Any] = json.loads(self.body)
        return told


class Receiver:
    """Answers with what `answer` gives for each request: a status; 0 hangs up without a word."""

    def __init__(self) -> None:
        """Listen on a free port; `answer` may be replaced at any time."""
        self.came: list[Received] = []
        self.answer: Callable[[Received], int] = lambda _: 204
        self.location = ""
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook?from=hall"

    def ids(self) -> list[str]:
        """Ids of what came, in its order."""
        return [r.id for r in self.came]

    def told(self) -> list[tuple[str, str]]:
        """Verb and name of what came, in its order."""
        return [(r.event["verb"], r.event["name"]) for r in self.came]

    def wait(self, count: int, within_s: float = 20) -> None:
        """Wait until so many have come."""
        self.wait_for(lambda: len(self.came) >= count, within_s)

    def wait_for(self, holds: Callable[[], bool], within_s: float = 20) -> None:
        """Wait until something holds of what has come."""
        deadline = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline, f"came so far: {self.told()}"
            time.sleep(0.01)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(receiver) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: N805  the handler has a self of its own
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                named = [self.headers[f"webhook-{n}"] for n in ("id", "timestamp", "signature")]
                received = Received(named[0], int(named[1]), named[2], body)
                receiver.came.append(received)
                status = receiver.answer(received)
                if status:
                    self.send_response(status)
                    self.send_header("Location", receiver.location)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that is gone afterwards."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


def genuine(secret: str, received: Received, now_s: float) -> bool:
    """What a receiver asks: signed with the secret, and not long ago."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{received.id}.{received.at_s}.".encode() + received.body
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return hmac.compare_digest(wanted, received.signature) and abs(now_s - received.at_s) < WINDOW_S
