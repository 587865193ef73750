"""Log-in by an identity provider: begin, come back, and find out which person that is.

A person is known by issuer and subject. An account that nobody is linked to yet is linked by whoever is logged in and
asks for it; by its verified mail address where the provider gives out such addresses; or it becomes a new person where
the provider may open accounts. Otherwise nobody comes in, and no more is said.
Must never happen: an administrator who comes in this way, or is recognised by a mail address. Whoever configures a
provider would be every administrator (GB/T 22239 8.1.5).
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.domains.identity import attempts, oidc, resets, sessions
from cloudhall.domains.identity.attempts import Attempt
from cloudhall.domains.identity.id_tokens import distrusted
from cloudhall.domains.identity.identity_provider import IdentityProvider
from cloudhall.domains.identity.joining import carry_out
from cloudhall.domains.identity.linked_account import LinkedAccount, key_of
from cloudhall.domains.identity.person import Person
from cloudhall.kernel import credentials, places
from cloudhall.kernel.audit import Entry
from cloudhall.kernel.caller import Caller, service
from cloudhall.kernel.commands import NAME_PATTERN, Command
from cloudhall.kernel.errors import CloudhallError, Conflict, Unauthenticated
from cloudhall.kernel.ids import looks_like_id
from cloudhall.kernel.look import equal
from cloudhall.kernel.roles import ADMINISTRATORS
from cloudhall.kernel.store import Tx
from cloudhall.kernel.store.tables import LIVE, Sort, Where
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

ALIKE_MAX = 20  # people of one address that are looked at
LOGIN_LENGTH_MAX, NAME_LENGTH_MAX = 50, 80


class Browser(NamedTuple):
    """Who asks: what ties the visit to its browser, where answers come back to, who is logged in, from where."""

    token: str
    callback: str
    person: str = ""
    address: str = ""
    agent: str = ""
    request: str = ""


class Arrival(NamedTuple):
    """Who has come; `secret` is that of the session, empty where an account was linked; then on to `back`."""

    person: Person
    secret: str
    back: str


def begin(kernel: "Kernel", provider: IdentityProvider, browser: Browser, back: str, person: str = "") -> str:
    """Address at the provider to go to; `person` is who wants to link. Raises `Unavailable` or `TooMany`."""
    state, nonce, verifier = (attempts.secret(kernel.world) for _ in range(3))
    asked = oidc.Asked(browser.callback, nonce, verifier)
    url = oidc.authorization_url(kernel, _client(kernel, provider), asked, state)
    attempts.keep(kernel, state, Attempt(provider.id, browser.token, nonce, verifier, back, person))
    return url


def finish(kernel: "Kernel", provider: IdentityProvider, answer: Mapping[str, str], browser: Browser) -> Arrival:
    """Take the answer that a browser brought back; raises `Unauthenticated`, `Conflict`, `Unavailable`, `TooMany`."""
    try:
        attempt, claims = _believed(kernel, provider, answer, browser)
        person = kernel.store.write(lambda tx: _person(kernel, tx, provider, attempt, claims, browser.request)).result()
        if attempt.person:
            return Arrival(person, "", attempt.back)
        secret = sessions.begin(
            kernel,
            person,
            "oidc",
            address=browser.address,
            agent=browser.agent,
            within=lambda tx: _require_may_come(kernel, tx, person.id),
        )
    except CloudhallError as error:
        kernel.note(_denied(provider, browser, error.reason or error.code)).result()
        raise
    return Arrival(person, secret, attempt.back)


def _believed(
    kernel: "Kernel", provider: IdentityProvider, answer: Mapping[str, str], browser: Browser
) -> tuple[Attempt, dict[str, Any]]:
    """The question that an answer belongs to, and what it says; each question is asked once."""
    attempt = attempts.take(kernel, answer.get("state", ""), browser.token)
    if attempt is None or attempt.provider != provider.id or attempt.person not in ("", browser.person):
        raise distrusted("STATE")
    if answer.get("iss", provider.spec.issuer) != provider.spec.issuer:  # RFC 9207: an answer of somebody else
        raise distrusted("OTHER_ISSUER")
    if "code" not in answer:
        raise Unauthenticated(
            T("身份提供方没有让你登录", "The identity provider did not log you in"),
            mend=T("再试一次，或用密码登录", "Try again, or log in with a password"),
            reason="PROVIDER_REFUSED",
        )
    asked = oidc.Asked(browser.callback, attempt.nonce, attempt.verifier)
    claims = oidc.redeem(kernel, _client(kernel, provider), asked, answer["code"])
    allowed = provider.spec.mail_domains
    if allowed and _domain(claims) not in allowed:
        raise _unknown()
    return attempt, claims


def _person(
    kernel: "Kernel", tx: Tx, provider: IdentityProvider, attempt: Attempt, claims: Mapping[str, Any], request: str
) -> Person:
    """Person behind an account elsewhere; linked, recognised or made where that is due."""
    key = key_of(provider.spec.issuer, claims["sub"])
    links = kernel.tables[LinkedAccount].page(tx, LIVE & equal({"spec.key": key}), Sort("id"), None, 1)
    if links and links[0].deleting_us is not None:
        raise _unknown()  # being unlinked just now
    if links and attempt.person not in ("", links[0].spec.person):
        raise Conflict(
            T("此账号已关联另一个人", "This account is linked to somebody else"),
            mend=T("先由那个人解除关联", "Let that person unlink it first"),
            reason="LINKED",
        )
    known = links[0].spec.person if links else attempt.person or _recognised(kernel, tx, provider, claims)
    id_ = known or _made(kernel, tx, provider, claims, key, request)
    person = kernel.tables[Person].get(tx, id_)
    if person is None or person.deleting_us is not None or person.spec.suspended:
        raise _unknown()
    if not attempt.person:
        _require_may_come(kernel, tx, id_)
    if not links:
        _link(kernel, tx, provider, person, claims, request)
    return person


def _recognised(kernel: "Kernel", tx: Tx, provider: IdentityProvider, claims: Mapping[str, Any]) -> str:
    """The one person where the provider lies who has the address that it vouches for; empty for none or several."""
    if _domain(claims) not in provider.spec.authoritative_domains:
        return ""
    email = str(claims["email"])
    where = LIVE & Where("spec_email IN (?, ?)", (email, email.lower()))
    found = kernel.tables[Person].page(tx, where, Sort("id"), None, ALIKE_MAX)
    here = [p for p in found if provider.place in places.ancestors(tx, p.place)]
    return here[0].id if len(here) == 1 else ""


def _made(
    kernel: "Kernel", tx: Tx, provider: IdentityProvider, claims: Mapping[str, Any], key: str, request: str
) -> str:
    """A new person, where the provider may make one; raises `Unauthenticated`."""
    if not provider.spec.people_in:
        raise _unknown()
    wanted = str(claims.get("preferred_username") or claims.get("email") or "")
    display = str(claims.get("name") or wanted or claims["sub"])[:NAME_LENGTH_MAX]
    vouched_for = _domain(claims) in provider.spec.authoritative_domains  # else another provider might know it wrongly
    command = Command(
        kind=Person,
        verb="create",
        place=provider.spec.people_in,
        name=_login(kernel, tx, wanted, key),
        spec={"display_name": display, "email": claims["email"] if vouched_for else ""},
    )
    id_ = str(carry_out(kernel, tx, service(IdentityProvider.meta.key, request), command)["id"])
    resets.remember(tx, id_, provider.id, kernel.world.now_us())
    return id_


def _login(kernel: "Kernel", tx: Tx, wanted: str, key: str) -> str:
    """A log-in that is free, as near to what is wanted as may be."""
    base = re.sub(r"[^a-z0-9.-]+", "-", wanted.partition("@")[0].lower()).strip("-.")[:LOGIN_LENGTH_MAX].strip("-.")
    for name in (base, f"{base or 'person'}-{key[:6]}"):
        free = not kernel.tables[Person].named(tx, name, LIVE)
        if free and re.fullmatch(NAME_PATTERN, name) and not looks_like_id(name):
            return name
    return f"person-{key[:20]}"


def _link(
    kernel: "Kernel", tx: Tx, provider: IdentityProvider, person: Person, claims: Mapping[str, Any], request: str
) -> None:
    spec = {
        "person": person.id,
        "provider": provider.id,
        "issuer": provider.spec.issuer,
        "subject": claims["sub"],
        "email": str(claims["email"]) if _domain(claims) else "",
        "key": key_of(provider.spec.issuer, claims["sub"]),
    }
    command = Command(kind=LinkedAccount, verb="create", place=person.place, spec=spec)
    carry_out(kernel, tx, service(IdentityProvider.meta.key, request), command)


def _require_may_come(kernel: "Kernel", tx: Tx, person: str) -> None:
    """Raise `Unauthenticated` for an administrator."""
    if not places.granted(tx, person, kernel.world.now_us()).keys().isdisjoint(ADMINISTRATORS):
        raise Unauthenticated(
            T("管理员不经身份提供方登录", "Administrators do not log in by an identity provider"),
            mend=T("用密码登录", "Log in with your password"),
            reason="ADMINISTRATOR",
        )


def _domain(claims: Mapping[str, Any]) -> str:
    """Domain of a mail address that the provider has verified; empty without one."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str) or len(email) > 254:
        return ""
    return email.rpartition("@")[2].lower() if re.fullmatch(r"[^@\s]+@[^@\s]+", email) else ""


