"""From a field to an option, and from what was typed back to the JSON that the server reads.

The command line checks form alone (a number is a number, JSON is JSON); what a field allows is the server's to say,
which names every problem at once. What was not given is not sent.
"""

import json
from collections.abc import Mapping
from typing import Any

import click

from cloudhall.cli.catalogue import Field
from cloudhall.cli.parts import Option
from cloudhall.cli.typed import Json, Moment, OneOf, Pair, Whole
from cloudhall.sdk.language import T, say

RESERVED = {
    *("project", "organisation", "label", "spec", "rename", "if_match", "dry_run", "yes", "no_input"),
    *("from", "atomic"),
    *("json", "output", "help", "limit", "all", "sort", "matching", "everywhere"),
}
COLON, NOTES, SEPARATOR = T("：", ": "), T("（{}）", " ({})"), T("；", "; ")
DEFAULT, REQUIRED, EXAMPLE = T("默认 {}", "default {}"), T("必填", "required"), T("例如 {}", "such as {}")
RANGE, LEAST, MOST = T("{} 到 {}", "{} to {}"), T("至少 {}", "at least {}"), T("至多 {}", "at most {}")
CHOICE = T("{} {}", "{}: {}")
REPEATED, RELATIVE = T("可重复", "may be repeated"), T("可写 12h、30d", "or 12h, 30d from now")


def option_name(field: str) -> str:
    """Option of a field; one that is called like a common option says that it is a field."""
    return "--" + ("spec-" if field in RESERVED else "") + field.replace("_", "-")


def options_of(fields: Mapping[str, Field], into: str, *, making: bool = True) -> list[click.Parameter]:
    """One option a field; values arrive as `<into>_<field>`. `making` something new, some are required."""
    return [_option(f, f"{into}_{name}", explained(f, making=making)) for name, f in fields.items()]


def filter_option(name: str, field: Field, dest: str) -> Option:
    """Return the option that a list is filtered by; several values mean any of them."""
    option = option_name(name.replace(".", "_"))
    notes = _choices(field)
    text = say(field["title"]) + (say(NOTES, notes) if notes else "")
    if field["shape"] == "bool":
        return Option(f"{option}/--no-{option[2:]}", dest, text=text, default=None)
    kind, metavar = _typed(field)
    return Option(option, dest, text=text, type=kind, metavar=metavar, multiple=True)


def given_in(given: Mapping[str, Any], into: str, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Collect what was given for fields, as the JSON that the server reads."""
    typed = {name: given[f"{into}_{name}"] for name in fields}
    return {name: _value(fields[name], value) for name, value in typed.items() if value not in (None, ())}


def explained(field: Field, *, making: bool = True) -> str:
    """Title, help, and what may be written."""
    text = say(field["title"])
    if field["help"]:
        text += say(COLON) + say(field["help"])
    notes = [_choices(field), _range(field), *_forms(field), *(_demands(field) if making else [])]
    return text + (say(NOTES, say(SEPARATOR).join(filter(None, notes))) if any(notes) else "")


def typed_as(value: Any) -> str:
    """Write a value the way it is typed."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _option(field: Field, dest: str, text: str) -> Option:
    name = option_name(field["name"])
    if field["shape"] == "bool":
        return Option(f"{name}/--no-{name[2:]}", dest, text=text, default=None)
    kind, metavar = _typed(field)
    return Option(name, dest, text=text, type=kind, metavar=metavar, multiple=field["shape"] in {"list", "map"})


def _typed(field: Field) -> tuple[click.ParamType[Any], str]:
    """Type and metavar of one value."""
    shape, item = field["shape"], field["item"]
    if shape == "list" and item:
        return _typed(item)
    if shape == "map" and item and item["shape"] == "str":
        return Pair(), "KEY=VALUE"
    if shape == "enum":
        return OneOf(list(field["choices"])), field["name"].rpartition("_")[2].upper()
    plain = {"int": (Whole(), field["unit"] or "N"), "datetime": (Moment(), "TIME"), "date": (click.STRING, "DATE")}
    if shape == "str":
        return click.STRING, "NAME" if field["ref"] else "TEXT"
    return plain.get(shape, (Json(), "JSON"))


def _value(field: Field, typed: Any) -> Any:
    if field["shape"] != "map":
        return list(typed) if field["shape"] == "list" else typed
    return {key: value for part in typed for key, value in (part.items() if isinstance(part, dict) else [part])}


def _demands(field: Field) -> list[str]:
    if field["required"]:
        return [say(REQUIRED)]
    default = field["default"]
    return [] if default in (None, "", [], {}, False) else [say(DEFAULT, typed_as(default))]


def _forms(field: Field) -> list[str]:
    notes = [say(RELATIVE)] if field["shape"] == "datetime" else []
    if field["shape"] in {"list", "map"}:
        notes.append(say(REPEATED))
    if field["example"] is not None and field["shape"] != "enum":
        notes.append(say(EXAMPLE, typed_as(field["example"])))
    return notes


def _choices(field: Field) -> str:
    titled = ((choice, say(title)) for choice, title in field["choices"].items())
    plain = ("_", "-")
    return ", ".join(
        c if title.lower() in {c, *(c.replace(p, " ") for p in plain)} else say(CHOICE, c, title) for c, title in titled
    )


def _range(field: Field) -> str:
    least, most = field["ge"], field["le"]
    if least is None and most is None:
        return ""
    text = RANGE if None not in (least, most) else LEAST if most is None else MOST
    return f"{say(text, *(f'{limit:,}' for limit in (least, most) if limit is not None))} {field['unit']}".rstrip()
