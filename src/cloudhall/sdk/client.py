"""The HTTP client: one connection to one server, on the standard library alone.

Every change carries an idempotency key, so a request that got no answer is sent again without fear: the server does the
same key once. A broken connection is tried three times; a server that is busy (429, 503) is asked again when it says,
as long as `patience_s` lasts; every other answer is an answer. Redirects and proxies are not followed: a log-in goes to
the server that was named and nowhere else.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from cloudhall.sdk.errors import Misuse, TooMany, Unavailable, Unreachable, refusal
from cloudhall.sdk.language import Language, T
from cloudhall.sdk.stream import Frame, frames

if TYPE_CHECKING:
    import http.client
    import ssl

API = "/api/v1"
TIMEOUT_S = 60.0  # four times the pause between two signs of life of a stream
PAUSES_S = (0.2, 0.6)  # before the second and the third attempt
PATIENCE_S = 30.0
BUSY_S = 0.5  # first pause for a busy server that does not say when; twice that the next time
STREAM_AGAIN_S, STREAM_LOST_S = 1.0, 60.0
REDIRECTED, PROBLEM = 300, 400
UNTRUSTED = T(
    "服务器的证书不受信任，或不是给这个名称的；若它用自建机构，取来根证书：cloudhall login --ca root.pem",
    "Its certificate is not trusted, or is for another name; where its authority is its own, name that authority's: "
    "cloudhall login --ca root.pem",
)
SPEAKS_TLS = T(
    "它没有应答就挂断了：也许它使用 TLS，地址应以 https:// 开头",
    "It hung up without a word: it may speak TLS, and its address begin with https://",
)
NOT_THERE = T("服务器在运行吗？CLOUDHALL_URL 可指定另一台", "Is the server running? CLOUDHALL_URL names another one")
Wire = dict[str, Any]
Query = Mapping[str, str | Sequence[str]]
ALL: Query = {}


class Reply(NamedTuple):
    """What the server answered; `body` is the content decoded: JSON, or text where it is none."""

    status: int
    body: Any
    content: bytes


class Client:
    """Talks to one server as one person or program. Not for several threads at once."""

    def __init__(
        self,
        url: str,
        token: str = "",
        language: Language = "zh",
        ca: str = "",
        *,
        agent: str = "cloudhall-sdk",
        patience_s: float = PATIENCE_S,
        within_s: float = TIMEOUT_S,
    ) -> None:
        """`url` is the server's address, with or without a path before `/api`; raises `Misuse` where it is none.

        `ca` are the certificates (PEM) to trust, those of the machine without it; the name in `url` must be certified.
        `agent` is what lists of open sessions show; an answer is waited for `within_s`, a busy server `patience_s`.
        """
        self.url = url
        self._base, self._ca, self._patience_s = urlsplit(url).path.rstrip("/"), ca, patience_s
        self._connection = _connection(url, ca, within_s)
        self._headers = {"Accept-Language": language, "User-Agent": agent}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()

    def send(
        self, method: str, path: str, query: Query = ALL, body: Any = None, headers: Mapping[str, str] = {}
    ) -> Reply:
        """Send a request; raises `Refused` for a problem, `Unreachable` where no answer came.

        `path` begins at `/api`; what is in `query` without a value is left out.
        """
        fields = {**self._headers, **headers}
        if method != "GET":
            fields.setdefault("Idempotency-Key", os.urandom(16).hex())
        content = None
        if body is not None:
            content, fields["Content-Type"] = json.dumps(body).encode(), "application/json"
        return self._answered(method, self._address(path, query), content, fields)

    def look(self, path: str, query: Query = ALL) -> Wire:
        """Read what lies below `/api/v1`: `buckets/stats`, `usage`, `search`."""
        found: Wire = self.send("GET", f"{API}/{path}", query).body
        return found

    def pages(self, path: str, query: Query = ALL) -> Iterator[Wire]:
        """Pages of a list, until there are no more: `items`, and whatever else the list tells."""
        token = ""
        while True:
            page = self.look(path, {**query, "page_token": token})
            yield page
            token = page.get("next_page_token", "")
            if not token:
                return

    def change(
        self,
        method: str,
        path: str,
        query: Query = ALL,
        body: Any = None,
        revision: int | None = None,
        key: str = "",
    ) -> Wire:
        """Change something; with `revision` only if nobody else has since. Answers the resource, or the dry run.

        A `key` of the caller's own makes a change that is sent again later, by another run, the same one.
        """
        match = {} if revision is None else {"If-Match": f'"{revision}"'}
        named = {"Idempotency-Key": key} if key else {}
        changed: Wire = self.send(method, f"{API}/{path}", query, body, match | named).body
        return changed

    def upload(self, path: str, query: Query, content: bytes) -> Wire:
        """Send a file to what lies below `/api/v1`. Sent again where no answer came: what it makes has a name."""
        fields = {**self._headers, "Content-Type": "application/octet-stream"}
        made: Wire = self._answered("POST", self._address(f"{API}/{path}", query), content, fields).body
        return made

    def watch(self, query: Query = ALL) -> Iterator[Wire]:
        """Events as they happen, on a connection of its own, until the caller has enough.

        `query` may name `after` (a revision: nothing later is missed), `kind`, `id`, `place`. A stream that breaks is
        taken up where it was; raises `Unreachable` once the server has been away for a minute.
        """
        read_to, lost_at = "", time.monotonic()
        while True:
            try:
                for frame in self._stream(query, read_to):
                    read_to, lost_at = frame.id or read_to, time.monotonic()
                    if frame.data:
                        yield json.loads(frame.data)
            except (OSError, _broken()) as error:
                if time.monotonic() - lost_at > STREAM_LOST_S:
                    raise self._unreachable(error) from error
            time.sleep(STREAM_AGAIN_S)

    def _stream(self, query: Query, read_to: str) -> Iterator[Frame]:
        connection = _connection(self.url, self._ca, TIMEOUT_S)
        fields = {**self._headers, **({"Last-Event-ID": read_to} if read_to else {})}
        try:
            connection.request("GET", self._address(f"{API}/watch", query), headers=fields)
            answer = connection.getresponse()
            if answer.status >= REDIRECTED:
                self._judged(answer)
            yield from frames(answer)
        finally:
            connection.close()

    def _address(self, path: str, query: Query) -> str:
        given = urlencode({name: value for name, value in query.items() if value}, doseq=True)
        return f"{self._base}{path}{'?' if given else ''}{given}"

    def _answered(self, method: str, address: str, content: bytes | None, headers: Mapping[str, str]) -> Reply:
        patience_s, least_s = self._patience_s, BUSY_S
        while True:
            try:
                return self._reached(method, address, content, headers)
            except (TooMany, Unavailable) as busy:
                pause_s = max(busy.retry_after_s, least_s)
                if pause_s > patience_s:
                    raise
            time.sleep(pause_s)
            patience_s, least_s = patience_s - pause_s, 2 * least_s

    def _reached(self, method: str, address: str, content: bytes | None, headers: Mapping[str, str]) -> Reply:
        for pause_s in (*PAUSES_S, None):
            try:
                self._connection.request(method, address, content, dict(headers))
                return self._judged(self._connection.getresponse())
            except (ConnectionError, _broken()) as broken:
                self._connection.close()
                if pause_s is None:
                    raise self._unreachable(broken) from broken
                time.sleep(pause_s)
            except OSError as error:
                self._connection.close()
                raise self._unreachable(error) from error
        raise AssertionError

    def _judged(self, answer: "http.client.HTTPResponse") -> Reply:
        content_type, received = answer.headers.get_content_type(), answer.read()
        reply = Reply(answer.status, _decoded(received, content_type), received)
        if reply.status >= PROBLEM and isinstance(reply.body, dict):
            raise refusal(reply.status, reply.body)
        if reply.status >= REDIRECTED or content_type == "text/html":
            raise Unreachable(
                T(
                    f"{self.url} 不是云厅的接口（HTTP {reply.status}）",
                    f"{self.url} is no Cloudhall (HTTP {reply.status})",
                )
            )
        return reply

    def _unreachable(self, error: Exception) -> Unreachable:
        reason = str(error) or type(error).__name__
        mend = UNTRUSTED if "CERTIFICATE_VERIFY_FAILED" in reason else NOT_THERE
        if isinstance(error, ConnectionResetError) and self.url.startswith("http:"):
            mend = SPEAKS_TLS
        return Unreachable(T(f"连不上 {self.url}：{reason}", f"{self.url} cannot be reached: {reason}"), mend)


def _broken() -> type[Exception]:
    """Return what `http.client` raises; the module costs 15 ms, which a program that asks nothing need not pay."""
    import http.client

    return http.client.HTTPException


def _connection(url: str, ca: str, within_s: float) -> "http.client.HTTPConnection":
    import http.client

    try:
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname:
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=within_s)
        if parts.scheme == "https" and parts.hostname:
            return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=within_s, context=_trusting(ca))
    except ValueError:
        pass  # a port that is no number: as wrong as no address at all
    raise Misuse(
        T(f"“{url}”不是服务器的地址", f"{url!r} is no address of a server"),
        T("例如 https://cloud.example.cn", "Such as https://cloud.example.cn"),
    )


def _trusting(ca: str) -> "ssl.SSLContext":
    """Trust `ca` alone where it is given; the server's name is compared in any case."""
    import ssl

    try:
        return ssl.create_default_context(cadata=ca or None)
    except ssl.SSLError as error:
        raise Misuse(T(f"不是证书：{error.reason}", f"This is no certificate: {error.reason}")) from None


def _decoded(content: bytes, content_type: str) -> Any:
    if content and content_type.endswith("json"):
        return json.loads(content)
    return content.decode("utf-8", "replace")
