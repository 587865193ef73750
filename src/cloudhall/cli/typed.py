"""Types of options: what is typed, read into what is sent, with complaints in both languages."""

import datetime
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from cloudhall.sdk.language import T, say

STEPS = {"m": "minutes", "h": "hours", "d": "days"}
NO_NUMBER = T("“{}”不是整数", "{!r} is not a whole number")
NO_CHOICE = T("没有“{}”；可选 {}", "{!r} is none of {}")
NO_JSON = T("读不成 JSON：{}", "cannot be read as JSON: {}")
NO_PAIR = T("“{}”应写作 键=值", "{!r} must be KEY=VALUE")
NO_TIME = T("“{}”不是时间；例如 2026-12-31T18:00、12h、30d", "{!r} is no time such as 2026-12-31T18:00, 12h or 30d")
Param = click.Parameter | None
Context = click.Context | None


class Whole(click.ParamType[int]):
    """A whole number."""

    name = "integer"

    def convert(self, value: Any, param: Param, ctx: Context) -> int:
        """Read it."""
        try:
            return int(value)
        except ValueError:
            self.fail(say(NO_NUMBER, value), param, ctx)


class OneOf(click.ParamType[str]):
    """One of a few words."""

    name = "choice"

    def __init__(self, words: Sequence[str]) -> None:
        """`words` in the order in which they are offered."""
        self.words = words

    def convert(self, value: Any, param: Param, ctx: Context) -> str:
        """Take the word as it is written."""
        if value not in self.words:
            self.fail(say(NO_CHOICE, value, ", ".join(self.words)), param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the words."""
        del ctx, param
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


class Json(click.ParamType[Any]):
    """JSON as typed, from a file (`@path`) or from standard input (`@-`)."""

    name = "json"

    def convert(self, value: Any, param: Param, ctx: Context) -> Any:
        """Read it."""
        try:
            return json.loads(_text_of(value[1:]) if value.startswith("@") else value)
        except (OSError, ValueError) as error:
            self.fail(say(NO_JSON, error), param, ctx)


class Pair(click.ParamType[tuple[str, str]]):
    """KEY=VALUE."""

    name = "pair"

    def convert(self, value: Any, param: Param, ctx: Context) -> tuple[str, str]:
        """Split at the first `=`."""
        key, equals, text = value.partition("=")
        if not (key and equals):
            self.fail(say(NO_PAIR, value), param, ctx)
        return key, text


class Selector(click.ParamType[str]):
    """KEY=VALUE, or KEY for whatever it says."""

    name = "selector"

    def convert(self, value: Any, param: Param, ctx: Context) -> str:
        """Write it as lists are asked."""
        key, equals, text = str(value).partition("=")
        if not key:
            self.fail(say(NO_PAIR, value), param, ctx)
        return f"{key}:{text}" if equals else key


class Moment(click.ParamType[str]):
    """A time: RFC 3339, a local time without zone, or a span from now on (`12h`, `30d`) or, negative, until now."""

    name = "time"

    def convert(self, value: Any, param: Param, ctx: Context) -> str:
        """Write it with its zone, as the server wants it."""
        span = re.fullmatch(r"(-?\d{1,5})([mhd])", value)
        try:
            if span:
                ahead = datetime.timedelta(**{STEPS[span[2]]: int(span[1])})
                return (datetime.datetime.now(datetime.UTC) + ahead).isoformat(timespec="seconds")
            return datetime.datetime.fromisoformat(value).astimezone().isoformat()
        except (ValueError, OverflowError):
            self.fail(say(NO_TIME, value), param, ctx)


class Span(click.ParamType[float]):
    """A duration such as `30s` or `5m`, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: Param, ctx: Context) -> float:
        """Read it."""
        span = re.fullmatch(r"(\d{1,6})(s|m|h)?", str(value))
        if not span:
            self.fail(say(T("“{}”不是时长；例如 30s、5m", "{!r} is no duration such as 30s or 5m"), value), param, ctx)
        return float(span[1]) * {"s": 1, "m": 60, "h": 3600}[span[2] or "s"]


def _text_of(path: str) -> str:
    return sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
