"""One value as the pages show it: text, link, unit and side, by what its field declares. Pure but for names behind ids.

Units come last in a name (`quota_gib`, `price_fen`, `stored_bytes`, `at_us`), so that the name decides where a field
declares no unit: fen is money, bytes are scaled, microseconds are a time, micro is a metered quantity.
"""

import datetime
import json
from typing import Any, NamedTuple

import msgspec

from cloudhall.console import formats
from cloudhall.console.names import Names
from cloudhall.kernel.fields import F, FieldInfo
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kinds import Kind, Meta, field_at, value_at
from cloudhall.kernel.text import Language, T
from cloudhall.kernel.wire import STATES, state_of, to_us

ABSENT = "–"
YES, NO = T("是", "Yes"), T("否", "No")
SCALED = {"fen": "fen", "B": "bytes", "byte": "bytes", "bytes": "bytes", "µs": "us", "us": "us"}
TAILS = ("fen", "bytes", "us", "micro", "nano")
UNIT_HEADS = {"fen": T("元", "CNY")}
WORST_FIRST = ("failed", "attention", "working", "deleting", "ready")
TEXT_LENGTH_MAX = 200
COMMON: dict[str, FieldInfo] = {
    "id": FieldInfo(name="id", shape="str", f=F(title=T("编号", "Id"))),
    "state": FieldInfo(name="state", shape="enum", f=F(title=T("状态", "State"), choices=STATES)),
    "labels": FieldInfo(name="labels", shape="map", f=F(title=T("标签", "Labels"))),
    "created": FieldInfo(name="created_us", shape="int", f=F(title=T("创建于", "Created"))),
    "updated": FieldInfo(name="updated_us", shape="int", f=F(title=T("更新于", "Updated"))),
}
PLACES = {
    "project": FieldInfo(name="place", shape="str", f=F(title=T("所在项目", "Project"))),
    "organisation": FieldInfo(name="place", shape="str", f=F(title=T("所在单位", "Organisation"))),
    "platform": FieldInfo(name="place", shape="str", f=F(title=T("所在", "Place"))),
}


class Shown(NamedTuple):
    """One value. `right` puts it on the right; `code` in the fixed face; `block` on lines of its own."""

    text: str
    href: str = ""
    right: bool = False
    code: bool = False
    block: bool = False
    iso: str = ""
    hint: str = ""


def info_at(meta: Meta, path: str) -> FieldInfo | None:
    """Field that a column names: of spec or status, or one that every resource has."""
    if path == "place":
        return PLACES[meta.scope]
    if path == "name":
        return FieldInfo(name="name", shape="str", f=F(title=meta.name_title))
    return COMMON.get(path) or field_at(meta, path)


def at(r: Kind[Any, Any], path: str) -> Any:
    """Value of a column."""
    if path == "state":
        return state_of(r)
    return value_at(r, {"created": "created_us", "updated": "updated_us"}.get(path, path))


def is_number(info: FieldInfo) -> bool:
    """Whether a column of it stands on the right: numbers, amounts and times do."""
    return info.shape in {"int", "datetime", "date"}


def head(info: FieldInfo) -> T:
    """Title of a column, with the unit that its cells leave out: `配额/GiB`."""
    unit = UNIT_HEADS.get(measure(info), T(info.f.unit, info.f.unit) if measure(info) == "" else T("", ""))
    title = info.title
    return T(f"{title.zh}/{unit.zh}", f"{title.en}, {unit.en}") if unit.zh else title


def measure(info: FieldInfo) -> str:
    """What an integer counts: fen, bytes, us, micro or nano; empty for a plain number with its own unit."""
    if info.shape != "int":
        return ""
    tail = info.name.rpartition("_")[2]
    return SCALED.get(info.f.unit) or (tail if tail in TAILS and not info.f.unit else "")


class Values:
    """Shows values in one language at one time."""

    def __init__(self, language: Language, now_us: int, names: Names) -> None:
        """`names` finds what stands behind ids."""
        self._language, self._now_us, self._names = language, now_us, names

    def show(self, info: FieldInfo, value: Any, *, unit: bool = True) -> Shown:
        """One value; `unit=False` in a column whose head names the unit."""
        if value is None or value in ("", [], {}):
            return Shown(ABSENT, right=is_number(info))
        if isinstance(value, bool):
            return Shown((YES if value else NO).in_(self._language))
        if isinstance(value, int):
            return self._number(info, value, unit=unit)
        if isinstance(value, datetime.datetime):
            return self._time(to_us(value))
        if isinstance(value, str):
            return self._text(info, value)
        return self._compound(info, value)

    def _number(self, info: FieldInfo, value: int, *, unit: bool) -> Shown:
        match measure(info):
            case "fen":
                text = formats.amount(value, self._language) if unit else formats.fen(value)
            case "bytes":
                return Shown(formats.size(value), right=True, hint=f"{formats.number(value)} B")
            case "us":
                return self._time(value) if value else Shown(ABSENT, right=True)
            case "micro":
                text = formats.quantity(value)
            case "nano":
                text = formats.unit_price(value, self._language)
            case _:
                text = f"{formats.number(value)} {info.f.unit if unit else ''}".rstrip()
        return Shown(text, right=True)

    def _time(self, at_us: int) -> Shown:
        moment = formats.moment(at_us, self._language, self._now_us)
        return Shown(moment.short, right=True, iso=moment.iso, hint=moment.full)

    def _text(self, info: FieldInfo, value: str) -> Shown:
        choice = info.f.choices.get(value)
        if choice:
            return Shown(choice.in_(self._language))
        if is_id(value) or info.name == "place":
            named = self._names.of(value)
            return Shown(named.text, href=named.href, code=named.text == value)
        long = len(value) > TEXT_LENGTH_MAX or "\n" in value
        return Shown(value, code=info.name == "id" or "://" in value, block=long)

    def _compound(self, info: FieldInfo, value: Any) -> Shown:
        """Lists of plain values and maps of text in one line; whatever has parts as indented JSON."""
        plain = msgspec.to_builtins(value)
        if isinstance(plain, list) and not any(isinstance(v, list | dict) for v in plain) and info.item:
            comma = "、" if self._language == "zh" else ", "
            return Shown(comma.join(self.show(info.item, v).text for v in value))
        if isinstance(plain, dict) and all(isinstance(v, str) for v in plain.values()):
            return Shown(", ".join(f"{k}={v}" for k, v in plain.items()), code=True)
        if isinstance(plain, str):
            return Shown(plain, right=is_number(info))
        return Shown(json.dumps(plain, ensure_ascii=False, indent=2), code=True, block=True)
