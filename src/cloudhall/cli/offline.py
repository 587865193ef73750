"""Checking a proof file without any server."""

import click

from cloudhall.cli.parts import Argument, Command
from cloudhall.sdk.language import T


def verify(*, words: tuple[str, ...]) -> int:
    """Hand everything to the verifier, which stands alone; its exit code is ours."""
    from cloudhall.verify import main

    return main(words)


VERIFY = Command(
    "verify",
    verify,
    T("离线核验审计证明文件。", "Check a proof file of the audit log, offline."),
    params=[Argument("words", text=T("见 verify --help", "See verify --help"), nargs=-1, type=click.UNPROCESSED)],
    context_settings={"ignore_unknown_options": True},
    add_help_option=False,
)
