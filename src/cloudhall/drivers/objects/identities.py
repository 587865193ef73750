"""Identities as the file that SeaweedFS reads: pure rendering, reading back, and what must be wrong with an input.

Two things the engine does that decide the form (measured on 4.48):

- A reload *merges*: an identity that is missing from the new file stays valid. So one that must go stays in the file
  without credentials and actions (a tombstone) until the engine starts anew.
- A reload is atomic: all of the file is in force, or, when any of it is wrong, nothing of it. So one marker identity
  whose key follows from the rest proves the whole.

No identity gets `Admin` on a bucket: whoever has it can publish the bucket by a policy of its own.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from cloudhall.drivers.objects import Identity, Key, Right
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.kernel.errors import Invalid, Problem
from cloudhall.kernel.text import T

ADMIN, MARKER = "cloudhall", "cloudhall-marker"
RESERVED = frozenset({ADMIN, MARKER, "anonymous"})
"""`anonymous` is the engine's word for everyone."""
ACTIONS: dict[Right, tuple[str, ...]] = {"read": ("Read",), "write": ("Write", "Tagging"), "list": ("List",)}
"""`Write` also deletes and sets versioning and lifecycle; `Tagging` sets tags of objects and of the bucket."""
KEY = re.compile(r"[A-Za-z0-9+/=_.-]{4,128}")
"""The engine expands `${NAME}` in keys from its environment; these characters cannot spell it."""


class Credential(msgspec.Struct, frozen=True, rename="camel"):
    """One key pair in the file."""

    access_key: str
    secret_key: str


class Row(msgspec.Struct, frozen=True):
    """One identity in the file; without credentials it is a tombstone."""

    name: str
    credentials: tuple[Credential, ...] = ()
    actions: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True):
    identities: tuple[Row, ...] = ()


class Rendered(NamedTuple):
    """Bytes for the file, and the marker's key that proves them in force."""

    content: bytes
    marker: Key


def render(rows: Iterable[Row], *, admin: Key) -> Rendered:
    """Our own key, the rows in the order of their names (equal input, equal bytes), and the marker."""
    ours = Row(ADMIN, (Credential(*admin),), ("Admin", "Read", "Write", "List", "Tagging"))
    all_rows = [ours, *sorted(rows, key=lambda row: row.name)]
    proof = hashlib.sha256(msgspec.json.encode(all_rows)).hexdigest()
    marker = Key(f"marker-{proof[:32]}", proof[32:])
    all_rows.append(Row(MARKER, (Credential(*marker),)))
    return Rendered(msgspec.json.encode({"identities": all_rows}), marker)


def row(identity: Identity) -> Row:
    """An identity as the file has it."""
    return Row(identity.name, (Credential(identity.access_key, identity.secret_key),), actions(identity))


def actions(identity: Identity) -> tuple[str, ...]:
    """The engine's words for an identity's rights."""
    return tuple(
        f"{action}:{bucket}"
        for bucket, rights in sorted(identity.rights.items())
        for right in sorted(rights)
        for action in ACTIONS[right]
    )


def granted(content: bytes, admin: Key) -> dict[str, frozenset[str]]:
    """Rights by key that a file gives, in the words of the port where it has one; `Unavailable` where it is none."""
    try:
        rows = msgspec.json.decode(content, type=_File).identities
    except msgspec.DecodeError as error:
        raise not_answering(error) from error
    words = {word: right for right, spelled in ACTIONS.items() for word in spelled}
    found = dict[str, frozenset[str]]()
    for one in rows:
        rights = frozenset(_right(words, action) for action in one.actions)
        for credential in one.credentials:
            if Key(credential.access_key, credential.secret_key) != admin and rights:
                found[credential.access_key] = found.get(credential.access_key, frozenset()) | rights
    return found


def _right(words: Mapping[str, Right], action: str) -> str:
    word, _, bucket = action.partition(":")
    return f"{words[word]}:{bucket}" if word in words and bucket else action


def check(identities: Sequence[Identity]) -> None:
    """Raise `Invalid` with everything wrong at once: the engine would refuse, or misread, the whole file."""
    names, keys = set[str](), set[str]()
    problems = list[Problem]()
    for index, identity in enumerate(identities):
        wrong = _wrong(identity, names, keys)
        problems += [Problem("IDENTITY", f"/{index}/{field}", text) for field, text in wrong.items()]
        names.add(identity.name)
        keys.add(identity.access_key)
    if problems:
        raise Invalid(T("访问密钥有误", "The access keys are wrong"), problems=tuple(problems))


def _wrong(identity: Identity, names: set[str], keys: set[str]) -> dict[str, T]:
    wrong = dict[str, T]()
    if not identity.name or identity.name in names | RESERVED:
        wrong["name"] = T("名称为空、重复或为保留字", "Empty, doubled or reserved")
    if identity.access_key in keys or not KEY.fullmatch(identity.access_key):
        wrong["access_key"] = T("重复，或不是 4-128 个字母数字", "Doubled, or not 4 to 128 letters and digits")
    if not KEY.fullmatch(identity.secret_key):
        wrong["secret_key"] = T("不是 4-128 个字母数字", "Not 4 to 128 letters and digits")
    return wrong
