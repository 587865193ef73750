"""Tables for people: columns as wide as the terminal allows, numbers on the right, states in colour (and in words)."""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from cloudhall.cli.catalogue import Field
from cloudhall.cli.values import at, shown
from cloudhall.cli.width import cut, pad, width

NARROWEST = 8
GAP = "  "
BOLD = "1"
COLOURS = {"ready": "32", "working": "33", "attention": "33", "failed": "31", "deleting": "2", "binned": "2"}
Wire = dict[str, Any]


class Column(NamedTuple):
    """One column: head, path into each row, and how its values are shown. `number` puts it on the right.

    A `spare` one is there only where the terminal has room for it.
    """

    title: str
    path: str
    field: Field | None = None
    number: bool = False
    spare: bool = False

    @property
    def right(self) -> bool:
        """Whether it holds numbers."""
        return self.number or (self.field is not None and self.field["shape"] == "int")


def table(columns: Sequence[Column], rows: Sequence[Wire], indent: str = "") -> list[str]:
    """Head line and rows; the last column is left out where it is the one too many and `spare`."""
    cells = [[shown(at(row, c.path), c.field) for c in columns] for row in rows]
    heads = [c.title for c in columns]
    room = shutil.get_terminal_size().columns - len(indent) - len(GAP) * (len(columns) - 1)
    wanted = [max(map(width, column)) for column in zip(heads, *cells, strict=True)]
    if columns[-1].spare and sum(wanted) > room:
        return table(columns[:-1], rows, indent)
    widths = fitted(wanted, room)
    head = [coloured(text, BOLD) for text in _filled(heads, columns, widths)]
    lines = [
        _state_coloured(_filled(line, columns, widths), columns, row) for line, row in zip(cells, rows, strict=True)
    ]
    return [(indent + GAP.join(line)).rstrip() for line in (head, *lines)]


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """Take columns from the widest until the sum fits, from the first, which is the name, when no other has any left.

    Nothing becomes narrower than `NARROWEST`.
    """
    first, rest = widths[0], list(widths[1:])
    while first + sum(rest) > room and max(rest, default=0) > NARROWEST:
        rest[rest.index(max(rest))] -= 1
    return [max(min(first, room - sum(rest)), min(first, NARROWEST)), *rest]


def coloured(text: str, code: str) -> str:
    """Colour a text on a terminal, unless colours are not wanted (no-color.org)."""
    plain = not code or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"


def _filled(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> list[str]:
    return [pad(cut(text, w), w, right=c.right) for text, c, w in zip(cells, columns, widths, strict=True)]


def _state_coloured(cells: Sequence[str], columns: Sequence[Column], row: Wire) -> list[str]:
    code = COLOURS.get(str(row.get("state")), "")
    return [coloured(text, code if c.path == "state" else "") for text, c in zip(cells, columns, strict=True)]
