"""Text in both languages, at the place where it is said.

Titles, help and messages are `T(zh, en)`; templates alone use the catalogues in `locale/`.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


class T(msgspec.Struct, frozen=True):
    """One text, Chinese first; on the wire `{"zh": …, "en": …}`. `.format()` fills both; `.in_(language)` picks one."""

    zh: str
    en: str

    def __iter__(self) -> Iterator[str]:
        """Chinese, then English."""
        return iter((self.zh, self.en))

    def both(self) -> dict[str, str]:
        """Return the text as it goes on the wire."""
        return {"zh": self.zh, "en": self.en}

    def in_(self, language: Language) -> str:
        """Return the text in one language."""
        return self.zh if language == "zh" else self.en

    def format(self, **values: object) -> "T":
        """Fill the same named values into both languages."""
        return T(self.zh.format(**values), self.en.format(**values))
