"""Facets: the values of indexed fields with their counts, each a link that adds or takes it."""

from typing import Any, NamedTuple

from cloudhall.api.filters import facet_value
from cloudhall.console.asked import Asked
from cloudhall.console.values import Values
from cloudhall.kernel.fields import FieldInfo
from cloudhall.kernel.text import T


class Choice(NamedTuple):
    """One value of a facet with its count and the address that adds or takes it."""

    text: str
    number: int
    chosen: bool
    href: str


class Facet(NamedTuple):
    """One field to narrow the list by."""

    title: T
    choices: tuple[Choice, ...]


def facets_of(asked: Asked, show: Values) -> tuple[Facet, ...]:
    """Facets that would narrow the list. Cost: for each, the rows that the other filters leave, by its index column."""
    found = []
    for name, (_, info) in asked.filters.indexes.items():
        if info.shape in {"enum", "bool"} or info.f.ref:
            choices = _choices(asked, name, info, show)
            if len(choices) > 1 or any(c.chosen for c in choices):
                found.append(Facet(info.title, choices))
    return tuple(found)


def chosen(facets: tuple[Facet, ...]) -> list[tuple[T, Choice]]:
    """What narrows the list now, each with the address that drops it."""
    return [(f.title, c) for f in facets for c in f.choices if c.chosen]


def _choices(asked: Asked, name: str, info: FieldInfo, show: Values) -> tuple[Choice, ...]:
    """Every value of a closed field, whatever its count; of an open one those that occur; chosen ones always."""
    picked: list[Any] = asked.query.get(name, [])
    column = asked.filters.indexes[name][0].column
    counted = asked.visit.kernel.facet(asked.visit.caller, asked.kind, column, asked.without(name))
    counts = {facet_value(info, value): n for value, n in counted}
    closed = (False, True) if info.shape == "bool" else info.choices
    found = []
    for value in dict.fromkeys([*closed, *counts, *picked]):
        others = [v for v in picked if v != value]
        target = others if value in picked else [*picked, value]
        href = asked.address(**{name: target or None})
        found.append(Choice(show.show(info, value).text, counts.get(value, 0), value in picked, href))
    return tuple(found)
