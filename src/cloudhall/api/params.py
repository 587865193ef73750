"""Query parameters: declared once, read strictly, documented from the same declaration.

An unknown parameter, a doubled one and a wrong value are problems like any other; all of them are named at once.
"""

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec
from starlette.requests import Request

from cloudhall.api.problems import nearest
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.fields import JSON_SAFE_INTEGER
from cloudhall.kernel.text import LANGUAGES, T
from cloudhall.kernel.wire import to_us

Shape = Literal["text", "int", "bool", "duration", "time", "date", "choice"]
Query = Mapping[str, Any]
_DURATION = re.compile(r"([0-9]{1,6})(ms|s|m)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}
TRUTH = {"true": True, "1": True, "false": False, "0": False}
EXPECTED: Mapping[Shape, T] = {
    "text": T("文字", "text"),
    "int": T("整数", "a whole number"),
    "bool": T("true 或 false", "true or false"),
    "duration": T("时长，例如 30s、500ms、2m", "a duration such as 30s, 500ms or 2m"),
    "time": T(
        "带时区的时间，例如 2026-11-01T00:00:00+08:00", "a time with its zone, such as 2026-11-01T00:00:00+08:00"
    ),
    "date": T("日期，例如 2026-11-01", "a date such as 2026-11-01"),
    "choice": T("所列选项之一", "one of the choices"),
}


class Param(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter, also known by its `alias`; `many` may come several times.

    A duration is read in seconds, a time in microseconds UTC, a date as one.
    """

    name: str
    alias: str = ""
    title: T
    shape: Shape = "text"
    least: int = 0
    most: int = JSON_SAFE_INTEGER
    choices: tuple[str, ...] = ()
    many: bool = False
    required: bool = False
    example: Any = None


LANG = Param(name="lang", title=T("回答所用的语言", "Language of the answer"), shape="choice", choices=LANGUAGES)


def read(request: Request, params: Iterable[Param], found: list[Problem]) -> dict[str, Any]:
    """Read the query into typed values; what is wrong goes to `found`, what is absent is absent."""
    known = {p.name: p for p in (*params, LANG)}
    aliases = {p.alias: p.name for p in known.values()}
    given: dict[str, list[str]] = {}
    if request.scope["query_string"]:
        for name, text in request.query_params.multi_items():
            given.setdefault(aliases.get(name, name), []).append(text)
    found += [_unknown(name, known) for name in given if name not in known]
    found += [_missing(p) for p in known.values() if p.required and p.name not in given]
    return {name: _values(known[name], texts, found) for name, texts in given.items() if name in known}


def wrong(param: Param, text: str) -> Problem:
    """Say what a parameter expects."""
    expected = EXPECTED[param.shape]
    if param.shape == "choice":
        expected = T("、".join(param.choices), ", ".join(param.choices))
    if param.shape == "int":
        expected = T(f"{param.least} 到 {param.most} 的整数", f"a whole number from {param.least} to {param.most}")
    problem = T(f"{param.name} 应为{expected.zh}", f"{param.name} must be {expected.en}")
    return Problem("TYPE", f"?{param.name}", problem, T(f"收到的是“{text}”", f"Got {text!r}"))


def _values(param: Param, texts: list[str], found: list[Problem]) -> Any:
    values = [_value(param, text) for text in texts]
    found += [wrong(param, text) for text, value in zip(texts, values, strict=True) if value is None]
    if len(texts) > 1 and not param.many:
        text = T(f"{param.name} 只能出现一次", f"{param.name} may come once only")
        found.append(Problem("TWICE", f"?{param.name}", text))
    return values if param.many else values[0]


def _value(param: Param, text: str) -> Any:
    """Typed value, or None for what the shape does not allow."""
    match param.shape:
        case "int":
            return int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) and _fits(param, int(text)) else None
        case "bool":
            return TRUTH.get(text)
        case "choice":
            return text if text in param.choices else None
        case "duration":
            return _seconds(param, text)
        case "time":
            return _moment_us(text)
        case "date":
            return _date(text)
    return text


def _fits(param: Param, number: int) -> bool:
    return param.least <= number <= param.most


def _seconds(param: Param, text: str) -> float | None:
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * _UNIT_S[match[2]] if match else None
    return seconds if seconds is not None and seconds <= param.most else None


def _moment_us(text: str) -> int | None:
    try:
        # "+" of an offset reads as a space where a client did not escape it.
        moment = datetime.datetime.fromisoformat(text.replace(" ", "+"))
        return to_us(moment) if moment.tzinfo else None
    except ValueError:
        return None


def _date(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _unknown(name: str, known: Mapping[str, Param]) -> Problem:
    text = T(f"没有名为 {name} 的查询参数", f"There is no query parameter {name}")
    return Problem("UNKNOWN", f"?{name}", text, nearest(name, known))


def _missing(param: Param) -> Problem:
    text = T(
        f"缺少查询参数 {param.name}：{param.title.zh}", f"The query parameter {param.name} is missing: {param.title.en}"
    )
    mend = None if param.example is None else T(f"例如 {param.example}", f"For example {param.example}")
    return Problem("MISSING", f"?{param.name}", text, mend)
