"""Commands: every command of the command line with its arguments and options, in both languages.

Each language is asked for in a process of its own, because a run of the command line speaks one language throughout.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

from cloudhall.cli import errors, topics
from cloudhall.cli.declared import catalogue_of
from cloudhall.cli.main import BUILT_IN, Root
from cloudhall.cli.parts import Argument, Command, Option
from cloudhall.installation import build_registry
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from cloudhall.sdk.language import Language, say
from reference_pages.markdown import both, code, heading, join, page, section, table

TITLE = T("命令", "Commands")
ABOUT = T(
    "名词在前，动词在后；每个种类有同样的动词。`cloudhall 命令 --help` 显示同样的内容。",
    "Noun, then verb; every kind has the same verbs. `cloudhall COMMAND --help` shows the same.",
)
EXITS, COMMON = T("退出码", "Exit codes"), T("通用选项", "Common options")
SCRIPTS = Path(__file__).parents[1]


class Parameter(NamedTuple):
    """An argument or option: how it is typed, what it means, and whether many commands share it."""

    left: str
    right: str
    common: bool


class Help(NamedTuple):
    """What a command's help says in one language."""

    path: str
    text: str
    usage: str
    examples: list[str]
    parameters: list[Parameter]


class Pair(NamedTuple):
    """The same command in both."""

    zh: Help
    en: Help


def render(_registry: Registry) -> str:
    """Render the page."""
    pairs = [Pair(*helps) for helps in zip(_asked("zh"), _asked("en"), strict=True)]
    exits = [(str(number), both(T(*text))) for number, text in topics.CODES.items()]
    return page(
        TITLE,
        ABOUT,
        section(2, both(EXITS), table(("", ""), [*exits, (str(errors.INTERRUPTED), "Ctrl-C")])),
        section(2, both(COMMON), table(("", ""), dict(r for p in pairs for r in _rows(p, common=True)).items())),
        *map(_command, pairs),
    )


def helps(registry: Registry) -> list[Help]:
    """Every command that does something, in the order of the help, in the language of this process."""
    known = catalogue_of(registry, "", frozenset(BUILT_IN))
    return list(_walk(Root(lambda: known), click.Context(click.Command("cloudhall"), info_name="cloudhall")))


def _asked(lang: Language) -> Iterator[Help]:
    environ = {**os.environ, "CLOUDHALL_LANG": lang, "PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-m", "reference_pages.commands"]
    told = subprocess.run(command, env=environ, capture_output=True, check=True).stdout
    for path, text, usage, examples, parameters in json.loads(told):
        yield Help(path, text, usage, examples, [Parameter(*p) for p in parameters])


def _walk(group: click.Group, ctx: click.Context) -> Iterator[Help]:
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None, name
        below = click.Context(command, info_name=name, parent=ctx)
        yield from _walk(command, below) if isinstance(command, click.Group) else [_help(command, below)]


def _help(command: click.Command, ctx: click.Context) -> Help:
    assert isinstance(command, Command), ctx.command_path
    arguments = [p for p in command.params if isinstance(p, Argument)]
    options = [p for p in command.params if isinstance(p, Option)]
    usage = " ".join([ctx.command_path, *(a.make_metavar(ctx) for a in arguments)])
    parameters = [Parameter(*a.row(ctx), common=False) for a in arguments]
    parameters += [Parameter(*o.row(ctx), o.common) for o in options]
    return Help(ctx.command_path, say(command.text), usage, list(command.examples), parameters)


def _command(pair: Pair) -> str:
    examples = "".join(f"cloudhall {line}\n" for line in pair.en.examples)
    return join(
        [
            heading(2, pair.en.path),
            f"{both(T(pair.zh.text, pair.en.text))}\n",
            f"```sh\n{examples}```\n" if examples else "",
            table((code(pair.en.usage), ""), _rows(pair, common=False)),
        ]
    )


def _rows(pair: Pair, *, common: bool) -> Iterable[tuple[str, str]]:
    for zh, en in zip(pair.zh.parameters, pair.en.parameters, strict=True):
        if en.common == common:
            yield code(en.left), both(T(zh.right, en.right))


if __name__ == "__main__":
    print(json.dumps(helps(build_registry())))
