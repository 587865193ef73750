"""Keys and the small files beside them, as one sealed file: AES-256-GCM under a secret that the operator names.

The secret (a passphrase, or the bytes of a key file) is stretched by scrypt with a salt of its own, so that a weak one
costs whoever guesses 0.4 s and 128 MiB a try. What is sealed is bound to the bytes of the manifest: a manifest that was
changed, or put beside another backup's keys, does not open them.

Whatever lies in the data folder and is neither database nor engine is taken, since a folder that somebody adds later is
as likely a secret as not. All of it passes through memory: some MiB are meant.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cloudhall.backup import rows
from cloudhall.backup.trouble import damaged, wrong_secret
from cloudhall.drivers.objects import weed_copy
from cloudhall.kernel.keys import replace_durably

NAME, CLEAR_NAME = "keys.sealed", "keys.json"
SALT_BYTES, NONCE_BYTES = 16, 12
SCRYPT = {"n": 1 << 17, "r": 8, "p": 1, "maxmem": 1 << 28, "dklen": 32}
"""RFC 7914; the cost that OWASP's Password Storage Cheat Sheet asks for."""
ENGINE_KEYS = tuple(f"objects/data/{name}" for name in weed_copy.KEYS)
PORTS = "objects/ports.json"
"""Not secret: clients know the S3 address, so a restored engine takes it again where it is free."""
Files = Mapping[str, bytes]
"""Contents by path below the data folder."""


def gathered(home: Path) -> dict[str, bytes]:
    """Take what belongs to an installation beside its rows and objects."""
    beside = (p.relative_to(home) for p in home.rglob("*") if p.is_file() and not p.is_symlink())
    names = [str(p) for p in beside if p.parts[0] != "objects" and not _passing(p)]
    return {name: (home / name).read_bytes() for name in (*names, *ENGINE_KEYS, PORTS) if (home / name).is_file()}


def spread(files: Files, home: Path) -> None:
    """Put them into a new data folder, closed to others."""
    for name, content in sorted(files.items()):
        path = home / name
        if not path.resolve().is_relative_to(home.resolve()):
            raise damaged(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_durably(path, content)


def write(folder: Path, files: Files, secret: bytes | None, manifest: bytes) -> None:
    """Seal them, or without a secret write them in clear."""
    content = msgspec.json.encode(files)
    if secret is None:
        replace_durably(folder / CLEAR_NAME, content)
    else:
        replace_durably(folder / NAME, sealed(content, secret, manifest))


def read(folder: Path, secret: bytes | None, manifest: bytes) -> dict[str, bytes]:
    """Open them; `Unavailable` when the secret is not the one, or the manifest another."""
    path = folder / (CLEAR_NAME if (folder / CLEAR_NAME).is_file() else NAME)
    try:
        content = path.read_bytes()
        if path.name == NAME:
            content = opened(content, secret or b"", manifest)
        return msgspec.json.decode(content, type=dict[str, bytes])
    except (OSError, msgspec.DecodeError) as error:
        raise damaged(path) from error


def sealed(content: bytes, secret: bytes, bound_to: bytes) -> bytes:
    """Salt, nonce, ciphertext with tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    return salt + nonce + AESGCM(_stretched(secret, salt)).encrypt(nonce, content, bound_to)


def opened(blob: bytes, secret: bytes, bound_to: bytes) -> bytes:
    """Undo `sealed`."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce, ciphertext = (
        blob[:SALT_BYTES],
        blob[SALT_BYTES : SALT_BYTES + NONCE_BYTES],
        blob[SALT_BYTES + NONCE_BYTES :],
    )
    try:
        return AESGCM(_stretched(secret, salt)).decrypt(nonce, ciphertext, bound_to)
    except (InvalidTag, ValueError):
        raise wrong_secret() from None


def _stretched(secret: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(secret, salt=salt, **SCRYPT)


def _passing(path: Path) -> bool:
    """Whether a file is of a running process alone, or the database."""
    return path.name.startswith(rows.NAME) or path.name == "lock" or path.suffix == ".new"
