"""What every resource looks like on the wire, whatever its kind; times are RFC 3339 in UTC.

A dict as it came: what a newer server adds is there too. An integer beyond 2^53 comes as text; `int(value)` reads both.
"""

from typing import Any, Literal, NotRequired, TypedDict

State = Literal["ready", "working", "attention", "failed", "deleting", "binned"]


class Texts(TypedDict):
    """One text in both languages."""

    zh: str
    en: str


class Condition(TypedDict):
    """Whether something holds, since when, and why not."""

    type: str
    status: bool
    since: str
    reason: NotRequired[str]
    message: NotRequired[Texts]
    reason_since: NotRequired[str]
    observed_generation: int


class Kept(TypedDict):
    """Of what lies in the recycle bin: who put it there, when, and until when it can be restored."""

    by: str
    at: str
    until: str
    withdrawn: bool


class Resource(TypedDict):
    """Members of every kind. `revision` goes up with each change, `generation` with each change of the spec."""

    id: str
    kind: str
    name: str
    labels: dict[str, str]
    conditions: list[Condition]
    state: State
    generation: int
    observed_generation: int
    revision: int
    created_at: str
    updated_at: str
    deleting_at: NotRequired[str]
    bin: NotRequired[Kept]
    secret: NotRequired[str]


class Event(TypedDict):
    """One change, as the log has it: `type` such as `bucket.created`, who, and what of it changed."""

    revision: int
    type: str
    at: str
    kind: str
    id: str
    name: str
    place: str
    verb: str
    actor: str
    request: str
    generation: int
    changed: list[str]
    spec: NotRequired[dict[str, Any]]


class Preview(TypedDict):
    """What a change would do: the resource it would make, quotas, price, and what goes along. See `?validate_only`."""

    allowed: bool
    operation: str
    resource: dict[str, Any]
    policies: list[str]
    quota: list[dict[str, Any]]
    rates: list[dict[str, Any]]
    preview: list[Texts]
    goes_too: list[dict[str, str]]
    price: NotRequired[dict[str, Any]]
    destroys: NotRequired[list[dict[str, Any]]]


class How(TypedDict, total=False):
    """How a change is made; each may be left out.

    `place`: project or organisation, by name or id, where the default is not meant. `if_match`: only if this is still
    its revision. `key`: an idempotency key of your own, so that another run of your program repeats nothing. `wait_s`:
    let the server answer only when it is ready or blocked, at most 300.
    """

    place: str
    if_match: int
    key: str
    wait_s: float
