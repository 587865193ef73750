"""Which language this run of the command line speaks, and texts in both.

Texts look as on the wire, `{"zh": …, "en": …}`. The kernel's own `T` is not used here: it would bring msgspec, and the
client must stand on the standard library alone.
"""

import os
from collections.abc import Mapping
from typing import Literal, NamedTuple

Language = Literal["zh", "en"]
VARIABLES = ("CLOUDHALL_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


class T(NamedTuple):
    """One text, Chinese first."""

    zh: str
    en: str


Text = T | Mapping[str, str] | str  # a plain text is in the right language already


def language() -> Language:
    """`zh` for any Chinese locale, else `en`; the first variable that is set decides."""
    locale = next((value for name in VARIABLES if (value := os.environ.get(name))), "")
    return "zh" if locale.lower().startswith("zh") else "en"


def say(text: Text, *values: object) -> str:
    """Pick the language of a text, and fill `values` into its braces."""
    if isinstance(text, T):
        text = text._asdict()
    said = text if isinstance(text, str) else text[language()]
    return said.format(*values) if values else said
