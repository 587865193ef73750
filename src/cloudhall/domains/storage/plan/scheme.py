"""How data are kept more than once: copies, or k data parts with m parity parts; and what must never share a fate.

Copies are the code with one data part: three copies are 1+2.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import T

PARTS_MAX = 32
WRITTEN = re.compile(r"(?P<copies>[1-9]\d?)(?:x| ?copies)?|(?P<data>[1-9]\d?)\+(?P<parity>[1-9]\d?)")


class Domain(StrEnum):
    """What holds at most one part of a volume."""

    DISK = "disk"
    SERVER = "server"
    RACK = "rack"


DOMAINS = {
    Domain.DISK: T("硬盘", "disk"),
    Domain.SERVER: T("服务器", "server"),
    Domain.RACK: T("机架", "rack"),
}


class Scheme(NamedTuple):
    """`data` parts suffice to read; `parity` parts may be missing."""

    data: int
    parity: int

    @property
    def parts(self) -> int:
        """Parts of a volume in all."""
        return self.data + self.parity

    @property
    def overhead(self) -> float:
        """Bytes written for each byte kept."""
        return self.parts / self.data

    @property
    def name(self) -> str:
        """As it is typed: `3` for three copies, `10+4`."""
        return str(self.parts) if self.data == 1 else f"{self.data}+{self.parity}"

    @property
    def title(self) -> T:
        """As it is told."""
        return T(f"{self.parts} 份副本", f"{self.parts} copies") if self.data == 1 else T(self.name, self.name)


def scheme_of(text: str) -> Scheme:
    """Read `2`, `3x`, `10+4`; raises `Invalid`."""
    found = WRITTEN.fullmatch(text.strip())
    scheme = Scheme(1, 0)
    if found and found["copies"]:
        scheme = Scheme(1, int(found["copies"]) - 1)
    elif found:
        scheme = Scheme(int(found["data"]), int(found["parity"]))
    if scheme.parity < 1 or scheme.parts > PARTS_MAX:
        raise Invalid(
            T(f"“{text}”不是冗余方案", f"{text!r} is no scheme"),
            mend=T(
                f"写份数（2、3）或 数据块+校验块（10+4），合计不超过 {PARTS_MAX}",
                f"give a number of copies (2, 3) or DATA+PARITY (10+4), {PARTS_MAX} parts at most",
            ),
        )
    return scheme
