"""What a witness decides of one request, and the head of each log that it keeps.

Invariant: of any two heads of a log that were signed here, one continues the other. Therefore a head is on disk before
its signature leaves, comparing and keeping happen under one lock, and what cannot be read is not taken for nothing.
"""

import base64
import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cloudhall import verify
from cloudhall.kernel import tlog
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.keys import Keyring, replace_durably
from cloudhall.kernel.text import T
from cloudhall.kernel.world import SECOND_US, World

PURPOSE = "witness.cosignature"
HEADS = "heads"
SIZE_MEDIA = "text/x.tlog.size"
PATH_MAX = 63
EMPTY = tlog.EMPTY_ROOT


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: str
    media: str = "text/plain; charset=utf-8"


class Asked(NamedTuple):
    """A request taken apart; nothing of it is believed yet."""

    old: int
    path: tuple[bytes, ...]
    note: str


class WitnessBroken(CloudhallError):
    """A head that was kept here cannot be read; signing on would be signing a history that was not seen."""

    code = "WITNESS_BROKEN"
    title = T("见证人的记录已损坏", "What the witness kept is damaged")
    mend = T(
        "保留证据，换一把新钥匙、在新的文件夹重新开始", "Keep it as evidence and begin in a new folder with a new key"
    )


class Witness:
    """One witness of the given logs."""

    def __init__(self, home: Path, logs: Sequence[verify.Key], world: World, name: str = "") -> None:
        """Open or make the key in `home`. Without a `name` it is made of the key; a log may have several keys."""
        self._keys, self._world, self._heads = Keyring.open(home / "keys", world), world, home / HEADS
        self._heads.mkdir(mode=0o700, exist_ok=True)
        self._lock = threading.Lock()
        self.logs: dict[str, list[verify.Key]] = {}
        for key in logs:
            self.logs.setdefault(key.name, []).append(key)
        public = self._keys.public(PURPOSE)
        self.name = name or f"cloudhall-witness/{public.key_id}"
        self.key = tlog.verifier_key(self.name, public.raw, tlog.COSIGNER)
        self._public = public

    def add_checkpoint(self, body: bytes) -> Answer:
        """Judge a request and, if all holds, keep its head and sign it (tlog-witness, "add-checkpoint")."""
        try:
            asked = parse(body)
        except ValueError:
            return Answer(400, "malformed request\n")
        keys = self.logs.get(asked.note.partition("\n")[0])
        if keys is None:
            return Answer(404, "unknown origin\n")
        try:
            head = verify.open_checkpoint(asked.note, keys)
        except verify.Refused as refused:
            return Answer(403, f"{refused}\n")
        with self._lock:
            return self._judged(asked, head)

    def checkpoint(self, origin_hash: str) -> Answer:
        """Newest head of a log with its signature and ours, by the SHA-256 of its origin in hex."""
        if origin_hash not in {_hex(origin) for origin in self.logs}:
            return Answer(404, "unknown origin\n")
        try:
            return Answer(200, (self._heads / origin_hash).read_text("utf-8"))
        except FileNotFoundError:
            return Answer(404, "nothing cosigned yet\n")

    def _judged(self, asked: Asked, head: verify.Head) -> Answer:
        if asked.old > head.size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        seen = self._seen(head.origin)
        if asked.old != seen.size:
            return Answer(409, f"{seen.size}\n", SIZE_MEDIA)
        if not verify.consistent(seen, head, asked.path):
            return Answer(422, "does not continue what was seen\n")
        text = asked.note.rpartition("\n\n")[0] + "\n"
        line = self._sign(text)
        if head.size > seen.size or not (self._heads / _hex(head.origin)).exists():
            replace_durably(self._heads / _hex(head.origin), f"{asked.note}{line}".encode())
        return Answer(200, line)

    def _seen(self, origin: str) -> verify.Head:
        path = self._heads / _hex(origin)
        try:
            head = tlog.parse_checkpoint(path.read_text("utf-8"))
        except FileNotFoundError:
            return verify.Head(origin, 0, EMPTY)
        except (OSError, ValueError):
            raise WitnessBroken(T(f"{path} 无法读取", f"{path} cannot be read")) from None
        return verify.Head(head.origin, head.size, head.root)

    def _sign(self, text: str) -> str:
        at_s = self._world.now_us() // SECOND_US
        signature = self._keys.sign(PURPOSE, tlog.cosigned(text, at_s), self._public.key_id)
        return tlog.cosignature(self.name, self._public.raw, at_s, signature.raw)


def parse(body: bytes) -> Asked:
    """Take a request apart; ValueError where it is none."""
    head, end, note = body.decode().partition("\n\n")
    first, *path = head.split("\n")
    word, _, old = first.partition(" ")
    if not (end and word == "old" and old.isascii() and old.isdecimal() and str(int(old)) == old):
        raise ValueError("no old size")
    hashes = tuple(base64.b64decode(line, validate=True) for line in path)
    if len(hashes) > PATH_MAX or any(len(hash_) != verify.HASH_BYTES for hash_ in hashes):
        raise ValueError("not a path")
    return Asked(int(old), hashes, note)


def _hex(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()
