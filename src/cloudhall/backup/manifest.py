"""What a backup says of itself, and whether its files are those that it speaks of."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from cloudhall import __version__
from cloudhall.backup.trouble import damaged, newer
from cloudhall.kernel.keys import replace_durably

NAME = "manifest.json"
FORMAT = 1
BLOCK_BYTES = 1 << 20
Told = Callable[[int], None]
"""Hears of bytes as they are read."""


class File(msgspec.Struct, frozen=True):
    """Size and SHA-256 (hex) of one file."""

    bytes: int
    sha256: str


class Table(msgspec.Struct, frozen=True):
    """How many rows, and SHA-256 (hex) over them in the order of their key."""

    rows: int
    sha256: str


class Log(msgspec.Struct, frozen=True):
    """The audit log: entries in it, its newest checkpoint as others check it, and the key to pin."""

    entries: int
    checkpoint: str
    public_key: str


class Held(msgspec.Struct, frozen=True):
    """What a bucket holds: logical bytes and objects, as they are metered."""

    bytes: int
    objects: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`at_us` is the moment of all of it. `buckets` is None where the objects lie in an S3 elsewhere."""

    format: int = FORMAT
    cloudhall: str = __version__
    database_schema: int
    engine: str
    at_us: int
    files: Mapping[str, File]
    tables: Mapping[str, Table]
    audit: Log
    buckets: Mapping[str, Held] | None

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files.values())


class _Format(msgspec.Struct, frozen=True):
    format: int
    cloudhall: str


def encoded(manifest: Manifest) -> bytes:
    """Return the manifest as it is written: these very bytes are what the sealed keys are bound to."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1) + b"\n"


def write(folder: Path, manifest: Manifest) -> None:
    """Write it, durably: from now on the folder is a backup."""
    replace_durably(folder / NAME, encoded(manifest))


def read(folder: Path) -> Manifest:
    """Read it; `Unavailable` where there is none, or one of a newer release."""
    try:
        raw = (folder / NAME).read_bytes()
        said = msgspec.json.decode(raw, type=_Format)
        if said.format > FORMAT:
            raise newer(folder, said.cloudhall)
        return msgspec.json.decode(raw, type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise damaged(folder / NAME) from error


def file_of(path: Path, told: Told = lambda _: None) -> File:
    """Size and sum of a file."""
    sha256, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            sha256.update(block)
            size += len(block)
            told(len(block))
    return File(size, sha256.hexdigest())


def check_files(folder: Path, manifest: Manifest, told: Told = lambda _: None) -> None:
    """`Unavailable` at the first file that is not as the manifest says."""
    for name, wanted in manifest.files.items():
        path = folder / name
        if not path.is_file() or file_of(path, told) != wanted:
            raise damaged(path)
