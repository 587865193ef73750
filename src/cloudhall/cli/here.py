"""What commands share that work on the data folder itself, on its machine, without a log-in."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from cloudhall.cli.run import default_home
from cloudhall.kernel.errors import CloudhallError
from cloudhall.sdk.errors import refusal
from cloudhall.sdk.language import language


def folder_of(home: Path | None) -> Path:
    """Folder of the data: as named, else the usual one."""
    return (home or default_home()).absolute()


def quiet() -> None:
    """Let an engine that is started for a moment tell of errors alone: its warnings are for who keeps it running."""
    logging.getLogger("cloudhall").setLevel(logging.ERROR)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Tell an error of the kernel as the server would."""
    try:
        yield
    except CloudhallError as error:
        from cloudhall.api.problems import problem_of

        raise refusal(error.status, problem_of(error, language(), "")) from error
