"""Exit codes that scripts rely on (`cloudhall help exit-codes`), and the error that each belongs to."""

from collections.abc import Mapping

import click

from cloudhall.sdk.errors import Failure, Misuse, NotReady, Refused

OK, FAILED, USAGE, NOT_READY, LOG_IN, FORBIDDEN, NOT_FOUND, CONFLICT = range(8)
INTERRUPTED = 130  # as shells say of a program that was stopped by Ctrl-C
BY_STATUS: Mapping[int, int] = {
    400: USAGE,
    401: LOG_IN,
    403: FORBIDDEN,
    404: NOT_FOUND,
    409: CONFLICT,
    412: CONFLICT,
}


def exit_code_of(error: Exception) -> int:
    """Exit code that an error ends the command with."""
    match error:
        case Refused():
            return BY_STATUS.get(error.status, FAILED)
        case Misuse():
            return USAGE
        case NotReady():
            return NOT_READY
        case click.ClickException():
            return error.exit_code
    assert isinstance(error, Failure), error
    return FAILED
