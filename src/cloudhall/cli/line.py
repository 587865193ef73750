"""One line on a terminal that rewrites itself while work goes on; in a pipe, nothing."""

import shutil
import sys
import time
from types import TracebackType
from typing import Self

from cloudhall.cli.values import printable
from cloudhall.cli.width import cut, width

EVERY_S = 0.1
BAR_COLUMNS = 20


class Line:
    """Shows the last thing that it was told, at most ten times a second; the line goes when the block ends."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._on_terminal = sys.stderr.isatty()
        self._at, self._width = 0.0, 0

    def show(self, text: str) -> None:
        """Show a text in place of the one before."""
        if self._on_terminal and time.monotonic() - self._at >= EVERY_S:
            self._at = time.monotonic()
            self._write(cut(printable(text), shutil.get_terminal_size().columns - 1))

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing behind."""
        if self._width:
            self._write("")

    def _write(self, text: str) -> None:
        print(f"\r{text}{' ' * (self._width - width(text))}\r{text}", end="", file=sys.stderr, flush=True)
        self._width = width(text)


def bar(done: int, total: int | None) -> str:
    """How far something is: a bar and both numbers; the number alone where nobody knows the total."""
    if not total:
        return f"{done:,}"
    filled = min(done * BAR_COLUMNS // total, BAR_COLUMNS)
    return f"{'█' * filled}{'░' * (BAR_COLUMNS - filled)} {done:,}/{total:,}"
