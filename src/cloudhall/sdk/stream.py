"""Server-sent events: lines of a stream taken apart (HTML Living Standard 9.2), as far as our server writes them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Frame(NamedTuple):
    """One event; without `data` it is a bookmark that says how far the log was read."""

    id: str
    data: str


def frames(lines: Iterable[bytes]) -> Iterator[Frame]:
    """Events as they come; one that the stream breaks off within is not given."""
    id_, data = "", list[str]()
    for line in lines:
        name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
        if not (name or value):
            if id_ or data:
                yield Frame(id_, "\n".join(data))
            id_, data = "", []
        elif name == "id":
            id_ = value.removeprefix(" ")
        elif name == "data":
            data.append(value.removeprefix(" "))
