"""A finding: what was looked at, how it stands, and what to do where it is not well."""

from enum import StrEnum
from typing import NamedTuple

from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.text import T


class State(StrEnum):
    """`note` will become wrong if nothing is done, or is unusual; `wrong` has to be mended now."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


class Finding(NamedTuple):
    """`code` is stable, for programs; `remedy` is None where nothing needs doing.

    `since_us` is 0 where nobody has written down since when it has been so.
    """

    code: str
    about: T
    detail: T
    state: State = State.OK
    remedy: T | None = None
    since_us: int = 0


def refused(code: str, about: T, error: CloudhallError) -> Finding:
    """What the server would say of it."""
    return Finding(code, about, error.text, State.WRONG, error.how)