def _client(kernel: "Kernel", provider: IdentityProvider) -> oidc.Client:
    tx = kernel.store.read()
    kept = credentials.reveal(tx, kernel.keys, provider.id) if credentials.is_kept(tx, provider.id) else ""
    return oidc.Client(provider.spec.issuer, provider.spec.client, kept)


def entrust(kernel: "Kernel", caller: Caller, provider: IdentityProvider, secret: str) -> None:
    """Keep the client secret of a provider in place of an older one; empty takes it away. Raises `Forbidden`."""

    def write(tx: Tx) -> None:
        kernel.authority.require(tx, caller, "update", provider)
        credentials.forget(tx, provider.id)
        if secret:
            credentials.entrust(tx, kernel.keys, provider.id, secret)
        action = f"{IdentityProvider.meta.key}:set_secret"
        entry = Entry(actor=caller.id, action=action, kind=IdentityProvider.meta.key, resource=provider.id)
        kernel.audit.append(tx, entry)

    kernel.store.write(write).result()


def _denied(provider: IdentityProvider, browser: Browser, reason: str) -> Entry:
    private = {k: v for k, v in (("address", browser.address), ("agent", browser.agent)) if v}
    return Entry(
        actor="nobody",
        action="session:login",
        phase="denied",
        kind=IdentityProvider.meta.key,
        resource=provider.id,
        request=browser.request,
        reason=reason,
        private=private,
    )


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        T("此账号不能在这里登录", "This account does not log in here"),
        mend=T(
            "请管理员邀请你；已有账号的，先用密码登录再关联",
            "Ask to be invited; with an account here, log in with its password and link this one",
        ),
        reason="NOBODY",
    )
