"""Merkle-tree arithmetic and the texts of a transparency log: pure functions, no clock, no key, no database.

Hashing and proofs follow RFC 6962 section 2.1; tiles, checkpoints and verifier keys follow C2SP tlog-tiles,
tlog-checkpoint and signed-note (https://c2sp.org). A node is named by its level above the leaves and its index
within the level; only *perfect* subtrees (of 2**level leaves) are ever stored, because they never change again.

Invariant: whatever depends on the tree size is computed here from perfect subtrees, never kept.
Checking proofs is not done here: the judge is `cloudhall/verify.py`, which shares no code with the log.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

TILE_WIDTH = 256
TILE_HEIGHT = 8
TILE_LEVEL_MAX = 63
LEAF_BYTES_MAX = 65_535  # entry bundles carry a uint16 length (C2SP tlog-tiles, "Log entries")
EMPTY_ROOT = hashlib.sha256().digest()
ENTRIES = -1  # the "level" of an entry bundle

ED25519 = b"\x01"  # signature types of C2SP signed-note: of a log …
COSIGNER = b"\x04"  # … and of a witness (C2SP tlog-cosignature)
_TIME_BYTES = 8
_KEY_HASH_BYTES = 4
_TILE_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?")


class Node(NamedTuple):
    """A perfect subtree: the leaves from `idx << level` to `(idx + 1) << level`."""

    level: int
    idx: int
    hash: bytes


class Tile(NamedTuple):
    """Tile `n` of a level (`ENTRIES` for an entry bundle), `width` of its 256 places filled."""

    level: int
    n: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where clients fetch it: `tile/0/x001/x234/067.p/8` is tile 1,234,067 with eight hashes."""
        thousands = f"{self.n:,}".split(",")
        digits = "/".join([f"x{group:0>3}" for group in thousands[:-1]] + [f"{thousands[-1]:0>3}"])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{digits}" + ("" if self.width == TILE_WIDTH else f".p/{self.width}")


class Signed(NamedTuple):
    """One signature line of a note."""

    name: str
    key_hash: bytes
    signature: bytes


class Head(NamedTuple):
    """A checkpoint taken apart. `text` is what was signed; whether a signature holds is not known yet."""

    text: str
    origin: str
    size: int
    root: bytes
    signatures: tuple[Signed, ...]


