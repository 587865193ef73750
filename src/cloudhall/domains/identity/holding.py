"""Who holds which role where, and why: grants as pages tell them, as far as a caller may read them.

Everybody reads their own. Cost: the grants of one place and below, or of one subject, `GRANTS_MAX` at most.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cloudhall.domains.identity.grant import Grant
from cloudhall.domains.identity.person import Person
from cloudhall.kernel.authority import verb_title
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.look import equal
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.store.tables import Sort, Where
from cloudhall.kernel.text import T
from cloudhall.kernel.wire import to_us

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

GRANTS_MAX = 500
IN_ORDER = Sort("id", descending=False)
BELOW = "place IN (SELECT descendant FROM place WHERE ancestor = ?)"


class Held(NamedTuple):
    """One role: on which place or single resource, by which grant, with what reason, until when."""

    role: T
    key: str
    subject: str
    on: str
    grant: str
    reason: str
    expires_us: int | None


class Power(NamedTuple):
    """What a role allows with one kind, in the words of its operations."""

    kind: T
    verbs: tuple[T, ...]


def in_place(kernel: "Kernel", caller: Caller, place: str) -> Mapping[str, Sequence[Held]]:
    """Roles held on a place and on everything below it, by who holds them."""
    found: dict[str, list[Held]] = {}
    for held in _live(kernel, kernel.page(caller, Grant, Where(BELOW, (place,)), IN_ORDER, limit=GRANTS_MAX)):
        found.setdefault(held.subject, []).append(held)
    return found


def of_person(kernel: "Kernel", caller: Caller, person: Person) -> list[Held]:
    """Roles that a person holds, and those that all people of their organisation do."""
    mine = equal({"spec.subject": person.id}) | equal({"spec.subject": person.place})
    tx = kernel.store.read()
    if caller.id == person.id:
        return _live(kernel, kernel.tables[Grant].page(tx, mine, IN_ORDER, None, GRANTS_MAX))
    return _live(kernel, kernel.page(caller, Grant, mine, IN_ORDER, limit=GRANTS_MAX))


def powers(kernel: "Kernel", role: str) -> list[Power]:
    """What a role allows, kind by kind: what policies give upon a row, and what may be created."""
    found = []
    for kind in kernel.registry:
        meta, given = kind.meta, kernel.authority.policies.gives(kind.meta.key).get(role, frozenset())
        verbs = [v for v in meta.verbs if v in given or (v == "create" and role in meta.allow.get("create", ()))]
        if verbs:
            found.append(Power(meta.title, tuple(verb_title(meta, verb) for verb in verbs)))
    return found


def _live(kernel: "Kernel", rows: Sequence[object]) -> list[Held]:
    """Grants that hold now."""
    now_us = kernel.world.now_us()
    found = [_held(row) for row in rows if isinstance(row, Grant)]
    return [held for held in found if held.expires_us is None or held.expires_us > now_us]


def _held(grant: Grant) -> Held:
    spec = grant.spec
    ends_us = to_us(spec.expires_at) if spec.expires_at else None
    on = spec.resource or grant.place
    return Held(ROLES[spec.role], spec.role, spec.subject, on, grant.id, spec.reason, ends_us)
