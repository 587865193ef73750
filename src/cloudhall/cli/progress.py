"""How far long work on bytes is, step by step; how many there will be, nobody knows."""

from cloudhall.cli.line import Line
from cloudhall.cli.values import size
from cloudhall.kernel.text import T
from cloudhall.sdk.language import language


class Progress(Line):
    """Told of a step and of bytes done in it."""

    def __init__(self) -> None:
        """No step yet."""
        super().__init__()
        self._step: T | None = None
        self._bytes = 0

    def __call__(self, step: T, done: int) -> None:
        """Add `done` bytes to a step; another step begins at 0."""
        self._bytes = done + (self._bytes if step == self._step else 0)
        self._step = step
        self.show(f"{step.in_(language())}  {size(self._bytes)}")
