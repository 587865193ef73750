"""One POST to an address that somebody else chose, with all that such an address may try.

Invariants: the name is looked up once, every address it has is judged, and the connection goes to one that was judged,
so that a name cannot mean another address a moment later (SSRF, DNS rebinding); redirects and proxies are not followed;
plain http only where the operator named the network; one deadline over all of it; no more than the status line is read.
"""

import asyncio
import functools
import socket
import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from cloudhall.domains.notices import rules
from cloudhall.domains.notices.rules import Network

ATTEMPT_S = 10.0
STATUS_LINE_MAX = 1_024
DEFAULT_PORTS = {"http": 80, "https": 443}


class Undelivered(Exception):
    """No answer, and why, in words for the delivery log."""


async def post(url: str, headers: Mapping[str, str], body: bytes, networks: Sequence[Network]) -> int:
    """Post and answer the status code; raises `Undelivered`."""
    try:
        async with asyncio.timeout(ATTEMPT_S):
            return await _post(url, headers, body, networks)
    except TimeoutError:
        raise Undelivered(f"no answer within {ATTEMPT_S:.0f} s") from None
    except (OSError, ValueError, EOFError) as error:  # ssl.SSLError is an OSError
        raise Undelivered(f"{type(error).__name__}: {error}") from error


async def _post(url: str, headers: Mapping[str, str], body: bytes, networks: Sequence[Network]) -> int:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    addresses = await _judged(host, port, parts.scheme, networks)
    reader, writer = await _connected(addresses, port, host if parts.scheme == "https" else "")
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"Host": parts.netloc, **headers, "Content-Length": str(len(body)), "Connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body)
        await writer.drain()
        return _status(await reader.readline())
    finally:
        writer.close()


async def _judged(host: str, port: int, scheme: str, networks: Sequence[Network]) -> list[str]:
    """Every address of a name, each of which may be called."""
    addresses = [host] if rules.is_address(host) else await looked_up(host, port)
    if not all(rules.may_call(address, networks) for address in addresses):
        raise Undelivered("the address is not public, and the operator has not allowed its network")
    if scheme == "http" and not all(rules.allowed_by_hand(address, networks) for address in addresses):
        raise Undelivered("plain http is for networks that the operator has allowed; use https")
    return addresses


async def looked_up(host: str, port: int) -> list[str]:
    """Addresses of a name, as the machine resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _connected(
    addresses: Sequence[str], port: int, tls_name: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that answers; the certificate must be for the name."""
    secure = tls() if tls_name else None
    for number, address in enumerate(addresses, 1):
        try:
            return await asyncio.open_connection(
                address, port, ssl=secure, server_hostname=tls_name or None, limit=STATUS_LINE_MAX
            )
        except OSError:
            if number == len(addresses):
                raise
    raise Undelivered("the name has no address")


@functools.cache
def tls() -> ssl.SSLContext:
    """Trust what the machine trusts; SSL_CERT_FILE adds an authority of the house. Reading them takes 20 ms."""
    return ssl.create_default_context()


def _status(line: bytes) -> int:
    """Status code of a status line; ValueError where it is none (RFC 9112, 4)."""
    version, code, *_ = [*line.split(maxsplit=2), b"", b""]
    if not version.startswith(b"HTTP/1.") or len(code) != 3:
        raise ValueError("this is no HTTP answer")
    return int(code)
