"""The keyring: sign, wrap, authenticate, rotate, destroy. Whoever needs a key asks here and keeps none.

`master.key` (32 random bytes, hexadecimal, mode 0600) seals every other key; the sealed keys lie beside it in
`keys.json`. A backup that holds one of the two files is useless without the other: keep them apart.

A key belongs to one purpose ("audit.checkpoint") and one use (sign: Ed25519; wrap: AES-256-GCM; mac: HMAC-SHA256)
and is made when first asked for. Invariants: a secret leaves this module only sealed; the newest key of a purpose
does new work, older ones only verify and unwrap; a destroyed key never works again, its public half stays.

Meant for some hundreds of keys, because the file is written whole at every change. Keys by the thousand (one per
tenant or object) are wrapped by one of these and kept in the database.
Destroying removes a key from the file; that the disk forgets the old blocks is the file system's business.
"""

import fcntl
import hmac
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, Self

import msgspec

from cloudhall.kernel.errors import CloudhallError, NotFound, Unavailable
from cloudhall.kernel.text import T
from cloudhall.kernel.world import World

MASTER_FILE = "master.key"
KEYS_FILE = "keys.json"

_KEY_BYTES = 32
_ID_BYTES = 8
_NONCE_BYTES = 12  # random: safe for 2**32 messages a key (NIST SP 800-38D section 8.3)
_ENVELOPE = b"\x01"  # version; an envelope is version, key id, nonce, ciphertext with tag
_HEADER_BYTES = len(_ENVELOPE) + _ID_BYTES

Use = Literal["sign", "wrap", "mac"]


class KeyringFault(CloudhallError):
    """The keyring cannot be opened, or cannot do what is asked; `reason` says which case."""

    code = "KEYRING"
    title = T("密钥环无法使用", "The keyring cannot be used")
    mend = T("请从备份恢复密钥文件", "Restore the key files from a backup")


class Signature(NamedTuple):
    """Ed25519 signature (64 bytes) and the key that made it."""

    key_id: str
    raw: bytes


class PublicKey(NamedTuple):
    """Ed25519 public key (32 bytes)."""

    key_id: str
    raw: bytes


class KeyFacts(NamedTuple):
    """What may be told of a key."""

    key_id: str
    use: Use
    created_us: int
    living: bool


class _Key(msgspec.Struct, omit_defaults=True):
    """`sealed` is the secret under the master key, empty once destroyed."""

    id: str
    purpose: str
    use: Use
    created_us: int
    sealed: bytes
    public: bytes = b""


class _Ring(msgspec.Struct):
    """Contents of `keys.json`. `master` recognises the right master key; `tag` proves that nobody changed `keys`."""

    master: str
    keys: list[_Key]
    tag: bytes


