"""`--watch`: a list or a resource as it changes, from the event stream; Ctrl-C ends it.

A terminal shows it anew in place. A pipe gets what there is, then a line for each resource that has changed since, and
JSON one object a line. Cost: one request for each change that is seen, at most two a second.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from cloudhall.cli.app import App
from cloudhall.cli.catalogue import Noun
from cloudhall.cli.output import Output, note, picked, print_lines
from cloudhall.sdk.errors import NotFound
from cloudhall.sdk.language import T, say

PAUSE_S = 0.5
GONE, STOP = T("{} 已不在", "{} is gone"), T("Ctrl-C 结束", "Ctrl-C ends this")
MORE = T("… 还有 {} 行", "… {} more lines")
Wire = dict[str, Any]


class Look(NamedTuple):
    """What was seen, and up to which revision of the log it is current."""

    items: list[Wire]
    revision: int


def watch(
    app: App,
    noun: Noun,
    query: Mapping[str, str],
    look: Callable[[], Look],
    lines: Callable[[list[Wire]], list[str]],
    output: Output,
) -> None:
    """Show what `look` sees, and again after each event of the kind that `query` lets through.

    Ends where a resource that was looked for by name is gone.
    """
    looks = _looks(app, noun, query, look)
    if sys.stdout.isatty() and output.style == "table":
        _in_place(looks, lines)
    else:
        _line_by_line(looks, lines, output)


def _looks(app: App, noun: Noun, query: Mapping[str, str], look: Callable[[], Look]) -> Iterator[Look]:
    seen = look()
    yield seen
    for event in app.client.watch({"kind": noun["kind"], "after": str(seen.revision), **query}):
        if event["revision"] <= seen.revision:
            continue
        try:
            seen = look()
        except NotFound:
            note(say(GONE, event["name"]))
            return
        yield seen
        time.sleep(PAUSE_S)  # what happens meanwhile is told together


def _in_place(looks: Iterator[Look], lines: Callable[[list[Wire]], list[str]]) -> None:
    height = 0
    for seen in looks:
        shown = _fitting(lines(seen.items))
        above = f"\x1b[{height}F\x1b[J" if height else ""
        print(above + "\n".join([*shown, say(STOP)]), flush=True)
        height = len(shown) + 1


def _fitting(lines: list[str]) -> list[str]:
    """As many lines as the terminal has, since what has scrolled away cannot be written over."""
    room = shutil.get_terminal_size().lines - 3
    return lines if len(lines) <= room else [*lines[: room - 1], say(MORE, len(lines) - room + 1)]


def _line_by_line(looks: Iterator[Look], lines: Callable[[list[Wire]], list[str]], output: Output) -> None:
    known: dict[str, Wire] = {}
    for seen in looks:
        now = {item["id"]: item for item in seen.items}
        changed = [item for id_, item in now.items() if known.get(id_) != item]
        if output.style == "json":
            print_lines(json.dumps(picked(item, output.paths), ensure_ascii=False) for item in changed)
        else:
            print_lines(lines(changed))
        sys.stdout.flush()
        for id_ in known.keys() - now.keys():
            note(say(GONE, known[id_]["name"]))
        known = now
