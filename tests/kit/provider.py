"""A real identity provider on loopback that says what it is told to, right or wrong: for what a client must refuse.

It checks what a provider checks: the redirect address, the client's secret, and PKCE.
"""

import base64
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

Key = ECKey | OctKey


def new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


class Provider:
    """`claims`, `metadata` and `answer` are put over what a good provider would say; None takes a claim away."""

    def __init__(self, now_s: Any) -> None:
        """`now_s` is the clock that its tokens go by."""
        self.now_s = now_s
        self.key: Key = new_key("first")
        self.published: list[Key] = [self.key]
        self.algorithm = "ES256"
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.answer: dict[str, Any] = {}
        self.secret = ""
        self.status = 200
        self.asked: list[str] = []
        self._made = 0
        self._codes: dict[str, dict[str, str]] = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self._say(outer.status, outer._document(self.path))

            def do_POST(self) -> None:
                outer.asked.append(self.path)
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                form = {k: v[0] for k, v in parse_qs(body).items()}
                self._say(*outer._redeem(form, self.headers.get("Authorization", "")))

            def _say(self, status: int, said: Any) -> None:
                raw = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/jwks")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def authorise(self, url: str, **claims: Any) -> dict[str, str]:
        """Log somebody in as a browser would; answers the query that it comes back with."""
        query = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        self._made += 1
        code = f"code-{self._made}"
        self._codes[code] = query | {"claims": json.dumps(claims)}
        return {"code": code, "state": query["state"]}

    def token(self, nonce: str, **claims: Any) -> str:
        """A token, good but for what was told."""
        now = self.now_s()
        whole = {
            "iss": self.issuer,
            "sub": "u-1",
            "aud": "cloudhall",
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **claims,
            **self.claims,
        }
        header = {"alg": self.algorithm, "kid": self.key.kid}
        said = {k: v for k, v in whole.items() if v is not None}
        if self.algorithm == "none":
            parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in (header, said)]
            return ".".join([*parts, ""])
        return jwt.encode(header, said, self.key, algorithms=[self.algorithm])

    def _document(self, path: str) -> Any:
        if path == "/jwks":
            return {"keys": [k.as_dict(private=False) for k in self.published]}
        endpoints = {
            "authorization_endpoint": f"{self.issuer}/authorise",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }
        return {"issuer": self.issuer, **endpoints, **self.metadata}

    def _redeem(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        basic = "Basic " + base64.b64encode(f"cloudhall:{self.secret}".encode()).decode() if self.secret else ""
        good = (
            asked is not None
            and asked["code_challenge"] == challenge.decode().rstrip("=")
            and asked["redirect_uri"] == form["redirect_uri"]
            and authorization == basic
        )
        if not good or asked is None:
            return 400, {"error": "invalid_grant"}
        claims = json.loads(asked["claims"])
        return self.status, {"id_token": self.token(asked["nonce"], **claims), "token_type": "Bearer"} | self.answer


@contextmanager
def providing(now_s: Any) -> Iterator[Provider]:
    """A provider that is gone afterwards."""
    provider = Provider(now_s)
    try:
        yield provider
    finally:
        provider.close()
