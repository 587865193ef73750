"""How far long work is: one line on a terminal that rewrites itself; in a pipe, nothing."""

import sys
import time
from types import TracebackType
from typing import Self

from cloudhall.cli.language import language
from cloudhall.cli.values import size
from cloudhall.cli.width import width
from cloudhall.kernel.text import T

EVERY_S = 0.1


class Progress:
    """Told of a step and of bytes done in it; the line goes when the block ends."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._step: T | None = None
        self._bytes, self._at, self._width = 0, 0.0, 0

    def __call__(self, step: T, done: int) -> None:
        """Add `done` bytes to a step; another step begins at 0."""
        self._bytes = done + (self._bytes if step == self._step else 0)
        self._step = step
        if self._shown and time.monotonic() - self._at >= EVERY_S:
            self._at = time.monotonic()
            self._show(f"{step.in_(language())}  {size(self._bytes)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._width:
            self._show("")

    def _show(self, text: str) -> None:
        print(f"\r{text}{' ' * (self._width - width(text))}\r{text}", end="", file=sys.stderr, flush=True)
        self._width = width(text)
