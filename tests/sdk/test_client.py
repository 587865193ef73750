"""The HTTP client against a server that misbehaves on command."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cloudhall.sdk import client as client_module
from cloudhall.sdk.client import Client
from cloudhall.sdk.errors import Misuse, NotFound, Unavailable, Unreachable

PROBLEM = {"status": 404, "code": "NOT_FOUND", "detail": "no bucket x", "how": "look again", "request_id": "rq-1"}

BUSY = {"code": "BUSY", "detail": "busy", "retry_after_s": 0}


class Script(ThreadingHTTPServer):
    """Breaks the first `breaks` connections, then says that it is `busy`, status by status, then answers.

    The answer is `status`, `kind` and `content`. Remembers what came.
    """

    breaks = 0
    busy: tuple[int, ...] = ()
    status = 200
    kind = "application/json"
    content = b'{"items": []}'

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Script

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        if self.server.breaks:
            self.server.breaks -= 1
            self.close_connection = True  # without a word, as a server that was killed
        elif self.server.busy:
            status, *rest = self.server.busy
            self.server.busy = tuple(rest)
            self.answer(status, "application/problem+json", json.dumps(BUSY | {"status": status}).encode())
        else:
            self.answer(self.server.status, self.server.kind, self.server.content)

    def answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815  names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    for name, pause in (("PAUSES_S", (0.0, 0.0)), ("BUSY_S", 0.01), ("STREAM_AGAIN_S", 0.0)):
        monkeypatch.setattr(client_module, name, pause)
    server = Script()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(server: Script) -> Iterator[Client]:
    client = Client(server.url, "cht_secret", "en")
    yield client
    client.close()


def test_a_request_says_who_asks_and_in_which_language(server: Script, client: Client) -> None:
    client.send("GET", "/api/v1/buckets", {"grade": ["open", "core"], "q": "存储", "empty": ""})
    method, path, headers, body = server.seen[0]
    assert (method, path, body) == ("GET", "/api/v1/buckets?grade=open&grade=core&q=%E5%AD%98%E5%82%A8", b"")
    assert headers["Authorization"] == "Bearer cht_secret"
    assert headers["Accept-Language"] == "en"
    assert "Idempotency-Key" not in headers


def test_a_broken_change_is_sent_again_under_the_same_key(server: Script, client: Client) -> None:
    server.breaks = 2
    client.send("POST", "/api/v1/buckets", body={"name": "桶"})
    assert len(server.seen) == 3
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in server.seen}) == 1
    assert {body for *_, body in server.seen} == {json.dumps({"name": "桶"}).encode()}


def test_two_changes_have_two_keys(server: Script, client: Client) -> None:
    for _ in range(2):
        client.send("DELETE", "/api/v1/buckets/x")
    first, second = (headers["Idempotency-Key"] for _, _, headers, _ in server.seen)
    assert first != second


def test_three_broken_connections_are_enough(server: Script, client: Client) -> None:
    server.breaks = 99
    with pytest.raises(Unreachable):
        client.send("POST", "/api/v1/buckets", body={})
    assert len(server.seen) == 3


def test_a_problem_is_not_sent_again(server: Script, client: Client) -> None:
    server.status, server.kind, server.content = 404, "application/problem+json", json.dumps(PROBLEM).encode()
    with pytest.raises(NotFound) as refused:
        client.send("GET", "/api/v1/buckets/x")
    assert refused.value.body == PROBLEM
    assert len(server.seen) == 1


def test_a_busy_server_is_asked_again_under_the_same_key(server: Script, client: Client) -> None:
    server.busy = (429, 503)
    client.send("POST", "/api/v1/buckets", body={})
    assert len(server.seen) == 3
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in server.seen}) == 1


def test_patience_has_an_end(server: Script) -> None:
    server.busy = (503,) * 99
    hasty = Client(server.url, patience_s=0.0)
    with pytest.raises(Unavailable):
        hasty.send("GET", "/api/v1/whoami")
    hasty.close()
    assert len(server.seen) == 1


def test_a_stream_that_breaks_is_taken_up_where_it_was(server: Script, client: Client) -> None:
    server.kind, server.content = "text/event-stream", b'id: 7\ndata: {"revision": 7}\n\nid: 9\n\ndata: {"revis'
    events = client.watch({"after": "5", "kind": "storage.bucket"})
    assert next(events) == {"revision": 7}
    server.content = b'id: 11\ndata: {"revision": 11}\n\n'
    assert next(events) == {"revision": 11}
    assert [path for _, path, _, _ in server.seen] == ["/api/v1/watch?after=5&kind=storage.bucket"] * 2
    assert server.seen[1][2]["Last-Event-ID"] == "9"


@pytest.mark.parametrize(("status", "kind"), [(200, "text/html"), (302, "text/plain"), (502, "text/html")])
def test_what_is_no_cloudhall_is_said_to_be_none(server: Script, client: Client, status: int, kind: str) -> None:
    server.status, server.kind, server.content = status, kind, b"<html>welcome"
    with pytest.raises(Unreachable, match="is no Cloudhall"):
        client.send("GET", "/api/v1/buckets")
    assert len(server.seen) == 1


def test_pages_follow_the_token(server: Script, client: Client) -> None:
    server.content = b'{"items": [1], "next_page_token": "t"}'
    pages = client.pages("buckets", {"grade": "open"})
    next(pages)
    server.content = b'{"items": [2]}'
    assert [p["items"] for p in pages] == [[2]]
    assert [path for _, path, _, _ in server.seen] == [
        "/api/v1/buckets?grade=open",
        "/api/v1/buckets?grade=open&page_token=t",
    ]


def test_a_server_may_lie_below_a_path(server: Script) -> None:
    below = Client(server.url + "/cloud/")
    below.send("GET", "/api/v1/whoami")
    below.close()
    assert server.seen[0][1] == "/cloud/api/v1/whoami"


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable, match="cannot be reached"):
        Client(f"http://127.0.0.1:{port}").send("GET", "/api/v1/whoami")


@pytest.mark.parametrize("url", ["cloud.example.cn", "ftp://x", "http://", "http://x:port", ""])
def test_what_is_no_address_is_misuse(url: str) -> None:
    with pytest.raises(Misuse):
        Client(url)
