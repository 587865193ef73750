"""Commands, options and help pages in both languages, on Click.

Click parses; what it would say in English alone is said here: help (examples first, wrapped by columns, so that Chinese
lines stay within the terminal) and errors of use (`report.py`). Texts are kept as pairs and picked when printed.
"""

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import click

from cloudhall.cli.width import pad, width, wrap
from cloudhall.sdk.language import T, Text, say

WIDTH_MAX = 100
LEFT_MAX = 32
EXAMPLES, ARGUMENTS, OPTIONS = T("示例", "Examples"), T("参数", "Arguments"), T("选项", "Options")
COMMON, COMMANDS, USAGE = T("通用选项", "Common options"), T("命令", "Commands"), T("用法", "Usage")
HELP = T("显示本说明", "Show this help")
EVERY = "*"


class Row(NamedTuple):
    """A term and what it means."""

    left: str
    right: str


class Option(click.Option):
    """An option that explains itself in both languages; `common` ones stand last in the help."""

    def __init__(self, *names: str, text: Text, common: bool = False, **rules: Any) -> None:
        """`names` and `rules` as Click takes them."""
        super().__init__(list(names), **rules)
        self.text, self.common = text, common

    def row(self, ctx: click.Context) -> Row:
        """Names and metavar, and the explanation."""
        names = ", ".join(sorted(self.opts, key=len))
        value = "" if self.is_flag else f" {self.make_metavar(ctx)}"
        return Row(" / ".join([names + value, *self.secondary_opts]), say(self.text))


class Argument(click.Argument):
    """A positional argument that explains itself in both languages."""

    def __init__(self, name: str, *, text: Text, **rules: Any) -> None:
        """`rules` as Click takes them."""
        super().__init__([name], **rules)
        self.text = text

    def row(self, ctx: click.Context) -> Row:
        """Name as in the usage line, and the explanation."""
        return Row(self.make_metavar(ctx), say(self.text))


class Command(click.Command):
    """A command with a sentence, examples and options in both languages."""

    def __init__(
        self,
        name: str,
        run: Callable[..., Any],
        text: Text,
        *,
        examples: Sequence[str] = (),
        json_words: Collection[str] = (),
        **more: Any,
    ) -> None:
        """`run` gets the parameters by name; `json_words` are the fields that may stand behind `--json`."""
        super().__init__(name, callback=run, options_metavar=None, **more)
        self.text, self.examples, self.json_words = text, examples, json_words

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let `--json` stand alone before an argument: it takes the next word only if that names fields."""
        return super().parse_args(ctx, list(_with_json_closed(args, self.json_words)) if self.json_words else args)

    def get_short_help_str(self, limit: int = 45) -> str:
        """What completion shows beside the name."""
        del limit
        return say(self.text)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples first, then usage, arguments and options."""
        options = [p for p in self.params if isinstance(p, Option)]
        arguments = [p.row(ctx) for p in self.params if isinstance(p, Argument)]
        usage = [ctx.command_path, *(p.make_metavar(ctx) for p in self.params if isinstance(p, Argument))]
        formatter.write(
            page(
                say(self.text),
                {
                    say(EXAMPLES): [Row(f"{ctx.find_root().info_name} {example}", "") for example in self.examples],
                    say(USAGE): [Row(" ".join([*usage, say(T("[选项]", "[options]"))]), "")],
                    say(ARGUMENTS): arguments,
                    say(OPTIONS): [o.row(ctx) for o in options if not o.common],
                    say(COMMON): [*(o.row(ctx) for o in options if o.common), Row("--help", say(HELP))],
                },
            )
        )


class Group(click.Group):
    """A group whose commands are made when they are asked for."""

    def __init__(self, name: str, text: Text, make: Mapping[str, Callable[[], click.Command]]) -> None:
        """`make` holds a maker for each command, in the order of the help."""
        super().__init__(name, options_metavar=None)
        self.text, self.make = text, make

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of the help."""
        del ctx
        return list(self.make)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command, if there is one of that name."""
        del ctx
        return self.make[cmd_name]() if cmd_name in self.make else None

    def get_short_help_str(self, limit: int = 45) -> str:
        """What completion shows beside the name."""
        del limit
        return say(self.text)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none."""
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a command."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [Row(name, say(c.text)) for name, c in commands if isinstance(c, Command | Group)]
        formatter.write(page(say(self.text), {say(COMMANDS): rows}))


def _with_json_closed(args: Sequence[str], words: Collection[str]) -> Iterator[str]:
    rest = iter(args)
    for arg in rest:
        follower = next(rest, None) if arg == "--json" else None
        if follower is not None and all(word in words for word in follower.split(",")):
            yield f"--json={follower}"
        elif arg == "--json":
            yield f"--json={EVERY}"
            yield from [follower] if follower is not None else []
        else:
            yield arg


def page(head: str, sections: Mapping[str, Iterable[Row]]) -> str:
    """Lay out a help page: what it is, then each section that has rows."""
    columns = min(shutil.get_terminal_size().columns, WIDTH_MAX)
    blocks = ["\n".join(wrap(head, columns))] if head else []
    for title, rows in sections.items():
        if lines := definitions(list(rows), columns):
            blocks.append("\n".join([title, *lines]))
    return "\n\n".join(blocks)


def definitions(rows: Sequence[Row], columns: int) -> list[str]:
    """Terms on the left, meanings on the right, wrapped; a long term has its line to itself."""
    most = min(LEFT_MAX, columns // 2)
    left = max((w for row in rows if (w := width(row.left)) <= most), default=0)
    lines = []
    for row in rows:
        meaning = wrap(row.right, columns - left - 4)
        beside = meaning.pop(0) if width(row.left) <= left else ""
        lines.append(f"  {pad(row.left, left)}  {beside}".rstrip())
        lines += [" " * (left + 4) + line for line in meaning if line]
    return lines
