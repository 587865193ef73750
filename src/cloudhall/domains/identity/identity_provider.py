"""Identity providers: log-ins elsewhere (OpenID Connect) that are taken here.

A provider lies on the platform or in an organisation; who comes by it lives there. The client secret is no field: it is
given apart (`provider_secrets`), kept wrapped, and never shown.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from cloudhall.domains.identity.organisation import Organisation
from cloudhall.kernel import places
from cloudhall.kernel.errors import NotFound, Problem
from cloudhall.kernel.kinds import Index, Kind, Look, Spec, Status, T, check, field
from cloudhall.kernel.look import equal
from cloudhall.kernel.roles import AUDIT_ADMIN, SECURITY_ADMIN
from cloudhall.kernel.store.tables import LIVE, Sort

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

OFFERED_MAX = 20
DOMAIN = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+"
Domain = Annotated[str, field("邮箱域名", "Mail domain", pattern=DOMAIN, max_length=253)]


class IdentityProviderSpec(Spec, frozen=True, kw_only=True):
    """Who it is, how we are known there, whom it lets in."""

    issuer: Annotated[
        str,
        field(
            "签发者",
            "Issuer",
            T(
                "与其发现文档中的完全一致；本机以外须用 https",
                "as its discovery document says; https",
            ),
            pattern=r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?",
            max_length=500,
            immutable=True,
            example="https://login.city.example",
        ),
    ]
    client: Annotated[
        str,
        field("客户端编号", "Client id", T("在该处登记的", "as registered"), max_length=255, example="cloudhall"),
    ]
    title_zh: Annotated[str, field("中文按钮文字", "Button in Chinese", max_length=60, example="市统一身份认证")]
    title_en: Annotated[str, field("英文按钮文字", "Button in English", max_length=80)] = ""
    enabled: Annotated[bool, field("启用", "Enabled")] = True
    mail_domains: Annotated[
        list[Domain],
        field(
            "限定的邮箱域名",
            "Mail domains",
            T("不填则不限；须是已验证的邮箱", "left out, any; the address must be verified there"),
        ),
    ] = []  # noqa: RUF012  msgspec gives each instance its own
    authoritative_domains: Annotated[
        list[Domain],
        field(
            "可凭邮箱认人的域名",
            "Authoritative for",
            T(
                "这些域名的邮箱由它发放，可凭邮箱认出已有的人",
                "it gives out these addresses; one is enough",
            ),
        ),
    ] = []  # noqa: RUF012  as above
    people_in: Annotated[
        str,
        field(
            "新人所属单位",
            "New people live in",
            T("不填则不为不认识的人开立账号", "left out, nobody unknown is given an account"),
            ref="identity.organisation",
        ),
    ] = ""


class IdentityProvider(
    Kind[IdentityProviderSpec, Status],
    title=T("身份提供方", "Identity provider"),
    prefix="ip",
    doc=T(
        "用别处的账号登录。认人只凭签发者加编号；管理员不经此登录。",
        "Log-in with an account elsewhere (OpenID Connect). People are known by issuer and subject; administrators do "
        "not come in this way.",
    ),
    scope="organisation",
    on_place_delete="cascade",
    clauses=("SYS-029",),
    allow={
        "read": (SECURITY_ADMIN, AUDIT_ADMIN),
        "create": (SECURITY_ADMIN,),
        "update": (SECURITY_ADMIN,),
        "delete": (SECURITY_ADMIN,),
    },
    indexes=(Index("spec.enabled"),),
    columns=("name", "spec.title_zh", "spec.issuer", "place", "spec.enabled"),
    icon="open",
    group="organisation",
    demo=(
        {
            "name": "city-login",
            "spec": {"issuer": "https://login.city.example", "client": "cloudhall", "title_zh": "市统一身份认证"},
        },
    ),
):
    """One row a provider; its keys are read from it, and kept nowhere."""


def title(provider: IdentityProvider) -> T:
    """Text of its button."""
    return T(provider.spec.title_zh, provider.spec.title_en or provider.name)


def offered(kernel: "Kernel") -> list[IdentityProvider]:
    """Providers that the log-in page offers."""
    where = LIVE & equal({"spec.enabled": True})
    return kernel.tables[IdentityProvider].page(kernel.store.read(), where, Sort("name"), None, OFFERED_MAX)


def one_offered(kernel: "Kernel", id_: str) -> IdentityProvider:
    """One of them, by id; raises `NotFound`."""
    row = kernel.tables[IdentityProvider].get(kernel.store.read(), id_)
    if row is None or row.deleting_us is not None or not row.spec.enabled:
        raise NotFound(T("没有这个登录方式", "There is no such way to log in"))
    return row


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@check(IdentityProvider)
def secrets_travel_encrypted(new: IdentityProvider, _old: IdentityProvider | None, _look: Look) -> Iterable[Problem]:
    """Whoever reads the wire to a provider could be anybody here."""
    parts = urlsplit(new.spec.issuer)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        text = T("本机以外的签发者须用 https", "An issuer that is not on this machine needs https")
        yield Problem("HTTPS", "/spec/issuer", text)


@check(IdentityProvider)
def people_come_where_it_lies(new: IdentityProvider, _old: IdentityProvider | None, _look: Look) -> Iterable[Problem]:
    """A provider of one organisation opens accounts in no other."""
    if new.place not in (places.PLATFORM, new.spec.people_in) and new.spec.people_in:
        text = T("该身份提供方只能在自己的单位开立账号", "This provider opens accounts in its own organisation alone")
        yield Problem("NO_SUCH", "/spec/people_in", text)
    if not re.match(Organisation.meta.prefix + "-", new.place) and new.place != places.PLATFORM:
        yield Problem("NO_SUCH", "/organisation", T("放在平台或单位", "It lies on the platform or in an organisation"))
