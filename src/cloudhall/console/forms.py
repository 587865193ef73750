"""Fields as controls, and what people typed as values. Pure: no kernel, no language, nothing is looked up.

A control's name is its path (`spec.quota_gib`, `args.reason`), so that a JSON pointer leads to it. What cannot
be read as the field's shape stays text, and the kernel says what would be right: a form judges nothing itself.
"""

import contextlib
import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from cloudhall.console.formats import ZONE
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.fields import TEXT_LENGTH_MAX, TYPE_NAMES, FieldInfo, fields_of
from cloudhall.kernel.kinds import Spec
from cloudhall.kernel.text import T

RADIO_MAX = 6
LONG_TEXT = 255
SHORT_TEXT = 32
Pairs = Sequence[tuple[str, str]]


class Choice(NamedTuple):
    """One value that may be chosen."""

    value: str
    title: T


class Control(NamedTuple):
    """One field of a form. `text` is what stands in it, `default` what holds where nobody types anything."""

    name: str
    info: FieldInfo
    widget: str
    text: str
    default: str
    width: str
    choices: tuple[Choice, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def title(self) -> T:
        """Label."""
        return self.info.title

    @property
    def required(self) -> bool:
        """Whether it stands among the few that must be filled in."""
        return self.info.required

    @property
    def changed(self) -> bool:
        """Whether somebody has chosen something else than the default."""
        return self.text != self.default


def controls(
    struct: type[Spec], prefix: str, texts: Mapping[str, str], choices: Mapping[str, tuple[Choice, ...]]
) -> list[Control]:
    """Controls of a spec's fields in the order written; `choices` are those that had to be looked up, by name."""
    found = []
    for name, info in editable(struct).items():
        path = f"{prefix}.{name}"
        default = text_of(info, info.default) if info.has_default else ""
        given = _choices(info) or choices.get(path, ())
        widget = _widget(info, given)
        if info.nullable and given:
            given = (Choice("", T("无", "None")), *given)
        found.append(Control(path, info, widget, texts.get(path, default), default, _width(info, widget), given))
    return found


def editable(struct: type[Spec]) -> dict[str, FieldInfo]:
    """Fields that people may write in a form: not those that only an action sets."""
    return {n: i for n, i in fields_of(struct).items() if not i.f.by}


def texts_of(struct: type[Spec], prefix: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Text of each field as a form shows it, from plain values."""
    return {f"{prefix}.{n}": text_of(i, values[n]) for n, i in editable(struct).items() if n in values}


def unticked(struct: type[Spec], prefix: str) -> dict[str, str]:
    """Text of every box, unticked: a browser sends only those that are ticked."""
    return {f"{prefix}.{n}": "false" for n, i in editable(struct).items() if i.shape == "bool"}


def read(struct: type[Spec], prefix: str, form: Pairs, *, sent: bool = True) -> dict[str, Any]:
    """Plain values of a form; what it does not hold is left out, but for the unticked boxes of one that was `sent`."""
    found: dict[str, Any] = {}
    for name, info in editable(struct).items():
        texts = [text for key, text in form if key == f"{prefix}.{name}"]
        value = _value(info, texts) if texts or sent else _ABSENT
        if value is not _ABSENT:
            found[name] = value
    return found


def texts_posted(form: Pairs) -> dict[str, str]:
    """Texts as they were typed, by control; several of one name stand on lines of their own."""
    found: dict[str, str] = {}
    for name, text in form:
        found[name] = f"{found[name]}\n{text}" if name in found else text
    return found


def read_pairs(text: str) -> Any:
    """`key=value` lines as a mapping; a text that is none stays a text."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    split = [line.partition("=") for line in lines]
    return {k.strip(): v.strip() for k, _, v in split} if all(sep for _, sep, _ in split) else text


def text_of(info: FieldInfo, value: Any) -> str:
    """Value as a control holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M")
    plain = msgspec.to_builtins(value)
    if info.shape == "datetime" and isinstance(plain, str):
        return text_of(info, datetime.datetime.fromisoformat(plain))
    if _is_lines(info) or _is_checks(info):
        return "\n".join(str(item) for item in plain)
    if _is_pairs(info):
        return "\n".join(f"{k}={v}" for k, v in plain.items())
    return json.dumps(plain, ensure_ascii=False, indent=2) if isinstance(plain, list | dict) else str(plain)


def with_problems(found: Sequence[Control], problems: Sequence[Problem]) -> list[Control]:
    """Hang each problem to the control that it is about."""
    return [c._replace(problems=tuple(p for p in problems if control_of(p) == c.name)) for c in found]


def control_of(problem: Problem) -> str:
    """Name of the control behind a problem: `/spec/tags/0` is about `spec.tags`."""
    parts = problem.pointer.removeprefix("/").split("/")
    return ".".join(parts[:2]) if parts[0] in {"spec", "args"} else parts[0]


def worded(problem: Problem, info: FieldInfo | None) -> T:
    """Say how to mend a problem; a wrong type by what the field takes, not by what a program would call it."""
    if info is not None and problem.code == "TYPE":
        wanted, unit = TYPE_NAMES[info.shape], f" {info.f.unit}" if info.f.unit else ""
        like = T("", "") if info.f.example is None else T(f"，例如 {info.f.example}", f", such as {info.f.example}")
        return T(f"“{info.title.zh}”填{wanted.zh}{unit}{like.zh}", f"{info.title.en} takes {wanted.en}{unit}{like.en}")
    mend = problem.mend
    return T(f"{problem.text.zh}；{mend.zh}", f"{problem.text.en}. {mend.en}") if mend else problem.text


_ABSENT = object()


def _value(info: FieldInfo, texts: Sequence[str]) -> Any:
    """Value of one field, `_ABSENT` where the form says nothing of it."""
    if info.shape == "bool":
        return "true" in texts
    if _is_checks(info):
        return list(texts)
    text = texts[-1] if texts else ""
    if not text.strip():
        return _nothing(info, asked=bool(texts))
    return _read_one(info, text)


def _nothing(info: FieldInfo, *, asked: bool) -> Any:
    """An emptied field means its default, or its emptiest value."""
    if not asked or info.required:
        return _ABSENT
    if info.nullable:
        return None
    return {"str": "", "list": [], "map": {}}.get(info.shape, msgspec.to_builtins(info.default))


def _read_one(info: FieldInfo, text: str) -> Any:
    if info.shape == "int":
        with contextlib.suppress(ValueError):
            return int(text.replace(",", "").replace(" ", ""))
    elif info.shape == "datetime":
        with contextlib.suppress(ValueError):
            at = datetime.datetime.fromisoformat(text)
            return (at if at.tzinfo else at.replace(tzinfo=ZONE)).isoformat()
    elif _is_lines(info):
        assert info.item is not None
        return [_read_one(info.item, line.strip()) for line in text.splitlines() if line.strip()]
    elif _is_pairs(info):
        return read_pairs(text)
    elif info.shape in {"list", "map", "struct"}:
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(text)
    return text if info.shape == "str" and _is_long(info) else text.strip()


def _widget(info: FieldInfo, choices: Sequence[Choice]) -> str:
    if _is_checks(info):
        return "checks"
    if choices:
        return "radio" if len(choices) <= RADIO_MAX and not info.f.ref and not info.nullable else "select"
    if info.shape == "str":
        return "text" if not _is_long(info) else "area"
    plain = {"int": "number", "bool": "flag", "datetime": "datetime", "date": "date"}
    return plain.get(info.shape) or ("lines" if _is_lines(info) else "pairs" if _is_pairs(info) else "json")


def _width(info: FieldInfo, widget: str) -> str:
    """Width tells the expected length."""
    if widget in {"number", "date", "datetime"} or (widget == "text" and info.f.max_length <= SHORT_TEXT):
        return "short"
    return "wide" if widget in {"area", "lines", "pairs", "json"} else "medium"


def _choices(info: FieldInfo) -> tuple[Choice, ...]:
    of = info.item if info.shape == "list" and info.item else info
    return tuple(Choice(c, of.f.choices.get(c) or info.f.choices.get(c) or T(c, c)) for c in of.choices)


def _is_long(info: FieldInfo) -> bool:
    return LONG_TEXT < info.f.max_length != TEXT_LENGTH_MAX


def _is_checks(info: FieldInfo) -> bool:
    return info.shape == "list" and info.item is not None and info.item.shape == "enum"


def _is_lines(info: FieldInfo) -> bool:
    return info.shape == "list" and info.item is not None and info.item.shape in {"str", "int", "datetime", "date"}


def _is_pairs(info: FieldInfo) -> bool:
    return info.shape == "map" and info.item is not None and info.item.shape == "str"
