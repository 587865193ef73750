"""`placement`: replay, explain and plan of the placement library, on this machine and without a server.

What the commands are is declared by the library; here they become commands with help in both languages.
"""

import sys
from functools import partial
from typing import Any, Self

import click

from cloudhall.cli.errors import OK
from cloudhall.cli.here import told
from cloudhall.cli.output import note, print_json, print_lines
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.typed import OneOf, Whole
from cloudhall.domains.compute.placement.commands import VERBS, Flag, Verb
from cloudhall.kernel import text as kernel
from cloudhall.sdk.language import T, language

JSON = T("输出 JSON", "Print JSON")


def _run(verb: Verb, **given: Any) -> int:
    as_json = given.pop("json")
    with told(), _Percent() as progress:
        answer = verb.run(given, language(), progress)
    if as_json:
        print_json(answer.data)
    else:
        print_lines(answer.lines)
    for remark in answer.remarks:
        note(_both(remark))
    return OK


class _Percent:
    """How far a replay is: one number on a terminal that rewrites itself; in a pipe, nothing."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._shown, self._percent = sys.stderr.isatty(), -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._percent >= 0:
            print("\r     \r", end="", file=sys.stderr, flush=True)

    def __call__(self, done: int, of: int) -> None:
        percent = 100 * done // max(of, 1)
        if self._shown and percent != self._percent:
            self._percent = percent
            print(f"\r{percent:>3} %", end="", file=sys.stderr, flush=True)


def _both(text: kernel.T) -> T:
    return T(text.zh, text.en)


def _option(flag: Flag) -> Option:
    text = _both(flag.text)
    if flag.kind == "switch":
        return Option(f"--{flag.name}", text=text, is_flag=True)
    if flag.default is not None:
        text = T(f"{text.zh}（默认 {flag.default}）", f"{text.en} (default {flag.default})")
    kinds: dict[str, click.ParamType[Any]] = {
        "number": Whole(),
        "word": click.STRING,
        "folder": click.Path(),
        "file": click.Path(),
    }
    return Option(
        f"--{flag.name}",
        text=text,
        type=kinds[flag.kind],
        default=flag.default,
        required=flag.required,
        metavar=flag.metavar or None,
    )


def _command(verb: Verb) -> Command:
    params: list[click.Parameter] = [_option(flag) for flag in verb.flags]
    if verb.words:
        zh = "；".join(f"{word}：{text.zh}" for word, text in verb.words.items())
        en = "; ".join(f"{word}: {text.en}" for word, text in verb.words.items())
        words = tuple(verb.words)
        params.insert(0, Argument("kind", text=T(zh, en), type=OneOf(words), metavar="|".join(words)))
    params.append(Option("--json", text=JSON, is_flag=True, common=True))
    examples = [f"placement {example}" for example in verb.examples]
    return Command(verb.name, partial(_run, verb), _both(verb.text), examples=examples, params=params)


PLACEMENT = Group(
    "placement",
    T(
        "在虚拟时间里试放置：重放轨迹，解释拒绝，提出迁移方案。不需要服务器。",
        "Try placement in virtual time: replay a trace, explain a refusal, plan moves. Needs no server.",
    ),
    {verb.name: partial(_command, verb) for verb in VERBS},
)
