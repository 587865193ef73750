"""Facets: the values of indexed fields with their counts, each a link that adds or takes it.

Cost: for each facet a count of at most `FEW_MAX` rows, and where the other filters leave no more, one walk over them.
Where they leave more, the values of a closed field are offered without numbers.
"""

from typing import Any, NamedTuple

from cloudhall.api.filters import facet_value
from cloudhall.api.saying import few
from cloudhall.console.asked import Asked
from cloudhall.console.values import Values
from cloudhall.kernel.fields import FieldInfo
from cloudhall.kernel.text import T


class Choice(NamedTuple):
    """One value of a facet with its count, None where nobody counts, and the address that adds or takes it."""

    text: str
    number: int | None
    chosen: bool
    href: str


class Facet(NamedTuple):
    """One field to narrow the list by; `dropped` is the address without it."""

    title: T
    choices: tuple[Choice, ...]
    dropped: str

    @property
    def without(self) -> int:
        """How many the list would have without this facet, as far as its commonest values tell."""
        return sum(c.number or 0 for c in self.choices)


def facets_of(asked: Asked, show: Values, *, many: bool) -> tuple[Facet, ...]:
    """Facets that would narrow the list; of a list that is itself too long to count, none needs to be tried."""
    found = []
    for name, (_, info) in asked.filters.indexes.items():
        if info.shape in {"enum", "bool"} or info.f.ref:
            choices = _choices(asked, name, info, show, None if many else _counts(asked, name, info))
            if len(choices) > 1 or any(c.chosen for c in choices):
                found.append(Facet(info.title, choices, asked.address(**{name: None})))
    return tuple(found)


def chosen(facets: tuple[Facet, ...]) -> list[tuple[Facet, Choice]]:
    """What narrows the list now."""
    return [(f, c) for f in facets for c in f.choices if c.chosen]


def _choices(
    asked: Asked, name: str, info: FieldInfo, show: Values, counts: dict[Any, int] | None
) -> tuple[Choice, ...]:
    """Every value of a closed field, whatever its count; of an open one those that occur; chosen ones always."""
    picked: list[Any] = asked.query.get(name, [])
    closed = (False, True) if info.shape == "bool" else info.choices
    found = []
    for value in dict.fromkeys([*closed, *(counts or {}), *picked]):
        others = [v for v in picked if v != value]
        target = others if value in picked else [*picked, value]
        href = asked.address(**{name: target or None})
        number = counts.get(value, 0) if counts is not None else None
        found.append(Choice(show.show(info, value).text, number, value in picked, href))
    return tuple(found)


def _counts(asked: Asked, name: str, info: FieldInfo) -> dict[Any, int] | None:
    """Values with their counts among what the other filters leave; None where that is too many to walk."""
    kernel, caller, where = asked.visit.kernel, asked.visit.caller, asked.without(name)
    if not few(kernel, caller, asked.kind, where):
        return None
    counted = kernel.facet(caller, asked.kind, asked.filters.indexes[name][0].column, where)
    return {facet_value(info, value): n for value, n in counted}
