"""Labels of hosts as bits: protection level, pool, processor family, network zone, storage class, graphics model.

A label is a word or `key=value`. Those of an exclusive key (`pool=tax`) keep everybody out who does not name them.
Three bits are the engine's own: drained, failed, paired (two NUMA nodes).
"""

import difflib
from collections.abc import Iterable, Iterator

from cloudhall.domains.compute.placement import columns as at
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import T

NAMES_MAX = at.LABELS_MAX - at.FIRST_FREE_LABEL


class Labels:
    """The vocabulary of one fleet: at most 59 names, each a bit for good."""

    def __init__(self, names: Iterable[str] = (), exclusive: Iterable[str] = ("pool",)) -> None:
        """`exclusive` are keys whose labels must be asked for by whoever wants in."""
        self.exclusive = tuple(exclusive)
        self._bits: dict[str, int] = {}
        for name in names:
            self.add(name)

    def __iter__(self) -> Iterator[str]:
        """Names in the order in which they came."""
        return iter(self._bits)

    def add(self, name: str) -> int:
        """Bit of `name`, new if need be. `Invalid` when the word is full or the name is empty."""
        if name in self._bits:
            return self._bits[name]
        bit = at.FIRST_FREE_LABEL + len(self._bits)
        if not name or bit >= at.LABELS_MAX:
            raise Invalid(
                T(f"标签“{name}”无法加入", f"label {name!r} cannot be added"),
                mend=T(
                    f"标签不为空，最多 {NAMES_MAX} 个",
                    f"not empty, at most {NAMES_MAX} of them",
                ),
            )
        self._bits[name] = 1 << bit
        return 1 << bit

    def bits(self, names: Iterable[str]) -> int:
        """All of `names` in one word. `Invalid` names the nearest where one is unknown."""
        word = 0
        for name in names:
            if name not in self._bits:
                near = difflib.get_close_matches(name, self._bits, 1)
                raise Invalid(
                    T(f"未知标签“{name}”", f"unknown label {name!r}"),
                    mend=T(f"相近的有：{near[0]}", f"did you mean {near[0]!r}?") if near else None,
                )
            word |= self._bits[name]
        return word

    def names(self, word: int) -> tuple[str, ...]:
        """Names of the bits set in `word`; the engine's own bits have none."""
        return tuple(name for name, bit in self._bits.items() if word & bit)

    def closed(self) -> int:
        """Bits that keep out whoever does not ask for them."""
        return sum(bit for name, bit in self._bits.items() if name.partition("=")[0] in self.exclusive and "=" in name)

    def models(self) -> int:
        """Bits of graphics models (`gpu=…`), of which a host has at most one."""
        return sum(bit for name, bit in self._bits.items() if name.startswith("gpu="))
