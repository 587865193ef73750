"""The HTTP API as a client uses it: one connection, an answer is an answer, nothing is sent again by itself."""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

API = "/api/v1/"
PASSWORD = "yunting-demo"
TIMEOUT_S = 30.0
IDLE_S = 3.0  # the server closes a connection that was idle for 5 s
PAUSE_S = 0.05
Unanswered = (OSError, http.client.HTTPException)


class Answer(NamedTuple):
    """Status and decoded body of one request."""

    status: int
    body: Any
    headers: Mapping[str, str]

    def ok(self) -> Any:
        """Body of a request that must have succeeded."""
        assert self.status < 300, (self.status, self.body)
        return self.body


class Api:
    """One caller. Not for several threads at once: `again()` gives another connection for the same caller."""

    def __init__(self, url: str, token: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self.url, self.token, self.timeout_s = url, token, timeout_s
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout_s)
        self._used = time.monotonic()

    @classmethod
    def of(cls, url: str, login: str, password: str = PASSWORD) -> "Api":
        """Log in as one of the demonstration city."""
        caller = cls(url)
        caller.token = caller.post("login", {"login": login, "password": password}).ok()["token"]
        return caller

    def again(self) -> "Api":
        """Return the same caller over a connection of its own."""
        return Api(self.url, self.token, self.timeout_s)

    def close(self) -> None:
        """Let go of the connection; the next request takes a new one."""
        self._connection.close()

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = {}, **query: Any) -> Answer:
        """Send one request; raises one of `Unanswered` when no whole answer came."""
        fields = {"Accept-Language": "en", "Authorization": f"Bearer {self.token}", **headers}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            fields["Content-Type"] = "application/json"
        address = f"{API}{path}{'?' if query else ''}{urlencode(query)}"
        if time.monotonic() - self._used > IDLE_S:
            self.close()
        try:
            self._connection.request(method, address, content, fields)
            response = self._connection.getresponse()
            received = response.read()
        except Unanswered:
            self.close()
            raise
        self._used = time.monotonic()
        as_json = response.headers.get_content_type().endswith("json")
        return Answer(
            response.status, json.loads(received) if as_json and received else received, dict(response.headers)
        )

    def get(self, path: str, **query: Any) -> Any:
        """Body of a GET that must succeed."""
        return self.send("GET", path, **query).ok()

    def post(self, path: str, body: Any, **query: Any) -> Answer:
        """Send a POST."""
        return self.send("POST", path, body, **query)

    def make(self, plural: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create something and wait until it is ready."""
        made: dict[str, Any] = self.post(plural, body, wait="30s").ok()
        assert made["state"] == "ready", made
        return made

    def items(self, plural: str, **query: Any) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = self.get(plural, page_size=1000, **query, **token)
            found += page["items"]
            if "next_page_token" not in page:
                return found
            token = {"page_token": page["next_page_token"]}


def until(ask: Callable[[], Any], within_s: float, pause_s: float = PAUSE_S) -> Any:
    """Ask until the answer is true and return it; fails when the time is over."""
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(pause_s)
    return answer
