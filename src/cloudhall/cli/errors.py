"""What can end a command, each with the exit code that scripts rely on (`cloudhall help exit-codes`)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from cloudhall.cli.language import Text

OK, FAILED, USAGE, NOT_READY, LOG_IN, FORBIDDEN, NOT_FOUND, CONFLICT = range(8)
INTERRUPTED = 130  # as shells say of a program that was stopped by Ctrl-C
BY_STATUS = {400: USAGE, 401: LOG_IN, 403: FORBIDDEN, 404: NOT_FOUND, 409: CONFLICT, 412: CONFLICT}


class Failure(Exception):
    """Root of what the command line itself says went wrong: what, and what to do about it."""

    exit_code: ClassVar[int] = FAILED

    def __init__(self, text: Text, mend: Text | None = None) -> None:
        """Both in both languages."""
        super().__init__(text)
        self.text, self.mend = text, mend


class Misuse(Failure):
    """The command makes no sense as it was typed."""

    exit_code = USAGE


class NotReady(Failure):
    """What was waited for did not happen in time."""

    exit_code = NOT_READY


class Unreachable(Failure):
    """No server answered. A change may have been made; sent again under the same key it is made once."""


class Refused(Exception):
    """The server answered with a problem (RFC 9457), in the language that was asked for."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        """`status` is the HTTP status, `body` the problem."""
        super().__init__(f"{status} {body.get('code', '')}: {body.get('detail', '')}")
        self.status, self.body = status, body

    @property
    def exit_code(self) -> int:
        """Exit code for this status."""
        return BY_STATUS.get(self.status, FAILED)
