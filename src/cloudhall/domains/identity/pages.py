"""Pages that say more than the generated ones: what an organisation, person, invitation and provider have besides."""

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.domains.identity import holding, letters, rules
from cloudhall.domains.identity.identity_provider import IdentityProvider, offered, title
from cloudhall.domains.identity.invitation import Invitation, is_open
from cloudhall.domains.identity.invitation import ends_us as invitation_ends_us
from cloudhall.domains.identity.join_request import JoinRequest
from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.project import Project
from cloudhall.domains.identity.real_name_verification import LEVELS, METHODS, NEWEST, RealNameVerification, ends_us
from cloudhall.kernel import credentials, quotas
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.kinds import Kind, Quota
from cloudhall.kernel.look import equal
from cloudhall.kernel.pages import Page
from cloudhall.kernel.sight import visible_ids
from cloudhall.kernel.store.tables import LIVE, Sort, Where
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

PLACES_MAX, MEMBERS_MAX, COMING_MAX, COUNTED_MAX = 100, 100, 20, 10_000
BY_NAME = Sort("name", descending=False)
HOLDS = ("ok", "ok", T("有效", "Holds"))
ENDED = ("wait", "mute", T("已过期", "Ended"))
WITHDRAWN = ("off", "mute", T("已撤销", "Withdrawn"))


class Verified(NamedTuple):
    """One verification as the page of its person shows it."""

    row: RealNameVerification
    level: T
    method: T
    ends_us: int
    sign: tuple[str, str, T]


class Below(NamedTuple):
    """A place in the tree: an organisation or project, how deep it lies, what it costs this month, and its quotas."""

    row: Kind[Any, Any]
    depth: int
    cost: Mapping[str, Any] | None
    rooms: tuple[tuple[Quota, quotas.Room], ...]


class Member(NamedTuple):
    """Somebody who belongs to an organisation or holds a role in it; `row` is None for who is no person to be seen."""

    id: str
    row: Person | None
    held: Sequence[holding.Held]


def organisation(kernel: "Kernel", caller: Caller, o: Organisation, _query: Mapping[str, str]) -> dict[str, Any]:
    """What lies below it with cost and quotas, who belongs to it and as what, and who is on the way in."""
    tree, now_us = _tree(kernel, caller, o), kernel.world.now_us()
    fens = [b.cost["total_fen"] for b in tree if b.cost]
    invited = [row for row in _coming(kernel, caller, Invitation, o, "open") if isinstance(row, Invitation)]
    may_invite = kernel.authority.might_create(kernel.store.read(), caller, Invitation, o.id)
    return {
        "tree": tree,
        "tree_max": PLACES_MAX,
        "costs_fen": sum(fens) if fens else None,
        "members": _members(kernel, caller, o),
        "members_max": MEMBERS_MAX,
        "invited": [(row, invitation_ends_us(row)) for row in invited if is_open(row, now_us)],
        "asking": _coming(kernel, caller, JoinRequest, o, "asked"),
        "invite": f"/{Invitation.meta.plural}:create?organisation={o.id}" if may_invite else "",
    }


def project(kernel: "Kernel", caller: Caller, p: Project, _query: Mapping[str, str]) -> dict[str, Any]:
    """What lies in it, how much of each quota is taken, and who holds a role on it."""
    inside = equal({"place": p.id})
    kinds = [k for k in kernel.registry if k.meta.scope == "project"]
    counts = [(k.meta, kernel.count(caller, k, inside, COUNTED_MAX)) for k in kinds]
    held = holding.in_place(kernel, caller, p.id)
    return {
        "holds": [(meta, n) for meta, n in counts if n],
        "counted_max": COUNTED_MAX,
        "limits": _rooms(kernel, p),
        "members": [Member(id_, None, held[id_]) for id_ in sorted(held)],
    }


def invitation_made(
    _kernel: "Kernel", _caller: Caller, _invitation: Invitation, query: Mapping[str, str]
) -> dict[str, Any]:
    """Its link, for an address of this server."""
    return {"link": functools.partial(letters.link, query["secret"])}


