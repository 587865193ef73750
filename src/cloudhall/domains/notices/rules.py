"""Pure rules of webhooks: which events one wants, how a delivery is signed, when it is tried again, whom it may call.

Signatures follow Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, key and signature in base64. The
timestamp is that of the attempt, so a receiver refuses what is older than five minutes, and knows a repetition by its
id.
"""

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Collection, Sequence

from cloudhall.kernel.events import OBSERVE, Event

BACKOFF_FIRST_S, BACKOFF_CAP_S = 2.0, 900.0
SECRET_PREFIX = "whsec"  # noqa: S105  a prefix that everybody may know
SECRET_LENGTH = 42  # with its check 48 letters: as base64 they are a key of 36 bytes
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def wants(kinds: Collection[str], verbs: Collection[str], event: Event) -> bool:
    """Whether a filter takes an event; an empty one takes every kind, and every verb but what a controller observed."""
    domain = event.kind.partition(".")[0]
    by_kind = not kinds or event.kind in kinds or f"{domain}.*" in kinds
    return by_kind and (event.verb in verbs if verbs else event.verb != OBSERVE)


def message_id(webhook: str, revision: int) -> str:
    """Id of a delivery: the same at each attempt and each replay."""
    return f"{webhook}-{revision}"


def signature(secret: str, id_: str, at_s: int, body: bytes) -> str:
    """Value of the header `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(f"{SECRET_PREFIX}_"))
    mac = hmac.digest(key, f"{id_}.{at_s}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac).decode()


def backoff_s(failures: int, jitter: float) -> float:
    """Pause after so many failures in a row: full jitter, so that many do not come back at once."""
    return float(min(BACKOFF_FIRST_S * 2.0 ** min(failures, 20), BACKOFF_CAP_S)) * jitter


def is_address(host: str) -> bool:
    """Whether a host is an IP address as written, and no name; what else reads as one is looked up like a name."""
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def may_call(address: str, networks: Sequence[Network]) -> bool:
    """Whether requests may go to an address: public, or in a network that the operator allows.

    An IPv6 address that stands for an IPv4 one is judged by that.
    """
    ip = _meant(ipaddress.ip_address(address.partition("%")[0]))
    return any(ip in network for network in networks) or (ip.is_global and not ip.is_multicast)


def allowed_by_hand(address: str, networks: Sequence[Network]) -> bool:
    """Whether the operator has named the network of an address."""
    ip = _meant(ipaddress.ip_address(address.partition("%")[0]))
    return any(ip in network for network in networks)


def networks_of(text: str) -> tuple[Network, ...]:
    """Networks of a setting, apart by commas or spaces; ValueError names the one that is none."""
    return tuple(ipaddress.ip_network(part) for part in text.replace(",", " ").split())


def _meant(ip: IP) -> IP:
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip
