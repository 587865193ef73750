"""A device that makes and shows passkeys as W3C Web Authentication says, in software: what a browser would send."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40  # flags of authenticator data, 6.1


class Authenticator:
    """One passkey. What differs from an honest device is said with each answer."""

    def __init__(self, id_: bytes = b"a passkey of tests") -> None:
        """Make the key pair."""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id, self.count, self.owner = id_, 0, b""

    def make(self, options: Mapping[str, Any], origin: str, *, verified: bool = True) -> str:
        """Answer `navigator.credentials.create`, as JSON."""
        self.owner = _bytes(options["user"]["id"])
        attested = b"\0" * 16 + len(self.id).to_bytes(2, "big") + self.id + self._public_key()
        data = self._data(options["rp"]["id"], ATTESTED, verified=verified) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = _client("webauthn.create", options["challenge"], origin)
        return self._answer({"clientDataJSON": _text(client), "attestationObject": _text(attestation)})

    def show(
        self,
        options: Mapping[str, Any],
        origin: str,
        *,
        verified: bool = True,
        grows: bool = True,
        forged: bool = False,
    ) -> str:
        """Answer `navigator.credentials.get`, as JSON."""
        self.count += grows
        data = self._data(options["rpId"], 0, verified=verified)
        client = _client("webauthn.get", options["challenge"], origin)
        signed = data + hashlib.sha256(b"another" if forged else client).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": _text(client),
                "authenticatorData": _text(data),
                "signature": _text(signature),
                "userHandle": _text(self.owner),
            }
        )

    def _data(self, site: str, flags: int, *, verified: bool) -> bytes:
        flags |= PRESENT | (VERIFIED if verified else 0)
        return hashlib.sha256(site.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _public_key(self) -> bytes:
        """COSE key of type EC2 with ES256 (RFC 9053)."""
        point = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})

    def _answer(self, response: Mapping[str, str]) -> str:
        named = {"id": _text(self.id), "rawId": _text(self.id), "type": "public-key"}
        return json.dumps({**named, "response": response, "clientExtensionResults": {}})


def _client(type_: str, challenge: str, origin: str) -> bytes:
    return json.dumps({"type": type_, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
