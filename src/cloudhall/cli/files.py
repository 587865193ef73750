"""Resources from a file, to be created at once: a JSON array, JSON lines, or CSV with a header.

A CSV column is `name`, `project`, `labels.team`, `spec.quota_gib` or just `quota_gib`; an empty cell is left out. Here
only the form is read: what a field allows is the server's to say, for every item at once.
"""

import csv
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudhall.cli.catalogue import Field, Noun
from cloudhall.cli.typed import NO_JSON
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

Item = dict[str, Any]
TRUTH = {"true": True, "1": True, "false": False, "0": False}
AS_TEXT = {"str", "enum", "datetime", "date"}
NO_FILE = T("读不了 {}：{}", "{} cannot be read: {}")
LINE = T("第 {} 行：{}", "line {}: {}")
NO_OBJECT = T("应是一个 JSON 对象", "must be a JSON object")
NO_COLUMN, KNOWN = T("没有列 {}", "there is no column {}"), T("可用：{}", "Known: {}")
TOO_LONG = T("单元格比表头多", "more cells than the header has")


def read(path: str, noun: Noun) -> list[Item]:
    """Items of a file, `-` for standard input; raises `Misuse` where it is none of the three."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(say(NO_FILE, path, error)) from None
    text = text.removeprefix("\ufeff")
    match text.lstrip()[:1]:
        case "[":
            return [_object(item, n) for n, item in enumerate(_json(text, 1), 1)]
        case "{":
            lines = enumerate(text.splitlines(), 1)
            return [_object(_json(line, n), n) for n, line in lines if line.strip()]
    return _table(text, noun)


def _json(text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Misuse(say(LINE, line, say(NO_JSON, error))) from None


def _object(item: Any, line: int) -> Item:
    if not isinstance(item, dict):
        raise Misuse(say(LINE, line, say(NO_OBJECT)))
    return item


def _table(text: str, noun: Noun) -> list[Item]:
    reader = csv.reader(io.StringIO(text, newline=""))
    columns = [_path(column.strip(), noun) for column in next(reader, [])]
    items: list[Item] = []
    for cells in reader:
        if len(cells) > len(columns):
            raise Misuse(say(LINE, reader.line_num, say(TOO_LONG)))
        if any(cells):
            items.append(_item(dict(zip(columns, cells, strict=False)), noun["spec"]))
    return items


def _path(column: str, noun: Noun) -> tuple[str, str]:
    """Member and, within spec or labels, the name that a column means."""
    part, _, name = column.partition(".")
    plain = ("name", *([noun["scope"]] if noun["scope"] != "platform" else []))
    if column in plain:
        return column, ""
    if part == "labels" and name:
        return part, name
    field = name if part == "spec" else column
    if field not in noun["spec"]:
        known = [*plain, "labels.KEY", *(f"spec.{f}" for f in noun["spec"])]
        raise Misuse(say(NO_COLUMN, column or '""'), say(KNOWN, ", ".join(known)))
    return "spec", field


def _item(cells: Mapping[tuple[str, str], str], fields: Mapping[str, Field]) -> Item:
    item: Item = {}
    for (member, name), cell in cells.items():
        if cell and name:
            item.setdefault(member, {})[name] = _value(cell, fields[name]) if member == "spec" else cell
        elif cell:
            item[member] = cell
    return item


def _value(cell: str, field: Field) -> Any:
    """Value of a cell; what does not read as its shape stays text, which the server then refuses by its field."""
    if field["shape"] in AS_TEXT:
        return cell
    if field["shape"] == "bool":
        return TRUTH.get(cell.lower(), cell)
    try:
        return json.loads(cell)
    except ValueError:
        return cell