class CompactRange:
    """The roots of the perfect subtrees that a tree of `size` leaves falls into, largest first.

    It is all that appending needs: at most one hash per bit of `size`.
    """

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        self.size = size
        self._hashes = list(hashes)

    def push(self, leaf: bytes) -> list[Node]:
        """Append one leaf hash and return the nodes above it that it completes (one on average)."""
        nodes = []
        level, idx, hash_ = 0, self.size, leaf
        while idx & 1:
            level, idx, hash_ = level + 1, idx >> 1, node_hash(self._hashes.pop(), hash_)
            nodes.append(Node(level, idx, hash_))
        self._hashes.append(hash_)
        self.size += 1
        return nodes

    def root(self) -> bytes:
        """Root of the tree so far."""
        return fold(self._hashes)


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of an entry; the prefix keeps leaves and nodes apart (RFC 6962 2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root over neighbouring perfect subtrees of falling size."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """`(level, idx)` of the perfect subtrees whose `fold` is the hash of leaves `start` to `end`.

    `start` must be a multiple of the largest power of two within the range, as in every range that RFC 6962 names.
    """
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def inclusion(idx: int, size: int) -> list[tuple[int, int]]:
    """Leaf ranges whose hashes prove leaf `idx` in a tree of `size`, leaf to root (RFC 6962 2.1.1)."""
    ranges = []
    start, end = 0, size
    while end - start > 1:
        middle = _split(start, end)
        if idx < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency(old: int, new: int) -> list[tuple[int, int]]:
    """Leaf ranges whose hashes prove that the tree of `old` begins the tree of `new` (RFC 6962 2.1.2).

    Nothing needs proving from an empty or an equally large tree: the list is empty.
    """
    ranges = []
    start, end = 0, new
    while 0 < old < end:
        middle = _split(start, end)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start > 0:
        ranges.append((start, end))
    return ranges[::-1]


def _split(start: int, end: int) -> int:
    """Where RFC 6962 divides a range: after the largest power of two smaller than its length."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def parse_tile(path: str) -> Tile:
    """Read a tile path; ValueError for anything but its one canonical spelling."""
    match = _TILE_PATH.fullmatch(path)
    if match is None:
        raise ValueError(f"not a tile path: {path!r}")
    level, digits, width = match.groups()
    tile = Tile(
        ENTRIES if level == "entries" else int(level),
        int(digits.replace("/", "").replace("x", "")),
        int(width) if width else TILE_WIDTH,
    )
    if tile.path != path or tile.level > TILE_LEVEL_MAX or not 1 <= tile.width <= TILE_WIDTH:
        raise ValueError(f"not a canonical tile path: {path!r}")
    return tile


def bundle(leaves: Sequence[bytes]) -> bytes:
    """An entry bundle: each entry behind its length, a big-endian uint16."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def key_hash(name: str, public: bytes, kind: bytes = ED25519) -> bytes:
    """Short name of an Ed25519 key in signature lines (C2SP signed-note, "Signatures")."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:_KEY_HASH_BYTES]


def verifier_key(name: str, public: bytes, kind: bytes = ED25519) -> str:
    """`name+hash+base64`: the form in which people pin the public key of a log, or of a witness."""
    return f"{name}+{key_hash(name, public, kind).hex()}+{base64.b64encode(kind + public).decode()}"


def parse_verifier_key(text: str, kind: bytes = ED25519) -> tuple[str, bytes]:
    """Name and public key (32 bytes) of a key as `verifier_key` writes it; ValueError where it is none."""
    name, _, encoded = text.split("+", 2)
    public = base64.b64decode(encoded, validate=True)[len(kind) :]
    if not name or verifier_key(name, public, kind) != text:
        raise ValueError("not a verifier key")
    return name, public


def cosigned(text: str, at_s: int) -> bytes:
    """What a witness signs of a checkpoint's text, at a POSIX time (C2SP tlog-cosignature)."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def cosignature(name: str, public: bytes, at_s: int, signature: bytes) -> str:
    """The line that a witness answers with."""
    blob = key_hash(name, public, COSIGNER) + at_s.to_bytes(_TIME_BYTES, "big") + signature
    return f"— {name} {base64.b64encode(blob).decode()}\n"


def cosignatures(lines: str, name: str, public: bytes) -> list[tuple[str, int, bytes]]:
    """Lines of one witness, each with its time and signature, still to be checked; ValueError where a line is none."""
    hash_, found = key_hash(name, public, COSIGNER), []
    for line in lines.splitlines():
        signed = _signature_line(line)
        if (signed.name, signed.key_hash) == (name, hash_):
            at_s = int.from_bytes(signed.signature[:_TIME_BYTES], "big")
            found.append((f"{line}\n", at_s, signed.signature[_TIME_BYTES:]))
    return found


def add_checkpoint(old: int, path: Sequence[bytes], note: str) -> str:
    """What a log asks a witness: the size that it has seen, the way from there, a checkpoint (C2SP tlog-witness)."""
    return "".join([f"old {old}\n", *(f"{base64.b64encode(hash_).decode()}\n" for hash_ in path), "\n", note])


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The text that a checkpoint signs (C2SP tlog-checkpoint)."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def note(text: str, name: str, public: bytes, signature: bytes) -> str:
    """A signed note with one Ed25519 signature."""
    return f"{text}\n— {name} {base64.b64encode(key_hash(name, public) + signature).decode()}\n"


def parse_checkpoint(signed: str) -> Head:
    """Take a checkpoint apart without believing it; ValueError where it is none."""
    text, _, lines = signed.rpartition("\n\n")
    origin, size, root, *_ = text.split("\n")
    if not (size.isascii() and size.isdecimal() and str(int(size)) == size and lines.endswith("\n")):
        raise ValueError("not a checkpoint")
    signatures = tuple(_signature_line(line) for line in lines[:-1].split("\n"))
    return Head(text + "\n", origin, int(size), _decoded(root), signatures)


def _signature_line(line: str) -> Signed:
    dash, name, encoded = line.split(" ")
    if dash != "—":
        raise ValueError("not a signature line")
    blob = _decoded(encoded)
    return Signed(name, blob[:_KEY_HASH_BYTES], blob[_KEY_HASH_BYTES:])


def _decoded(text: str) -> bytes:
    """Decode the one canonical spelling; the decoder by itself overlooks spare bits at the end."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data
