"""Rule tables read from their files and checked, once, when an installation is put together.

A fault names file and line: rows that overlap or leave a gap, a value that the table does not declare or lacks, one of
another type than in the row before, a row without source, an unknown word.

The form of a file:

    id = "clock.hours"
    title = { zh = "…", en = "…" }
    [fields.opens]                  # each value of the rows: title, unit, and parts where it has several
    title = { zh = "…", en = "…" }
    [[rule]]
    valid_from = 2004-07-01
    valid_to = 2030-01-01           # first day on which it is no longer in force; none: until further notice
    verified = false                # true: somebody has compared it with the source's text
    value.opens = 09:00:00
    [[rule.sources]]
    title = { zh = "…", en = "…" }
    clause = { zh = "…", en = "…" }
    edition = "…"
    issued = 2003-08-27
"""

import functools
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cloudhall.kernel.rules import Field, Rule, Table
from cloudhall.kernel.text import T

KERNEL_RULES = Path(__file__).parent / "data" / "rules"
ROW = "[[rule]]"


class RuleFileError(Exception):
    """A rule file that cannot be right; the message begins with file and line."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """A rule file as TOML has it."""

    id: str
    title: T
    fields: dict[str, Field]
    rule: list[Rule]


@functools.cache
def tables_in(folder: Path) -> tuple[Table, ...]:
    """Tables of a folder, each file once a process; raises `RuleFileError`."""
    return tuple(read(path) for path in sorted(folder.glob("*.toml")))


def read(path: Path) -> Table:
    """Table of one file; raises `RuleFileError`."""
    import tomllib

    text = path.read_text("utf-8")
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise _wrong(path, int(line[1]) if line else 1, str(error)) from error
    except msgspec.ValidationError as error:
        row = re.search(r"`\$\.rule\[(\d+)\]", str(error))
        raise _wrong(path, _lines(text)[int(row[1])] if row else 1, str(error)) from error
    for index, what in _faults(file):
        raise _wrong(path, _lines(text)[index], what)
    return Table(id=file.id, title=file.title, fields=file.fields, rules=tuple(file.rule))


def _faults(file: _File) -> Iterator[tuple[int, str]]:
    """Index of a row and what is wrong with it."""
    for index, rule in enumerate(file.rule):
        yield from ((index, what) for what in _row_faults(file, rule))
    for index, (before, after) in enumerate(itertools.pairwise(file.rule), 1):
        yield from ((index, what) for what in _pair_faults(before, after))


def _row_faults(file: _File, rule: Rule) -> Iterator[str]:
    if rule.valid_to is not None and rule.valid_to <= rule.valid_from:
        yield f"ends on {rule.valid_to}, before it begins on {rule.valid_from}"
    if not rule.sources:
        yield "has no source"
    for name in sorted(rule.value.keys() ^ file.fields.keys()):
        yield f"value.{name} is {'not declared under [fields]' if name in rule.value else 'missing'}"
    for name in rule.value.keys() & file.fields.keys():
        value = rule.value[name]
        if isinstance(value, dict):
            yield from (
                f"value.{name}.{part} is no part of it" for part in value.keys() - file.fields[name].parts.keys()
            )


def _pair_faults(before: Rule, after: Rule) -> Iterator[str]:
    if before.valid_to is None or before.valid_to > after.valid_from:
        until = before.valid_to or "further notice"
        yield f"begins on {after.valid_from} while the row before is in force until {until}"
    elif before.valid_to < after.valid_from:
        yield f"leaves a gap: the row before ends on {before.valid_to}, this one begins on {after.valid_from}"
    for name in sorted(before.value.keys() & after.value.keys()):
        if type(before.value[name]) is not type(after.value[name]):
            yield f"value.{name} is {_kind(after.value[name])}, in the row before {_kind(before.value[name])}"


def _kind(value: object) -> str:
    return type(value).__name__


def _lines(text: str) -> list[int]:
    """Line numbers of the rows' heads, in order; TOML keeps an array of tables in the order of the file."""
    return [number for number, line in enumerate(text.splitlines(), 1) if line.strip() == ROW]


def _wrong(path: Path, line: int, what: str) -> RuleFileError:
    return RuleFileError(f"{path}:{line}: {what}")
