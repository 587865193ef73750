"""Talking to an identity provider: its discovery document, its keys, and the exchange of a code for a token.

Invariants: what is read belongs to the issuer that was configured (a document that names another is refused); nothing
goes over plain http but to this machine; redirects and proxies are not followed; an answer has a bounded size, a call a
bounded time, and only so many run at once, so that a provider that hangs holds up nobody but those who come by it.
Runs on a worker thread, never on the event loop.
"""

import base64
import hashlib
import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from cloudhall.domains.identity.id_tokens import Expected, UnknownKey, claims_of, distrusted
from cloudhall.domains.identity.identity_provider import is_loopback
from cloudhall.kernel.errors import TooMany, Unavailable
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

TIMEOUT_S = 5.0  # for each step of a call
CALLS_AT_ONCE = 4
ANSWER_BYTES_MAX = 1 << 18
KEPT_US = 3_600 * SECOND_US
REFETCH_US = 30 * SECOND_US  # between two looks for a key that is not known
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_calling = threading.BoundedSemaphore(CALLS_AT_ONCE)
_known: dict[str, "Issuer"] = {}


class Issuer(NamedTuple):
    """What was read from a provider, and when."""

    metadata: Mapping[str, Any]
    keys: Mapping[str, Any]
    at_us: int


class Client(NamedTuple):
    """How we are known at a provider; `secret` is empty for a public client."""

    issuer: str
    id: str
    secret: str


class Asked(NamedTuple):
    """One log-in under way: where the answer comes to, and the two secrets that tie it to its question."""

    callback: str
    nonce: str
    verifier: str


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other that is not 200."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Follow none."""


_opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def authorization_url(kernel: "Kernel", client: Client, asked: Asked, state: str) -> str:
    """Where the browser goes to log in (RFC 6749 4.1.1, with PKCE S256 of RFC 7636)."""
    endpoint = str(_issuer(kernel, client.issuer).metadata["authorization_endpoint"])
    query = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": asked.callback,
        "scope": "openid profile email",
        "state": state,
        "nonce": asked.nonce,
        "code_challenge": challenge(asked.verifier),
        "code_challenge_method": "S256",
    }
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def challenge(verifier: str) -> str:
    """PKCE challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def redeem(kernel: "Kernel", client: Client, asked: Asked, code: str) -> dict[str, Any]:
    """Claims of whoever logged in, for a code; raises `Unauthenticated`, `Unavailable` or `TooMany`."""
    issuer = _issuer(kernel, client.issuer)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": asked.callback,
        "code_verifier": asked.verifier,
    }
    headers = {}
    methods = issuer.metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if client.secret and "client_secret_basic" in methods:
        headers["Authorization"] = _basic(client)
    else:
        form |= {"client_id": client.id} | ({"client_secret": client.secret} if client.secret else {})
    answer = _call(str(issuer.metadata["token_endpoint"]), urlencode(form).encode(), headers)
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise distrusted("NO_ID_TOKEN")
    return _claims(kernel, client, token, asked.nonce)


def _claims(kernel: "Kernel", client: Client, token: str, nonce: str) -> dict[str, Any]:
    """Check a token; one that names an unknown key is looked at again with keys that are read anew."""
    expected, now_us = Expected(client.issuer, client.id, nonce), kernel.world.now_us()
    try:
        return claims_of(token, _issuer(kernel, client.issuer).keys, expected, now_us // SECOND_US)
    except UnknownKey:
        if _known[client.issuer].at_us + REFETCH_US > now_us:
            raise distrusted("TOKEN_KEY") from None
    try:
        return claims_of(token, _read(kernel, client.issuer).keys, expected, now_us // SECOND_US)
    except UnknownKey:
        raise distrusted("TOKEN_KEY") from None


def _issuer(kernel: "Kernel", issuer: str) -> Issuer:
    """What is known of a provider; read anew once an hour."""
    known = _known.get(issuer)
    if known is None or not known.at_us <= kernel.world.now_us() < known.at_us + KEPT_US:
        known = _read(kernel, issuer)
    return known


def _read(kernel: "Kernel", issuer: str) -> Issuer:
    metadata = _call(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if metadata.get("issuer") != issuer:
        raise distrusted("OTHER_ISSUER")
    for name in ENDPOINTS:
        _require_safe(str(metadata.get(name, "")), issuer)
    keys = _call(str(metadata["jwks_uri"]))
    if not isinstance(keys.get("keys"), list):
        raise distrusted("NO_KEYS")
    _known[issuer] = Issuer(metadata, keys, kernel.world.now_us())
    return _known[issuer]


def _require_safe(url: str, issuer: str) -> None:
    """An endpoint is https; plain http is for one of this machine, named by one of this machine."""
    parts, origin = urlsplit(url), urlsplit(issuer)
    here = is_loopback(parts.hostname or "") and is_loopback(origin.hostname or "")
    if not (parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and here))):
        raise distrusted("PLAIN_HTTP")


def _basic(client: Client) -> str:
    """Credentials of the client (RFC 6749 2.3.1: each part is form-encoded first)."""
    pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _call(url: str, form: bytes | None = None, headers: Mapping[str, str] = {}) -> dict[str, Any]:
    """JSON object that an address answers."""
    if not _calling.acquire(blocking=False):
        raise TooMany(T("正在登录的人太多", "Too many log-ins at once"), retry_after_s=2)
    request = urllib.request.Request(url, form, {"Accept": "application/json", **headers})  # noqa: S310  checked by `_require_safe` and the provider's own check
    try:
        with _opener.open(request, timeout=TIMEOUT_S) as answer:
            body = answer.read(ANSWER_BYTES_MAX + 1)
            decoded = json.loads(body) if answer.status == 200 and len(body) <= ANSWER_BYTES_MAX else None
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500:
            raise _silent(error) from error
        raise distrusted(f"HTTP_{error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _silent(error) from error
    except ValueError as error:
        raise distrusted("NOT_JSON") from error
    finally:
        _calling.release()
    if not isinstance(decoded, dict):
        raise distrusted("NOT_JSON")
    return decoded


def _silent(error: Exception) -> Unavailable:
    text = T(f"身份提供方没有应答：{error}", f"The identity provider does not answer: {error}")
    return Unavailable(text, mend=T("稍后再试，或用密码登录", "Try again, or use a password"), reason="PROVIDER")
