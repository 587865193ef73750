"""How results leave: a table for people, tab-separated text for programs, JSON on demand.

Data go to standard output, talk (hints, warnings, questions) to standard error, so that a pipe carries data alone.
A terminal gets titles, units, local times and colours; a pipe gets the wire's own values, without a head line and never
shortened. What others wrote never reaches a terminal as control characters.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from cloudhall.cli.catalogue import Field, Noun, paths_of
from cloudhall.cli.tables import Column, Wire, coloured, table
from cloudhall.cli.values import ABSENT, NO, YES, at, is_text, moment, printable, raw, shown
from cloudhall.cli.width import pad, width
from cloudhall.sdk.language import T, Text, say

Style = Literal["table", "tsv", "json", "name", "yaml"]
BOLD = "1"
FILTERS_SHOWN = 3
CREATED = "created_at"
CONDITIONS, NEXT = T("条件", "Conditions"), T("下一步：cloudhall {}", "next: cloudhall {}")
NOTHING = T("没有符合的内容", "Nothing to show")


class Output(NamedTuple):
    """How the caller wants to see it: `style`, and for JSON the paths to show (none: everything)."""

    style: Style
    paths: tuple[str, ...] = ()


def automatic() -> Style:
    """Table on a terminal, tab-separated in a pipe."""
    return "table" if sys.stdout.isatty() else "tsv"


def list_lines(noun: Noun, items: Sequence[Wire], output: Output, *, everywhere: bool = False) -> list[str]:
    """Resources of one kind; those of several places with their place, where the kind does not show it anyway."""
    if output.style == "json":
        return [as_json([picked(item, output.paths) for item in items])]
    if output.style == "name":
        return [item["name"] for item in items]
    paths = paths_of(noun)
    columns = [
        Column(say(paths[path]["title"]), path, paths[path], spare=path == CREATED)
        for path in _columns(noun, everywhere=everywhere)
    ]
    return _row_lines(columns, items, output.style)


def one_lines(noun: Noun, item: Wire, output: Output) -> list[str]:
    """One resource with everything known of it."""
    if output.style == "json":
        return [as_json(picked(item, output.paths))]
    if output.style == "name":
        return [item["name"]]
    if output.style == "tsv":
        return [f"{path}\t{raw(at(item, path))}" for path in paths_of(noun) if at(item, path) is not None]
    return [*_facts(noun, item), *_inner_tables(noun, item), *condition_lines(item)]


def show_rows(columns: Sequence[Column], rows: Sequence[Wire], style: Style) -> None:
    """Print rows of any kind."""
    if rows or style != "table":
        print_lines([as_json(rows)] if style == "json" else _row_lines(columns, rows, style))
    else:
        note(NOTHING)


def _row_lines(columns: Sequence[Column], rows: Sequence[Wire], style: Style) -> list[str]:
    if style == "tsv":
        return ["\t".join(raw(at(row, c.path)) for c in columns) for row in rows]
    return table(columns, rows) if rows else []


def show_pairs(pairs: Mapping[str, str], style: Style) -> None:
    """Print names with their values."""
    if style == "json":
        print_json(pairs)
    elif style == "tsv":
        print_lines(f"{name}\t{raw(value)}" for name, value in pairs.items())
    else:
        print_lines(aligned(pairs.items()))


def print_json(value: Any) -> None:
    """Print JSON, indented, in the characters of the language."""
    print_lines([as_json(value)])


def as_json(value: Any) -> str:
    """JSON for people to read too."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def print_lines(lines: Iterable[str]) -> None:
    """Print data."""
    for line in lines:
        print(line)


def picked(item: Wire, paths: Sequence[str]) -> Wire:
    """Keep the paths that were asked for, each under its last word."""
    return {path.rpartition(".")[2]: at(item, path) for path in paths} if paths else item


def aligned(pairs: Iterable[tuple[str, str]], indent: str = "") -> list[str]:
    """Names and values in two columns."""
    rows = list(pairs)
    widest = max((width(name) for name, _ in rows), default=0)
    return [f"{indent}{pad(name, widest)}  {value}".rstrip() for name, value in rows]


def condition_lines(item: Wire) -> list[str]:
    """One line a condition: what, whether, since when, and why not."""
    lines = [(c["type"], f"{_holds(c)}  {moment(c['since'])}  {why_not(c)}") for c in item.get("conditions", ())]
    return ["", coloured(say(CONDITIONS), BOLD), *aligned(lines, "  ")] if lines else []


def why_not(condition: Wire) -> str:
    """Reason and message of a condition that does not hold."""
    return printable(" ".join(filter(None, [condition.get("reason"), say(condition.get("message", ""))])))


def note(text: Text) -> None:
    """Say something to the person, beside the data."""
    print(printable(say(text)), file=sys.stderr)


def hint(command: str) -> None:
    """Suggest what comes next."""
    note(say(NEXT, command))


def _columns(noun: Noun, *, everywhere: bool) -> list[str]:
    first, *rest = noun["columns"] or ["name", "state", *list(noun["filters"].values())[:FILTERS_SHOWN]]
    place = [noun["scope"]] if everywhere and noun["scope"] not in rest else []
    return list(dict.fromkeys([first, *place, *rest, CREATED]))


def _facts(noun: Noun, item: Wire) -> list[str]:
    plain = {say(f["title"]): shown(at(item, p), f) for p, f in paths_of(noun).items() if not _is_rows(at(item, p))}
    return aligned((title, value) for title, value in plain.items() if value != ABSENT)


def _inner_tables(noun: Noun, item: Wire) -> list[str]:
    """Fields that hold rows, such as the lines of a statement; what is nested or has no title is for `--json`."""
    lines: list[str] = []
    for path, field in paths_of(noun).items():
        if _is_rows(rows := at(item, path)):
            inside = field["item"]["fields"] if field["item"] else {}
            columns = [Column(say(f["title"]), name, f) for name, f in inside.items() if _is_flat(f) and _is_titled(f)]
            lines += ["", coloured(say(field["title"]), BOLD), *table(columns, rows, indent="  ")]
    return lines


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and not is_text(value[0])


def _is_flat(field: Field) -> bool:
    return field["shape"] not in {"list", "map", "struct"} or field["fields"].keys() == {"zh", "en"}


def _is_titled(field: Field) -> bool:
    """Whether the declaration gives it a title; otherwise its name stands in for one."""
    return field["title"]["en"] != field["name"]


def _holds(condition: Wire) -> str:
    return say(YES if condition["status"] else NO)
