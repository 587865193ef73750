"""What a plan assumes: values with unit, source and mark, and what a person gives instead.

Invariants: a name means one thing in one unit; what is given instead lies within the bounds of the file, says that it
was given, and is never marked as verified.
"""

import datetime
import difflib
import functools
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from cloudhall.kernel.errors import Invalid, Unavailable
from cloudhall.kernel.text import T

FILE = Path(__file__).parent / "assumptions.toml"
GIVEN = T("由你给定", "given by you")
GIVEN_MARK = T("给定", "given")
VERIFIED, UNVERIFIED = T("已核对", "verified"), T("未核对", "unverified")
MEND = T(
    "用 --set 名称=数值，或文件中一行 名称 = 数值；名称见计划末尾的假定",
    "give --set NAME=VALUE, or lines NAME = VALUE in a file; names are those at the end of a plan",
)
Values = Mapping[str, float]


class Assumption(msgspec.Struct, frozen=True):
    """One value. `as_of` is the day of the source; `verified` where the value was compared with its text."""

    name: str
    value: float
    unit: str
    least: float
    most: float
    title: T
    source: T
    as_of: datetime.date
    verified: bool
    given: bool = False

    @property
    def mark(self) -> T:
        """Whether somebody has compared it with its source, or gave it."""
        return GIVEN_MARK if self.given else VERIFIED if self.verified else UNVERIFIED

    def json(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "title": self.title.both(),
            "source": self.source.both(),
            "as_of": self.as_of.isoformat(),
            "verified": self.verified,
            "given": self.given,
        }


class Assumptions:
    """Every assumption of one plan; `a["disk_tb"]` is its value."""

    def __init__(self, rows: Mapping[str, Assumption]) -> None:
        """`rows` by name."""
        self.rows = rows

    def __getitem__(self, name: str) -> float:
        return self.rows[name].value

    def whole(self, name: str) -> int:
        """Value of what is counted."""
        return round(self[name])

    def changed(self, given: Mapping[str, object]) -> "Assumptions":
        """Return these with some values given instead; raises `Invalid` that names every wrong one."""
        if wrong := [text for name, value in given.items() if (text := self._wrong(name, value))]:
            raise Invalid(T("；".join(t.zh for t in wrong), "; ".join(t.en for t in wrong)), mend=MEND)
        day = datetime.datetime.now(datetime.UTC).date()
        new = {
            name: msgspec.structs.replace(
                self.rows[name], value=float(str(value)), source=GIVEN, as_of=day, verified=False, given=True
            )
            for name, value in given.items()
        }
        return Assumptions({**self.rows, **new})

    def _wrong(self, name: str, value: object) -> T | None:
        row = self.rows.get(name)
        if row is None:
            near = difflib.get_close_matches(name, self.rows, 1)
            hint = T(f"，是否指 {near[0]}", f", did you mean {near[0]}") if near else T("", "")
            return T(f"没有假定 {name}{hint.zh}", f"no assumption {name}{hint.en}")
        number = _number(value)
        if number is None or not row.least <= number <= row.most:
            low, high = f"{row.least:g}", f"{row.most:g}"
            return T(
                f"{name} 应为 {low} 到 {high} 的数（{row.unit}），不是 {value}",
                f"{name} is a number from {low} to {high} ({row.unit}), not {value}",
            )
        return None


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@functools.cache
def usual() -> Assumptions:
    """Assumptions of the file that comes with the program."""
    rows = tomllib.loads(FILE.read_text("utf-8"))
    return Assumptions({name: msgspec.convert({"name": name, **row}, Assumption) for name, row in rows.items()})


def of_file(path: Path) -> Mapping[str, object]:
    """Values that a person keeps in a TOML file; raises `Unavailable` or `Invalid`."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Unavailable(T(f"读不了 {path}：{error}", f"{path} cannot be read: {error}")) from error
    except ValueError as error:
        raise Invalid(T(f"{path} 不是 TOML：{error}", f"{path} is no TOML: {error}"), mend=MEND) from error
