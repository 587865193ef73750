"""Pages that say more than the generated ones: what an invitation, a person and a provider have besides."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.domains.identity import letters, rules
from cloudhall.domains.identity.identity_provider import IdentityProvider, offered, title
from cloudhall.domains.identity.invitation import Invitation
from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.real_name_verification import LEVELS, METHODS, NEWEST, RealNameVerification, ends_us
from cloudhall.kernel import credentials
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.look import equal
from cloudhall.kernel.pages import Page
from cloudhall.kernel.store.tables import LIVE
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

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
    return {"verifications": found, "mark": rules.levels(now_us).mark, "providers": own}


def provider(
    kernel: "Kernel", _caller: Caller, provider: IdentityProvider, _query: Mapping[str, str]
) -> dict[str, Any]:
    """Where its answers come to, and whether a client secret is kept."""
    kept = credentials.is_kept(kernel.store.read(), provider.id)
    return {"address": letters.address, "has_secret": kept}


def _verified(row: RealNameVerification, now_us: int) -> Verified:
    spec, until_us = row.spec, ends_us(row)
    sign = WITHDRAWN if spec.withdrawn else HOLDS if now_us < until_us else ENDED
    return Verified(row, LEVELS[spec.level], METHODS[spec.method], until_us, sign)


PAGES = (
    Page(kind="identity.invitation", view="created", template="invitation_made.html", context=invitation_made),
    Page(kind="identity.identity_provider", view="detail", template="identity_provider.html", context=provider),
    Page(kind="identity.person", view="detail", template="person.html", context=person),
)
