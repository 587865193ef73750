"""Fields of a spec: what an author writes at each one, and the walker that finds every problem of an input at once.

msgspec stops at the first error; a form needs all of them, with JSON pointers and the nearest name. So `problems()`
walks the input first, and only a clean input is converted.
"""

import datetime
import difflib
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from cloudhall.kernel.errors import Problem
from cloudhall.kernel.text import T

TEXT_LENGTH_MAX = 4_096
LIST_LENGTH_MAX = 1_000
JSON_SAFE_INTEGER = 2**53 - 1


class F(msgspec.Struct, frozen=True, kw_only=True):
    """What an author says of one field; written `Annotated[int, field("配额", "Quota", unit="GiB", ge=1)]`."""

    title: T
    help: T | None = None
    unit: str = ""
    example: Any = None
    ge: int | None = None
    le: int | None = None
    pattern: str = ""
    max_length: int = TEXT_LENGTH_MAX
    required: bool = False
    immutable: bool = False
    by: tuple[str, ...] = ()
    ref: str = ""
    asker: bool = False  # left out, it is whoever asks
    scopes: bool = False  # a list of scopes as tokens have them; each must cover some operation
    on_delete: Literal["block", "cascade"] = "block"
    choices: Mapping[str, T] = {}


def field(zh: str, en: str, help: T | None = None, **rules: Any) -> F:  # noqa: A002  the word the author reads
    """Describe a field: both titles, help, and rules named as in `F`."""
    return F(title=T(zh, en), help=help, **rules)


class FieldInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One field as the faces see it. `shape` is one of int, bool, str, datetime, date, enum, list, map, struct."""

    name: str
    shape: str
    f: F
    default: Any = None
    has_default: bool = False
    nullable: bool = False
    choices: tuple[str, ...] = ()
    item: "FieldInfo | None" = None
    struct: type[msgspec.Struct] | None = None

    @property
    def title(self) -> T:
        """Both titles."""
        return self.f.title

    @property
    def required(self) -> bool:
        """Whether input must name it."""
        return self.f.required or not self.has_default


_FIELDS: dict[type, dict[str, FieldInfo]] = {}


def fields_of(struct: type[msgspec.Struct]) -> dict[str, FieldInfo]:
    """Fields of a spec or status by name, in the order written. Kept: asking type hints each time costs a third."""
    if struct not in _FIELDS:
        hints = typing.get_type_hints(struct, include_extras=True)
        _FIELDS[struct] = {m.name: _field_info(m, hints[m.name]) for m in msgspec.structs.fields(struct)}
    return _FIELDS[struct]


def _field_info(member: msgspec.structs.FieldInfo, hint: Any) -> FieldInfo:
    has_default = member.default is not msgspec.NODEFAULT or member.default_factory is not msgspec.NODEFAULT
    default = member.default if member.default is not msgspec.NODEFAULT else None
    if member.default_factory is not msgspec.NODEFAULT:
        default = member.default_factory()
    return msgspec.structs.replace(_typed(member.name, hint), default=default, has_default=has_default)


def _typed(name: str, hint: Any) -> FieldInfo:
    f = F(title=T(name, name))
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        f = next((n for n in notes if isinstance(n, F)), f)
    nullable = get_origin(hint) in {typing.Union, types.UnionType} and type(None) in get_args(hint)
    if nullable:
        hint = next(a for a in get_args(hint) if a is not type(None))
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return msgspec.structs.replace(_typed(name, hint), nullable=nullable)
    if origin is Literal:
        return FieldInfo(name=name, shape="enum", f=f, nullable=nullable, choices=tuple(args))
    if origin in {list, tuple}:
        return FieldInfo(name=name, shape="list", f=f, nullable=nullable, item=_typed(name, args[0]))
    if origin is dict:
        return FieldInfo(name=name, shape="map", f=f, nullable=nullable, item=_typed(name, args[1]))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return FieldInfo(name=name, shape="struct", f=f, nullable=nullable, struct=hint)
    return FieldInfo(name=name, shape=_PLAIN[hint], f=f, nullable=nullable)


_PLAIN: dict[Any, str] = {int: "int", bool: "bool", str: "str", datetime.datetime: "datetime", datetime.date: "date"}
_ACCEPTS: dict[str, type] = {"int": int, "bool": bool, "str": str, "datetime": str, "date": str, "enum": str}
TYPE_NAMES: dict[str, T] = {
    "int": T("整数", "a whole number"),
    "bool": T("true 或 false", "true or false"),
    "str": T("文字", "text"),
    "datetime": T("时间，例如 2026-12-31T16:00:00Z", "a time such as 2026-12-31T16:00:00Z"),
    "date": T("日期，例如 2026-12-31", "a date such as 2026-12-31"),
    "enum": T("文字", "text"),
    "list": T("列表", "a list"),
    "map": T("键值对", "a mapping"),
    "struct": T("对象", "an object"),
}


def problems(struct: type[msgspec.Struct], data: Any, at: str = "", *, partial: bool = False) -> list[Problem]:
    """Every problem of an input for `struct`, with JSON pointers below `at`; `partial` lets required ones be absent."""
    if not isinstance(data, Mapping):
        return [_wrong_type(at, "struct", data)]
    known = fields_of(struct)
    found = [unknown_name(f"{at}/{_escape(str(k))}", str(k), known) for k in data if k not in known]
    for name, info in known.items():
        if name in data:
            found += _value_problems(info, data[name], f"{at}/{name}")
        elif info.required and not partial:
            found.append(
                Problem(
                    "MISSING", f"{at}/{name}", T(f"缺少“{info.title.zh}”", f"{info.title.en} is missing"), _like(info)
                )
            )
    return found


def unknown_name(pointer: str, name: str, known: Iterable[str]) -> Problem:
    """Name what is unknown, with the nearest name that is known."""
    near = difflib.get_close_matches(name, list(known), n=1)
    mend = T(f"是否指 {near[0]}？", f"Did you mean {near[0]}?") if near else _list_of(known)
    return Problem("UNKNOWN", pointer, T(f"没有名为 {name} 的字段", f"There is no field named {name}"), mend)


def _value_problems(info: FieldInfo, value: Any, at: str) -> list[Problem]:
    if value is None and info.nullable:
        return []
    if info.shape == "struct":
        assert info.struct is not None
        return problems(info.struct, value, at)
    if info.shape == "list":
        return _list_problems(info, value, at)
    if info.shape == "map":
        return _map_problems(info, value, at)
    expected = _ACCEPTS[info.shape]
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        return [_wrong_type(at, info.shape, value)]
    if isinstance(value, str) and not is_text(value):
        return [_wrong_type(at, info.shape, value)]
    return list(_rule_problems(info, value, at))


def _list_problems(info: FieldInfo, value: Any, at: str) -> list[Problem]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return [_wrong_type(at, "list", value)]
    if len(value) > LIST_LENGTH_MAX:
        return [_too_many(at)]
    assert info.item is not None
    return [p for i, v in enumerate(value) for p in _value_problems(info.item, v, f"{at}/{i}")]


def _map_problems(info: FieldInfo, value: Any, at: str) -> list[Problem]:
    if not isinstance(value, Mapping):
        return [_wrong_type(at, "map", value)]
    if len(value) > LIST_LENGTH_MAX:
        return [_too_many(at)]
    if not all(isinstance(k, str) and is_text(k) for k in value):
        return [_wrong_type(at, "map", value)]
    if any(len(k) > TEXT_LENGTH_MAX for k in value):
        return [_too_long(at, TEXT_LENGTH_MAX)]
    assert info.item is not None
    return [p for k, v in value.items() for p in _value_problems(info.item, v, f"{at}/{_escape(str(k))}")]


def _rule_problems(info: FieldInfo, value: Any, at: str) -> Iterable[Problem]:
    f = info.f
    if info.shape == "enum" and value not in info.choices:
        yield Problem("CHOICE", at, T(f"没有“{value}”这一选项", f"{value!r} is not a choice"), _list_of(info.choices))
    if info.shape == "int" and not (_least(f) <= value <= _most(f)):
        unit = f" {f.unit}" if f.unit else ""
        yield Problem(
            "RANGE",
            at,
            T(f"应在 {_least(f)} 到 {_most(f)}{unit} 之间", f"Must be from {_least(f)} to {_most(f)}{unit}"),
            _like(info),
        )
    if info.shape == "str" and len(value) > f.max_length:
        yield _too_long(at, f.max_length)
    if info.shape == "str" and f.pattern and not re.fullmatch(f.pattern, value):
        yield Problem(
            "PATTERN", at, T(f"格式不对：应匹配 {f.pattern}", f"Wrong form: must match {f.pattern}"), _like(info)
        )
    if info.shape in {"datetime", "date"} and not _is_time(info.shape, value):
        yield _wrong_type(at, info.shape, value)


def is_text(value: str) -> bool:
    """Half of a surrogate pair is no character, neither disk nor wire takes it; NUL is none that PostgreSQL holds."""
    return "\x00" not in value and (value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value))


def _is_time(shape: str, value: str) -> bool:
    """RFC 3339, by the very decoder that reads it afterwards; a time says its zone."""
    try:
        if shape == "date":
            msgspec.convert(value, datetime.date)
            return True
        return msgspec.convert(value, datetime.datetime).tzinfo is not None
    except msgspec.ValidationError:
        return False


def _least(f: F) -> int:
    return f.ge if f.ge is not None else -JSON_SAFE_INTEGER


def _most(f: F) -> int:
    return f.le if f.le is not None else JSON_SAFE_INTEGER


def _like(info: FieldInfo) -> T | None:
    if info.f.example is None:
        return None
    return T(f"例如 {info.f.example}", f"For example {info.f.example}")


def _list_of(names: Iterable[str]) -> T:
    joined = list(names)
    return T("可用：" + "、".join(joined), "Known: " + ", ".join(joined))


def _wrong_type(at: str, type_name: str, value: Any) -> Problem:
    want, got = TYPE_NAMES[type_name], type(value).__name__
    return Problem("TYPE", at, T(f"应填{want.zh}", f"Must be {want.en}"), T(f"收到的是 {got}", f"Got {got}"))


def _too_many(at: str) -> Problem:
    return Problem("TOO_LONG", at, T(f"最多 {LIST_LENGTH_MAX} 项", f"At most {LIST_LENGTH_MAX} items"))


def _too_long(at: str, limit: int) -> Problem:
    return Problem("TOO_LONG", at, T(f"最多 {limit} 个字符", f"At most {limit} characters"))


def _escape(key: str) -> str:
    """Escape a JSON pointer segment (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
