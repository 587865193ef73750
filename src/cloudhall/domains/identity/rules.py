"""Rules of identity, pure: what a real-name level is worth, how it is reached, how long it lasts. Asked as of a day."""

import datetime
from pathlib import Path

from cloudhall.kernel import office
from cloudhall.kernel.rule_files import tables_in
from cloudhall.kernel.rules import Book, Rule

FOLDER = Path(__file__).parent / "data" / "rules"
LEVELS = "identity.real_name_levels"


def levels(at_us: int) -> Rule:
    """Levels in force at a time."""
    day: datetime.date = office.day_of(at_us)
    return Book(tables_in(FOLDER)).at(LEVELS, day)


def rank(level: str, at_us: int) -> int:
    """How much a level is worth; 0 is nobody known."""
    return int(levels(at_us).value["rank"][level])


def days(level: str, at_us: int) -> int:
    """For how many days a verification at a time is good at most."""
    return int(levels(at_us).value["days"][level])


def methods(level: str, at_us: int) -> tuple[str, ...]:
    """Ways that reach a level."""
    wanted = rank(level, at_us)
    return tuple(way for way, reached in levels(at_us).value["reaches"].items() if reached >= wanted)
