"""Columns of a terminal: a Chinese character takes two, a combining mark none.

Ambiguous characters (`…`, `“`, `×`) count one column, as terminals do unless told otherwise (UAX #11).
"""

import re
import unicodedata

ELLIPSIS = "…"
OPENING, CLOSING = "（《“「【", "，。、；：！？）》”」】…"
# A Latin word or one wide character, together with the punctuation that must not be parted from it.
_PIECE = re.compile(rf"[ \t]+|\n|[{OPENING}]*(?:[!-~]+|[^\s{OPENING}])[{CLOSING}]*|[{OPENING}]+")


def width(text: str) -> int:
    """Columns that a text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Fill with spaces up to a number of columns, on the left where `right` aligns it."""
    space = " " * (columns - width(text))
    return space + text if right else text + space


def cut(text: str, columns: int) -> str:
    """Shorten to at most a number of columns, with an ellipsis where something is gone."""
    if width(text) <= columns:
        return text
    kept, room = "", columns - width(ELLIPSIS)
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return kept + ELLIPSIS


def wrap(text: str, columns: int) -> list[str]:
    """Break into lines of at most a number of columns, at spaces and between Chinese characters; line ends stay."""
    lines = [""]
    for piece in _PIECE.findall(text):
        if piece == "\n":
            lines.append("")
        elif piece.isspace():
            lines[-1] += " " * bool(lines[-1])
        elif lines[-1] and width(lines[-1] + piece) > columns:
            lines.append(piece)
        else:
            lines[-1] += piece
    return [line.rstrip() for line in lines]


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf", "Cc"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
