"""Names in place of ids, in what people read: places and references, but not what a resource itself is called.

Programs get the ids, which stay what they are when something is renamed.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from cloudhall.cli.app import App
from cloudhall.kernel.ids import is_id

Wire = dict[str, Any]
OWN = {"id", "name"}
ASKED_AT_ONCE = 200  # ids that fit into one address


def told(app: App, items: Sequence[Wire]) -> list[Wire]:
    """Copies of resources or rows with names for the ids in them; a request for every 200 ids, none without ids."""
    names = names_of(app, {id_ for item in items for id_ in _ids(item)})
    return [_named(item, names) for item in items] if names else list(items)


def names_of(app: App, ids: Collection[str]) -> dict[str, str]:
    """Names by id, of those that may be seen; a request for every 200."""
    asked, names = sorted(ids), dict[str, str]()
    for n in range(0, len(asked), ASKED_AT_ONCE):
        names |= app.client.look("names", {"id": asked[n : n + ASKED_AT_ONCE]})["names"]
    return names


def _ids(value: Any) -> Iterator[str]:
    """Ids in a value and in the rows that it holds; what these hold in turn is not shown to people."""
    if isinstance(value, str) and is_id(value):
        yield value
    elif isinstance(value, list):
        for row in value:
            yield from _ids({k: v for k, v in row.items() if isinstance(v, str)} if isinstance(row, dict) else row)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in OWN:
                yield from _ids(inner)


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [_named(row, names) for row in value]
    if isinstance(value, dict):
        return {key: inner if key in OWN else _named(inner, names) for key, inner in value.items()}
    return value