def person(kernel: "Kernel", caller: Caller, person: Person, _query: Mapping[str, str]) -> dict[str, Any]:
    """What the visitor may see of the person's verifications, newest first, and whether the rule was checked."""
    now_us = kernel.world.now_us()
    where = LIVE & equal({"spec.person": person.id})
    rows = kernel.page(caller, RealNameVerification, where, limit=NEWEST)
    found = [_verified(row, now_us) for row in rows if isinstance(row, RealNameVerification)]
    own = [(p.id, title(p)) for p in offered(kernel)] if caller.id == person.id else []
    held = holding.of_person(kernel, caller, person)
    return {
        "verifications": found,
        "mark": rules.levels(now_us).mark,
        "providers": own,
        "held": held,
        "powers": {h.key: holding.powers(kernel, h.key) for h in held},
    }


def provider(
    kernel: "Kernel", _caller: Caller, provider: IdentityProvider, _query: Mapping[str, str]
) -> dict[str, Any]:
    """Where its answers come to, and whether a client secret is kept."""
    kept = credentials.is_kept(kernel.store.read(), provider.id)
    return {"address": letters.address, "has_secret": kept}


def _tree(kernel: "Kernel", caller: Caller, top: Organisation) -> list[Below]:
    """Places below, each under the one it lies in, by name; those that the caller may read."""
    inside = Where("id IN (SELECT descendant FROM place WHERE ancestor = ?)", (top.id,))
    rows = [
        row for kind in (Organisation, Project) for row in kernel.page(caller, kind, inside, BY_NAME, limit=PLACES_MAX)
    ]
    by_place: dict[str, list[Kind[Any, Any]]] = {}
    for row in rows:
        by_place.setdefault(row.place, []).append(row)
    found: list[Below] = []

    def walk(place: str, depth: int) -> None:
        for row in by_place.get(place, ()):
            found.append(_below(kernel, caller, row, depth))
            walk(row.id, depth + 1)

    walk(top.id, 0)
    return found


def _below(kernel: "Kernel", caller: Caller, row: Kind[Any, Any], depth: int) -> Below:
    if not isinstance(row, Project):
        return Below(row, depth, None, ())
    cost = kernel.costs(row) if kernel.costs else None
    if cost and not visible_ids(kernel, caller, [(cost["kind"], cost["statement"])]):
        cost = None
    return Below(row, depth, cost, _rooms(kernel, row))


def _rooms(kernel: "Kernel", p: Project) -> tuple[tuple[Quota, quotas.Room], ...]:
    """Every quota of a project."""
    tx = kernel.store.read()
    declared = {q.key: q for kind in kernel.registry if kind.meta.scope == "project" for q in kind.meta.quotas}
    return tuple((q, quotas.room(tx, p.id, q)) for q in declared.values())


def _members(kernel: "Kernel", caller: Caller, o: Organisation) -> list[Member]:
    """People of the organisation and of those below it, then others who hold a role in it."""
    held = holding.in_place(kernel, caller, o.id)
    people = kernel.page(caller, Person, Where(holding.BELOW, (o.id,)), BY_NAME, limit=MEMBERS_MAX)
    own = [Member(p.id, p, held.get(p.id, ())) for p in people if isinstance(p, Person)]
    others = sorted(held.keys() - {p.id for p in people})
    return own + [Member(id_, None, held[id_]) for id_ in others]


def _coming(
    kernel: "Kernel", caller: Caller, kind: type[Invitation | JoinRequest], o: Organisation, progress: str
) -> list[Kind[Any, Any]]:
    """Newest invitations or requests in this state, in the organisation and below."""
    where = Where(holding.BELOW, (o.id,)) & equal({"spec.progress": progress})
    return kernel.page(caller, kind, where, limit=COMING_MAX)


def _verified(row: RealNameVerification, now_us: int) -> Verified:
    spec, until_us = row.spec, ends_us(row)
    sign = WITHDRAWN if spec.withdrawn else HOLDS if now_us < until_us else ENDED
    return Verified(row, LEVELS[spec.level], METHODS[spec.method], until_us, sign)


PAGES = (
    Page(kind="identity.invitation", view="created", template="invitation_made.html", context=invitation_made),
    Page(kind="identity.identity_provider", view="detail", template="identity_provider.html", context=provider),
    Page(kind="identity.organisation", view="detail", template="organisation.html", context=organisation),
    Page(kind="identity.project", view="detail", template="project.html", context=project),
    Page(kind="identity.person", view="detail", template="person.html", context=person),
)
