"""What a proof file holds; `AuditLog` makes them and `verify.py` alone judges them.

Bytes are standard base64 in the file. A field that is added here must be known to the verifier, which refuses others.
"""

import msgspec


class Proven(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a proof; `salt` and `payload` only where the reader may see private facts and they still exist."""

    index: int
    leaf: bytes
    path: tuple[bytes, ...]
    salt: bytes | None = None
    payload: bytes | None = None


class Consistency(msgspec.Struct, frozen=True):
    """That the tree of an older checkpoint is the beginning of the newer one."""

    checkpoint: str
    public_key: str
    path: tuple[bytes, ...]


class Handover(msgspec.Struct, frozen=True):
    """How one key of the log passed on to the next: the entry that names it, under a head that the old key signed.

    `path` leads from the entry to that head, `consistency` from that head to the proof's own.
    """

    checkpoint: str
    public_key: str
    index: int
    leaf: bytes
    path: tuple[bytes, ...]
    consistency: tuple[bytes, ...]


class Proof(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `verify.py` checks offline: entries, their paths to one signed head, perhaps the way from an older head."""

    origin: str
    public_key: str
    checkpoint: str
    entries: tuple[Proven, ...]
    consistency: Consistency | None = None
    handovers: tuple[Handover, ...] = ()

    def to_json(self) -> bytes:
        """Write the proof file: compact UTF-8 JSON, bytes as standard base64."""
        return msgspec.json.encode(self)
