"""Tables of fields: names, both titles, type, and the rules that an input must keep."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cloudhall.kernel.fields import TYPE_NAMES, F, FieldInfo, fields_of
from cloudhall.kernel.kinds import Status
from cloudhall.kernel.text import T
from reference_pages.markdown import both, code, codes, table

NOTHING: tuple[Any, ...] = (None, "", [], {}, ())
HEAD = ("字段 · Field", "含义 · Meaning", "类型 · Type", "规则 · Rules")


def fields_table(struct: type[msgspec.Struct], under: str = "") -> str:
    """Every field of a spec, status or arguments; fields of structures within follow below their own."""
    return table(HEAD, _rows({n: i for n, i in fields_of(struct).items() if n not in fields_of(Status)}, under))


def _rows(fields: Mapping[str, FieldInfo], under: str) -> Iterator[list[str]]:
    for name, info in fields.items():
        path = f"{under}{name}"
        yield [code(path), _meaning(info), _type(info), "; ".join(_rules(info))]
        inner = info.struct or (info.item and info.item.struct)
        if inner:
            yield from _rows(fields_of(inner), f"{path}{'[]' if info.item else ''}.")


def _meaning(info: FieldInfo) -> str:
    help_ = f" ({both(info.f.help)})" if info.f.help else ""
    return f"{both(info.title) if info.title.zh != info.name else ''}{help_}"


def _type(info: FieldInfo) -> str:
    plain = {"list": "[]", "map": "{}"}.get(info.shape)
    if plain:
        inner = f"{info.item.shape}" if info.item else ""
        return code(f"{inner}{plain}")
    return both(T("选项", "choice")) if info.shape == "enum" else both(_short(TYPE_NAMES[info.shape]))


def _short(text: T) -> T:
    """Type without its example."""
    return T(text.zh.partition("，")[0], text.en.partition(" such as")[0])


def _rules(info: FieldInfo) -> Iterator[str]:
    """What an input must keep, then what helps to write one."""
    f = info.f
    known = {
        "必填 · required": info.required and not f.by,
        "不可改 · fixed": f.immutable,
        "不填即为提交者 · the asker where left out": f.asker,
        f"只由操作改变 · set by {codes(f.by)}": f.by,
        _bounds(f): True,
        code(f.pattern): True,
        f"→ {code(f.ref)}" + ", 随之删除 · goes with it" * (f.on_delete == "cascade"): f.ref,
        ", ".join(_choice(c, f.choices) for c in info.choices or f.choices): True,
        f"默认 · default {code(_plain(info.default))}": info.has_default and info.default not in NOTHING,
        f"例 · such as {code(_plain(f.example))}": f.example is not None,
    }
    return (rule for rule, holds in known.items() if rule and holds)


def _bounds(f: F) -> str:
    least, most = ("" if n is None else f"{n:,}" for n in (f.ge, f.le))
    return " ".join([f"{least}…{most}" * bool(least or most), f.unit]).strip()


def _choice(name: str, titles: Mapping[str, T]) -> str:
    return f"{code(name)} {both(titles[name])}" if name in titles else code(name)


def _plain(value: Any) -> str:
    return msgspec.json.encode(value).decode() if not isinstance(value, str) else value
