"""Linked accounts: which account of which provider is which person here.

Invariant: an account elsewhere is its issuer and its subject there (OpenID Connect Core 5.7), and at most one person's;
a mail address or a name never is. Whoever is linked can undo it, as long as another way in is left to them.
"""

import hashlib
from collections.abc import Iterable
from typing import Annotated

from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import Index, Kind, Look, Spec, Status, T, check_delete, field
from cloudhall.kernel.roles import AUDIT_ADMIN, SECURITY_ADMIN

SERVICE = "service:identity.identity_provider"


class LinkedAccountSpec(Spec, frozen=True, kw_only=True):
    """Who it is here and there."""

    person: Annotated[str, field("人员", "Person", ref="identity.person", on_delete="cascade", immutable=True)]
    provider: Annotated[
        str,
        field("身份提供方", "Identity provider", ref="identity.identity_provider", on_delete="cascade", immutable=True),
    ]
    issuer: Annotated[str, field("签发者", "Issuer", max_length=500, immutable=True)]
    subject: Annotated[str, field("在该处的编号", "Subject there", max_length=255, immutable=True)]
    email: Annotated[str, field("在该处的邮箱", "Address there", max_length=254, immutable=True)] = ""
    key: Annotated[str, field("标识", "Key", max_length=64, immutable=True)] = ""


class LinkedAccount(
    Kind[LinkedAccountSpec, Status],
    title=T("关联的账号", "Linked account"),
    prefix="li",
    doc=T(
        "某人在某个身份提供方处的账号。本人可以解除，安全管理员也可以。",
        "An account of somebody at an identity provider. Its owner can unlink it, and so can a security administrator.",
    ),
    scope="organisation",
    on_place_delete="cascade",
    auto_name=True,
    clauses=("SYS-029",),
    allow={"read": (SECURITY_ADMIN, AUDIT_ADMIN), "create": (SERVICE,), "delete": (SECURITY_ADMIN,)},
    indexes=(Index("spec.key", unique=True),),
    columns=("name", "spec.person", "spec.provider", "spec.email", "created_at"),
    icon="share",
    group="organisation",
    demo=(
        {
            "spec": {
                "person": "chen-xiaolan",
                "provider": "city-login",
                "issuer": "https://login.city.example",
                "subject": "248289761001",
                "key": "0f3c",
            },
        },
    ),
):
    """One row an account elsewhere."""


def key_of(issuer: str, subject: str) -> str:
    """What an account elsewhere is found by."""
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()


@check_delete(LinkedAccount)
def nobody_locks_themselves_out(link: LinkedAccount, look: Look) -> Iterable[Problem]:
    """Whoever has no password comes in by their links alone."""
    person = link.spec.person
    if look.actor != person or len(look.list(LinkedAccount, {"spec.person": person}, 2)) > 1:
        return
    if look.tx.execute("SELECT 1 FROM identity_password WHERE person = ?", (person,)).fetchone() is None:
        text = T("解除后你将无法登录", "You could not log in any more")
        mend = T("请安全管理员为你重设密码，设定密码后再解除", "Have your password reset, choose one, then unlink")
        yield Problem("LAST_WAY_IN", "", text, mend)
