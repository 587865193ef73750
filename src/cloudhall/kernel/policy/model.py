"""What goes into a decision and what comes out of it. Plain values; nothing here decides.

A *place* is a node of one tree: `platform` (the root), organisations (nested), projects; each resource is a leaf below
the place that it lies in. A role is granted on a node and holds there and everywhere below.

Values of attributes are str, int, bool, or a set, tuple or list of str, as the `PolicySchema` declares them. None
means "not there", as NULL does in a list; so does a value of another type than declared. A policy that reads what is
not there is skipped and named in `Decision.errors`, which is Cedar's rule. Who sees `errors` not empty should raise
an alarm: a skipped forbid forbids nothing.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from cloudhall.kernel.text import T

PLATFORM = "platform"
PrincipalType = Literal["Person", "ServiceAccount"]
Context = Mapping[str, Any]


class Subject(msgspec.Struct, frozen=True):
    """Who asks. `granted[role]` holds the nodes of live grants, as granted (not expanded downwards)."""

    type: PrincipalType
    id: str
    granted: Mapping[str, frozenset[str]]
    attrs: Mapping[str, Any]


class Object(msgspec.Struct, frozen=True):
    """What is asked about. `ancestors` runs from the resource itself up to `platform`, nearest first.

    Without the resource (one about to be made, or a kind in general) it begins with the place.
    """

    kind: str
    id: str
    ancestors: tuple[str, ...]
    attrs: Mapping[str, Any]


class Decision(msgspec.Struct, frozen=True):
    """`determining`: the permits that allowed, or the forbids that hit, or nothing where no permit matched.

    `errors`: policies skipped because an attribute that they read is not there.
    """

    allowed: bool
    determining: tuple[str, ...]
    explicit_deny: bool
    errors: tuple[str, ...]


class Where(msgspec.Struct, frozen=True):
    """A condition for a `WHERE`: `?` parameters, the same text for SQLite and PostgreSQL."""

    sql: str
    params: tuple[Any, ...]


class Lack(msgspec.Struct, frozen=True):
    """One thing that would have to be otherwise.

    Any one of `roles` on any one of `places` mends it; both are empty where no role does.
    """

    text: T
    roles: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


class Clause(msgspec.Struct, frozen=True):
    """A policy in an explanation: its id, its own words, and all that would have to change for it to turn."""

    policy: str
    text: T
    lacks: tuple[Lack, ...] = ()


class Explanation(msgspec.Struct, frozen=True):
    """Why, and what would change the answer: as one sentence each, and clause by clause.

    `allowed_by` and `forbidden_by` never both hold something; `permits` is filled where no policy decided: every
    permit that exists for the action with what it lacks, the nearest first. `mend` is None where it is allowed, or
    where nothing the program knows would change the answer.
    """

    decision: Decision
    text: T
    mend: T | None = None
    allowed_by: tuple[Clause, ...] = ()
    forbidden_by: tuple[Clause, ...] = ()
    permits: tuple[Clause, ...] = ()

    @property
    def policies(self) -> tuple[str, ...]:
        """Ids of the policies that are spoken of."""
        return tuple(clause.policy for clause in (*self.allowed_by, *self.forbidden_by, *self.permits))

    @property
    def reason(self) -> str:
        """`ALLOWED`, `FORBIDDEN_BY_POLICY` or `NOT_PERMITTED`."""
        if self.decision.allowed:
            return "ALLOWED"
        return "FORBIDDEN_BY_POLICY" if self.forbidden_by else "NOT_PERMITTED"
