"""The two ceremonies of a passkey (W3C Web Authentication, 7.1 and 7.2): one is made, and one is shown.

Invariants: a challenge is a ticket, so it is short-lived and good once; the answer must come from the very address that
the request came by, and that address has one of the names that are ours; the device has asked for finger, face or PIN
(user verification). What comes out is believed only by `passkeys.keep` and `passkeys.use`, which spend the challenge.
The package `webauthn` is imported where an answer is checked, and nowhere else.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from cloudhall.domains.identity import letters, passkeys, tickets
from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.domains.identity.person import Person
    from cloudhall.kernel.kernel import Kernel

LOOPBACK = "localhost"  # a browser takes no bare IP address for a site (W3C Web Authentication, 5.1.3 step 7)
SITE_NAME = "Cloudhall 云厅"
REGISTER, ALONE = "passkey.register", "passkey.alone"
ALGORITHMS = (-8, -7, -257)  # EdDSA, ES256, RS256 (RFC 9053, RFC 8812): those that `webauthn` checks
TIMEOUT_MS = tickets.LIFE_US // 1_000
NAME_LENGTH_MAX = 60
CREDENTIAL_LENGTH_MAX = 16_384


class Site(NamedTuple):
    """For whom a browser keeps a passkey: the name of this server, and the whole address."""

    name: str
    origin: str


def site_of(origin: str) -> Site | None:
    """Return the site of an address, where passkeys work there: localhost, or the console's own address over TLS."""
    parts, ours = urlsplit(origin), urlsplit(own_address())
    name = parts.hostname or ""
    if name == LOOPBACK or (parts.scheme == "https" and name == ours.hostname and not _is_number(name)):
        return Site(name, origin)
    return None


def own_address() -> str:
    """Return the console's own address as the operator named it; empty where nobody did."""
    return letters.address("")


def no_site() -> Invalid:
    """Refusal of a passkey at an address that no passkey can be tied to."""
    return Invalid(
        T("这个地址不能使用通行密钥", "Passkeys do not work at this address"),
        mend=T(
            "改用 localhost，或运维者在 CLOUDHALL_ADDRESS 中给出的地址",
            "Come by localhost, or by the address that the operator names in CLOUDHALL_ADDRESS",
        ),
        reason="SITE",
    )


def options_to_register(kernel: "Kernel", person: "Person", site: Site) -> tuple[str, Mapping[str, Any]]:
    """Ticket, and what a browser must be asked to make a passkey for somebody (5.4, as JSON)."""
    ticket = tickets.issue(kernel, REGISTER, person.id)
    return ticket, {
        "rp": {"id": site.name, "name": SITE_NAME},
        "user": {"id": _text(person.id), "name": person.name, "displayName": person.spec.display_name},
        "challenge": _text(ticket),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": TIMEOUT_MS,
        "excludeCredentials": _descriptors(passkeys.of(kernel.store.read(), person.id)),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def options_to_show(kernel: "Kernel", site: Site, ticket: str, person: str = "") -> Mapping[str, Any]:
    """What a browser must be asked to show a passkey: one of somebody's, or any that it has for this site (5.5)."""
    return {
        "rpId": site.name,
        "challenge": _text(ticket),
        "timeout": TIMEOUT_MS,
        "allowCredentials": _descriptors(passkeys.of(kernel.store.read(), person)) if person else [],
        "userVerification": "required",
    }


def registered(kernel: "Kernel", person: "Person", site: Site, ticket: str, name: str, credential: str) -> passkeys.New:
    """Check what a browser has made; raises `Unauthenticated` or `Invalid`. `credential` is its JSON."""
    import webauthn

    _check_name(name)
    if tickets.read(kernel, REGISTER, ticket).subject != person.id:
        raise passkeys.refused("SUBJECT")
    with _refusing():
        made = webauthn.verify_registration_response(
            credential=_checked(credential),
            expected_challenge=ticket.encode(),
            expected_rp_id=site.name,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    id_ = webauthn.helpers.bytes_to_base64url(made.credential_id)
    return passkeys.New(ticket, id_, name.strip(), made.credential_public_key, made.sign_count)


def shown(kernel: "Kernel", site: Site, ticket: str, credential: str) -> passkeys.Shown:
    """Check what a browser has shown; raises `Unauthenticated`. Whoever calls has read the ticket."""
    import webauthn

    answer = _checked(credential)
    known = passkeys.find(kernel.store.read(), str(answer.get("id", "")))
    with _refusing():
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=ticket.encode(),
            expected_rp_id=site.name,
            expected_origin=site.origin,
            credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count,
            require_user_verification=True,
        )
        if _owner(answer) not in ("", known.person):
            raise passkeys.refused("SUBJECT")
    return passkeys.Shown(ticket, known.id, known.person, known.sign_count, verified.new_sign_count)


@contextmanager
def _refusing() -> Iterator[None]:
    """Tell whatever `webauthn` finds wrong as one refusal, without saying to a guesser which."""
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        yield
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise passkeys.refused("PASSKEY") from error


def _owner(answer: Mapping[str, Any]) -> str:
    """Whose passkey the device says it is (7.2 step 6); one that was asked for by its id need not say so."""
    from webauthn.helpers import base64url_to_bytes

    return base64url_to_bytes(answer["response"].get("userHandle") or "").decode()


def _checked(credential: str) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(credential[:CREDENTIAL_LENGTH_MAX])
    except msgspec.DecodeError:
        raise passkeys.refused("PASSKEY") from None
    if not isinstance(answer, dict):
        raise passkeys.refused("PASSKEY")
    return answer


def _check_name(name: str) -> None:
    if not 0 < len(name.strip()) <= NAME_LENGTH_MAX:
        text = T(f"名称为 1 到 {NAME_LENGTH_MAX} 个字符", f"A name has 1 to {NAME_LENGTH_MAX} characters")
        raise Invalid(text, problems=(Problem("LENGTH", "/name", text),))


def _descriptors(known: tuple[passkeys.Passkey, ...]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": p.id} for p in known]


def _text(text: str) -> str:
    """Bytes as JSON has them: base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _is_number(name: str) -> bool:
    """Whether a host is an IP address: no top-level domain begins with a digit or has a colon."""
    return ":" in name or name.rpartition(".")[2][:1].isdigit()
