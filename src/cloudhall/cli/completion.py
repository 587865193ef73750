"""Completion for shells: the script that asks this program at each Tab."""

import sys

import click
from click.shell_completion import get_completion_class

from cloudhall.cli.parts import Argument, Command
from cloudhall.cli.typed import OneOf
from cloudhall.sdk.language import T

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_CLOUDHALL_COMPLETE"


def completion(*, shell: str) -> None:
    """Print the script."""
    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root()
    script = kind(root.command, {}, "cloudhall", VARIABLE)
    sys.stdout.write(script.source_template % script.source_vars())


COMPLETION = Command(
    "completion",
    completion,
    T("输出 shell 的补全脚本。", "Print the completion script of a shell."),
    examples=[
        'eval "$(cloudhall completion bash)"',
        "completion zsh > ~/.zfunc/_cloudhall",
        "completion fish > ~/.config/fish/completions/cloudhall.fish",
    ],
    params=[Argument("shell", metavar="bash|zsh|fish", text=T("哪种 shell", "Which shell"), type=OneOf(SHELLS))],
)
