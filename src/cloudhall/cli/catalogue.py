"""What the command line knows of the kinds: plain data, read from disk, so that no declaration is imported at start.

Importing the declarations costs as much as everything else together, and more with each domain. So their facts are
kept as JSON in the user's cache folder, and made anew whenever a source file of the declarations changes.
Invariant: a catalogue that is used was made from the declarations as they are on disk now.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from cloudhall import kernel
from cloudhall.sdk.config import write_private

PACKAGE = Path(kernel.__file__).parent.parent
LAST = ("revision", "created_at", "updated_at", "deleting_at", "secret")
SOURCES = ("kernel", "domains", "installation.py", "cli/declared.py")


class Field(TypedDict):
    """One field of spec, status or arguments; `shape` as in `kernel.fields.FieldInfo`, texts in both languages."""

    name: str
    shape: str
    title: dict[str, str]
    help: dict[str, str] | None
    unit: str
    example: Any
    default: Any
    required: bool
    nullable: bool
    immutable: bool
    by: list[str]
    ref: str
    ge: int | None
    le: int | None
    choices: dict[str, dict[str, str]]
    item: "Field | None"
    fields: "dict[str, Field]"


class Action(TypedDict):
    """A verb beyond the plain four."""

    title: dict[str, str]
    danger: bool
    args: dict[str, Field]


class Noun(TypedDict):
    """One kind, under the word that the command line calls it by.

    `common` fields are those that every kind has; `filters` are the query parameters of its list, each with its path.
    """

    noun: str
    kind: str
    plural: str
    title: dict[str, str]
    doc: dict[str, str]
    domain: str
    scope: str
    auto_name: bool
    example: str
    verbs: list[str]
    clauses: list[str]
    filters: dict[str, str]
    columns: list[str]
    common: dict[str, Field]
    spec: dict[str, Field]
    status: dict[str, Field]
    actions: dict[str, Action]


class Catalogue(TypedDict):
    """Every domain's title and every noun."""

    made_from: str
    domains: dict[str, dict[str, str]]
    nouns: dict[str, Noun]


def load(cache: Path, reserved: frozenset[str]) -> Catalogue:
    """Read the catalogue of this installation, or make it and keep it for the next time. See `catalogue_of`."""
    now = _fingerprint()
    try:
        known: Catalogue = json.loads(cache.read_text("utf-8"))
        if known["made_from"] == now:
            return known
    except (OSError, ValueError, KeyError, TypeError):
        pass  # absent, or not ours: it is made anew
    return _make(cache, now, reserved)


def paths_of(noun: Noun) -> dict[str, Field]:
    """Every field under its path on the wire (`name`, `spec.quota_gib`), in the order in which it is shown."""
    common = noun["common"]
    spec, status = ({f"{part}.{name}": f for name, f in noun[part].items()} for part in ("spec", "status"))
    return {n: f for n, f in common.items() if n not in LAST} | spec | status | {n: common[n] for n in LAST}


def path_of(noun: Noun, word: str) -> str | None:
    """Return the path that a full path or a bare field name means."""
    paths = paths_of(noun)
    return next((p for p in (word, f"spec.{word}", f"status.{word}") if p in paths), None)


def _make(cache: Path, fingerprint: str, reserved: frozenset[str]) -> Catalogue:
    from cloudhall.cli.declared import catalogue_of
    from cloudhall.installation import build_registry

    made = catalogue_of(build_registry(), fingerprint, reserved)
    with contextlib.suppress(OSError):  # a read-only home costs a slower start, nothing else
        write_private(cache, json.dumps(made, ensure_ascii=False))
    return made


def _fingerprint() -> str:
    """Tell whether any source changed. Cost: one `stat` a file, about 1 ms for 150 files."""
    stats = [path.stat() for name in SOURCES for path in _files(PACKAGE / name)]
    return f"{PACKAGE} {len(stats)} {sum(s.st_size for s in stats)} {sum(s.st_mtime_ns for s in stats)}"


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names if name.endswith(".py"))