class Keyring:
    """Keys of one installation. Safe for threads and processes; another process's rotation is seen when needed."""

    def __init__(self, folder: Path, world: World, master: bytes, ring: _Ring) -> None:
        self.folder = folder
        self._world = world
        self._master = master
        self._secrets: dict[str, bytes] = {}
        self._adopt(ring)

    @classmethod
    def open(cls, folder: Path, world: World) -> Self:
        """Open the keyring in `folder`, making it (0700) at first use; KeyringFault if it is not whole and private."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder):
            if not (folder / MASTER_FILE).exists() and not _keys_at_stake(folder):
                _create(folder, world)
            master = _read_master(folder / MASTER_FILE)
            return cls(folder, world, master, _read_ring(folder / KEYS_FILE, master))

    def sign(self, purpose: str, data: bytes, key_id: str = "") -> Signature:
        """Sign with the newest key of this purpose, or with an older one that still lives."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = self._of(purpose, key_id) if key_id else self._newest(purpose, "sign")
        return Signature(key.id, Ed25519PrivateKey.from_private_bytes(self._secret(key)).sign(data))

    def verify(self, purpose: str, data: bytes, signature: Signature) -> bool:
        """Whether a key of this purpose, old ones included, made this signature."""
        key = self._find(signature.key_id)
        if key is None or (key.purpose, key.use) != (purpose, "sign"):
            return False
        return signed(key.public, data, signature.raw)

    def public(self, purpose: str) -> PublicKey:
        """Public half of the key that `sign` uses now."""
        key = self._newest(purpose, "sign")
        return PublicKey(key.id, key.public)

    def publics(self, purpose: str) -> tuple[PublicKey, ...]:
        """Public halves of every key that ever signed for this purpose, oldest first."""
        return tuple(PublicKey(k.id, k.public) for k in self._keys.values() if (k.purpose, k.use) == (purpose, "sign"))

    def refresh(self) -> None:
        """See what another process has changed. Cost: the file read and its tag computed, some 0.1 ms."""
        self._adopt(_read_ring(self.folder / KEYS_FILE, self._master))

    def wrap(self, purpose: str, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt and authenticate; `aad` (say, the row's id) must be given again to unwrap. Adds 37 bytes."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._newest(purpose, "wrap")
        header, nonce = _ENVELOPE + bytes.fromhex(key.id), self._world.random_bytes(_NONCE_BYTES)
        return header + nonce + AESGCM(self._secret(key)).encrypt(nonce, plaintext, header + aad)

    def unwrap(self, purpose: str, blob: bytes, aad: bytes) -> bytes:
        """Decrypt what `wrap` made; KeyringFault if it was changed, is another's, or its key is destroyed."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        header, nonce = blob[:_HEADER_BYTES], blob[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
        key = self._find(header[len(_ENVELOPE) :].hex())
        if key is None or (key.purpose, key.use) != (purpose, "wrap"):
            raise _not_ours(purpose)
        try:
            return AESGCM(self._secret(key)).decrypt(nonce, blob[_HEADER_BYTES + _NONCE_BYTES :], header + aad)
        except (InvalidTag, ValueError):
            raise _not_ours(purpose) from None

    def mac(self, purpose: str, data: bytes) -> bytes:
        """Authenticate `data` with the newest key: 32 bytes, HMAC-SHA256."""
        return hmac.digest(self._secret(self._newest(purpose, "mac")), data, "sha256")

    def verify_mac(self, purpose: str, data: bytes, tag: bytes) -> bool:
        """Whether a living key of this purpose, old ones included, made this tag."""
        living = (k for k in self._keys.values() if (k.purpose, k.use) == (purpose, "mac") and k.sealed)
        return any(hmac.compare_digest(hmac.digest(self._secret(k), data, "sha256"), tag) for k in living)

    def ids(self, purpose: str) -> tuple[str, ...]:
        """Living keys of a purpose, oldest first: what can still be destroyed."""
        return tuple(k.id for k in self._keys.values() if k.purpose == purpose and k.sealed)

    def facts(self, purpose: str) -> tuple[KeyFacts, ...]:
        """Every key that a purpose ever had, oldest first."""
        return tuple(
            KeyFacts(k.id, k.use, k.created_us, bool(k.sealed)) for k in self._keys.values() if k.purpose == purpose
        )

    def rotate(self, purpose: str) -> tuple[str, ...]:
        """Make a new key for each use of this purpose and return the new ids; NotFound for a purpose never used."""
        with self._editing() as ring:
            uses = sorted({k.use for k in ring.keys if k.purpose == purpose})
            if not uses:
                raise NotFound(
                    T(f"密钥环中没有用途“{purpose}”", f"The keyring knows no purpose {purpose!r}"), reason="purpose"
                )
            made = [self._make(purpose, use) for use in uses]
            ring.keys.extend(made)
        return tuple(key.id for key in made)

    def destroy(self, purpose: str, key_id: str) -> None:
        """Erase one secret for good: what it wrapped is lost, what it signed still verifies. Repeating is safe."""
        with self._editing() as ring:
            for key in ring.keys:
                if (key.purpose, key.id) == (purpose, key_id):
                    key.sealed = b""
                    return
            raise _no_key(purpose, key_id)

    def _newest(self, purpose: str, use: Use) -> _Key:
        """Return the key for new work. A destroyed one is replaced by a fresh one, never by its predecessor."""
        key = self._current.get((purpose, use))
        if key is not None and key.sealed:
            return key
        with self._editing() as ring:
            of_use = [k for k in ring.keys if (k.purpose, k.use) == (purpose, use)]
            if of_use and of_use[-1].sealed:
                return of_use[-1]  # another process was first
            made = self._make(purpose, use)
            ring.keys.append(made)
        return made

    def _of(self, purpose: str, key_id: str) -> _Key:
        key = self._find(key_id)
        if key is None or key.purpose != purpose:
            raise _no_key(purpose, key_id)
        return key

    def _find(self, key_id: str) -> _Key | None:
        if key_id not in self._keys:
            self.refresh()
        return self._keys.get(key_id)

    def _make(self, purpose: str, use: Use) -> _Key:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        secret = self._world.random_bytes(_KEY_BYTES)
        key = _Key(self._world.random_bytes(_ID_BYTES).hex(), purpose, use, self._world.now_us(), b"")
        nonce = self._world.random_bytes(_NONCE_BYTES)
        key.sealed = nonce + AESGCM(self._master).encrypt(nonce, secret, _bound(key))
        if use == "sign":
            key.public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        return key

    def _secret(self, key: _Key) -> bytes:
        if not key.sealed:
            raise KeyringFault(
                T(f"密钥 {key.id} 已销毁，由它保护的内容不可恢复", f"Key {key.id} was destroyed; what it kept is lost"),
                mend=T("不可恢复，这正是销毁的目的", "Nothing can: that is what destroying is for"),
                reason="destroyed",
            )
        if key.id not in self._secrets:
            self._secrets[key.id] = self._unseal(key)
        return self._secrets[key.id]

    def _unseal(self, key: _Key) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, sealed = key.sealed[:_NONCE_BYTES], key.sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._master).decrypt(nonce, sealed, _bound(key))
        except InvalidTag:
            raise _damaged(self.folder / KEYS_FILE) from None

    @contextmanager
    def _editing(self) -> Iterator[_Ring]:
        """Change the file as it is now on disk; an exception leaves it as it was."""
        with locked(self.folder):
            ring = _read_ring(self.folder / KEYS_FILE, self._master)
            yield ring
            self._world.fault("keys.write")
            _write_ring(self.folder / KEYS_FILE, self._master, ring.keys)
            self._adopt(ring)

    def _adopt(self, ring: _Ring) -> None:
        self._keys = {key.id: key for key in ring.keys}
        self._current = {(key.purpose, key.use): key for key in ring.keys}
        living = {key.id for key in ring.keys if key.sealed}
        self._secrets = {id_: secret for id_, secret in self._secrets.copy().items() if id_ in living}


def wrapped_by(key_id: str) -> bytes:
    """How everything begins that a key has wrapped."""
    return _ENVELOPE + bytes.fromhex(key_id)


def signed(public: bytes, data: bytes, signature: bytes) -> bool:
    """Whether the owner of an Ed25519 public key (32 bytes) made this signature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def replace_durably(path: Path, data: bytes) -> None:
    """Replace a small private file (0600): after a crash it holds the old bytes or the new, whole and synced."""
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        with _folder(path.parent) as fd:
            os.fsync(fd)
    except OSError as error:
        raise Unavailable(
            T(f"无法写入 {path}：{error.strerror}", f"Cannot write {path}: {error.strerror}"),
            mend=T("检查磁盘空间和目录权限", "Check disk space and the folder's permissions"),
            reason="write",
        ) from error


@contextmanager
def _folder(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other threads and processes out; closing the descriptor lets go, also when the process dies."""
    with _folder(folder) as fd:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield


def _create(folder: Path, world: World) -> None:
    """Write the empty ring first: a master key without a ring then always means that the ring was lost."""
    master = world.random_bytes(_KEY_BYTES)
    _write_ring(folder / KEYS_FILE, master, [])
    world.fault("keys.create")
    replace_durably(folder / MASTER_FILE, master.hex().encode() + b"\n")


def _keys_at_stake(folder: Path) -> bool:
    """Whether a ring with keys lies here; an empty one is left by a crash at first use."""
    path = folder / KEYS_FILE
    return path.exists() and bool(_decode_ring(path).keys)


def _read_master(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii")
    except FileNotFoundError:
        raise KeyringFault(
            T(
                f"主密钥 {path} 不见了；没有它，{KEYS_FILE} 中的密钥都无法打开",
                f"The master key {path} is gone; without it no key in {KEYS_FILE} opens",
            ),
            reason="master_lost",
        ) from None
    except (OSError, UnicodeDecodeError):
        raise _damaged(path) from None
    if mode & 0o077:
        raise KeyringFault(
            T(
                f"主密钥 {path} 可被他人读写（{mode:04o}）",
                f"Others may read or write the master key {path} ({mode:04o})",
            ),
            mend=T(
                f"执行 chmod 600 {path}；若可能已泄露，请轮换密钥",
                f"Run: chmod 600 {path}; rotate if it may have leaked",
            ),
            reason="permissions",
        )
    try:
        master = bytes.fromhex(text)
    except ValueError:
        raise _damaged(path) from None
    if len(master) != _KEY_BYTES:
        raise _damaged(path)
    return master


def _read_ring(path: Path, master: bytes) -> _Ring:
    ring = _decode_ring(path)
    if ring.master != _fingerprint(master):
        raise KeyringFault(
            T(f"{path} 属于另一把主密钥", f"{path} belongs to another master key"),
            mend=T("恢复同一份备份中的两个文件", "Restore both files from the same backup"),
            reason="master_wrong",
        )
    if not hmac.compare_digest(ring.tag, _tag(master, ring.keys)):
        raise _damaged(path)
    return ring


def _write_ring(path: Path, master: bytes, keys: list[_Key]) -> None:
    replace_durably(path, msgspec.json.encode(_Ring(_fingerprint(master), keys, _tag(master, keys))))


def _decode_ring(path: Path) -> _Ring:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Ring)
    except (OSError, msgspec.DecodeError):
        raise _damaged(path) from None


def _fingerprint(master: bytes) -> str:
    return hmac.digest(master, b"cloudhall keyring", "sha256")[:8].hex()


def _tag(master: bytes, keys: list[_Key]) -> bytes:
    return hmac.digest(master, b"cloudhall keys " + msgspec.json.encode(keys), "sha256")


def _bound(key: _Key) -> bytes:
    """Tie a sealed secret to its record, so that records cannot be swapped."""
    return f"{key.id} {key.use} {key.purpose}".encode()


def _no_key(purpose: str, key_id: str) -> NotFound:
    return NotFound(T(f"用途“{purpose}”没有密钥 {key_id}", f"Purpose {purpose!r} has no key {key_id}"), reason="key")


def _damaged(path: Path) -> KeyringFault:
    return KeyringFault(
        T(f"{path} 缺失、不可读或已损坏", f"{path} is missing, unreadable or damaged"), reason="damaged"
    )


def _not_ours(purpose: str) -> KeyringFault:
    return KeyringFault(
        T(
            f"密文被改动，或不属于用途“{purpose}”和这一对象",
            f"The ciphertext was changed, or is not of {purpose!r} and this object",
        ),
        mend=T("恢复原来的密文", "Restore the original ciphertext"),
        reason="tampered",
    )
