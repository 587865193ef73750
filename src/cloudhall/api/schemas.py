"""JSON Schema (2020-12, as OpenAPI 3.1 takes it) of specs, statuses and arguments, from the fields as declared."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cloudhall.kernel.fields import JSON_SAFE_INTEGER, FieldInfo, fields_of
from cloudhall.kernel.text import T

Schema = dict[str, Any]
_PLAIN: Mapping[str, Schema] = {
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "str": {"type": "string"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
}
TEXTS: Schema = {
    "type": "object",
    "properties": {"zh": {"type": "string"}, "en": {"type": "string"}},
    "required": ["zh", "en"],
}


def struct_schema(struct: type[msgspec.Struct], *, partial: bool = False, without: tuple[str, ...] = ()) -> Schema:
    """Schema of a spec, status or argument struct; `partial` for a patch, where nothing is required."""
    known = {name: info for name, info in fields_of(struct).items() if name not in without}
    schema: Schema = {
        "type": "object",
        "properties": {name: field_schema(info, partial=partial) for name, info in known.items()},
        "additionalProperties": False,
    }
    required = [name for name, info in known.items() if info.required]
    return schema | ({"required": required} if required and not partial else {})


def field_schema(info: FieldInfo, *, partial: bool = False) -> Schema:
    """Schema of one field, with titles and help in both languages, unit, default and example."""
    schema = {**described(info.title, info.f.help), **_shape(info)}
    if info.nullable or (partial and info.has_default):
        schema["type"] = [schema["type"], "null"]
    if info.nullable and "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if info.has_default and not partial:
        schema["default"] = msgspec.to_builtins(info.default)
    extras = {
        "examples": [info.f.example] if info.f.example is not None else None,
        "x-unit": info.f.unit,
        "x-immutable": info.f.immutable,
        "readOnly": bool(info.f.by),
        "x-set-by": info.f.by,
        "x-refers-to": info.f.ref,
    }
    return schema | {name: value for name, value in extras.items() if value}


def described(title: T, help_: T | None = None) -> Schema:
    """Titles in one line, help in two paragraphs, and the titles apart for who renders one language."""
    schema: Schema = {"title": in_one(title), "x-title": title}
    return schema | ({"description": f"{help_.zh}\n\n{help_.en}"} if help_ else {})


def in_one(text: T) -> str:
    """Both languages in one line."""
    return f"{text.zh} · {text.en}"


def _shape(info: FieldInfo) -> Schema:
    f = info.f
    match info.shape:
        case "enum":
            return {"type": "string", "enum": list(info.choices)} | _choices(info)
        case "list":
            assert info.item is not None
            return {"type": "array", "items": field_schema(info.item)}
        case "map":
            assert info.item is not None
            return {"type": "object", "additionalProperties": field_schema(info.item)}
        case "struct":
            assert info.struct is not None
            return struct_schema(info.struct)
        case "int":
            return {
                "type": "integer",
                "minimum": -JSON_SAFE_INTEGER if f.ge is None else f.ge,
                "maximum": JSON_SAFE_INTEGER if f.le is None else f.le,
            }
        case "str":
            pattern = {"pattern": f"^(?:{f.pattern})$"} if f.pattern else {}
            return {"type": "string", "maxLength": f.max_length} | pattern
    return dict(_PLAIN[info.shape])


def _choices(info: FieldInfo) -> Schema:
    return {"x-choices": dict(info.f.choices)} if info.f.choices else {}
