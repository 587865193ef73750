"""API tokens: shown once, scoped, ending; only their hash is kept."""

import datetime
from collections.abc import Iterable
from typing import Annotated

from cloudhall.domains.identity.person import Person
from cloudhall.domains.identity.service_account import ServiceAccount
from cloudhall.kernel.errors import Problem
from cloudhall.kernel.kinds import Index, Kind, Look, Secret, Spec, Status, T, check, check_delete, field
from cloudhall.kernel.roles import SECURITY_ADMIN
from cloudhall.kernel.wire import to_us
from cloudhall.kernel.world import SECOND_US

LONGEST_DAYS = 366
NAMES_MAX = 10  # named in a refusal


class TokenSpec(Spec, frozen=True, kw_only=True):
    """For whom a token acts, what it covers, until when."""

    subject: Annotated[
        str,
        field(
            "代表谁",
            "Acts for",
            T("不填就是你自己；或本单位项目下的服务账号的编号", "yourself if left out, or the id of a service account"),
            immutable=True,
            pattern=r"|(pe|sa)-[0-9a-z]{17}",
            asker=True,
        ),
    ] = ""
    scopes: Annotated[
        list[str],
        field(
            "范围",
            "Scopes",
            T("例如 storage.bucket:read、storage.*、*:read", "such as storage.bucket:read, storage.* or *:read"),
            scopes=True,
        ),
    ]
    expires_at: Annotated[datetime.datetime, field("到期时间", "Expires", T("最长 366 天", "at most 366 days ahead"))]


class Token(
    Kind[TokenSpec, Status],
    title=T("访问令牌", "API token"),
    prefix="tk",
    doc=T(
        "供命令行和程序调用接口。只显示一次，有范围和期限，可随时吊销。",
        "For command line and programs. Shown once, limited in scope and time, revocable at any moment.",
    ),
    scope="organisation",
    auto_name=True,
    clauses=("SYS-029",),
    allow={"read": (SECURITY_ADMIN,), "create": (), "delete": (SECURITY_ADMIN,)},
    indexes=(Index("spec.subject"),),
    secret=Secret(prefix="cht"),
    columns=("name", "spec.subject", "spec.expires_at"),
    icon="key",
    group="organisation",
    demo=(
        {
            "spec": {
                "subject": "pe-01j9x4c7m2q8k3v57",
                "scopes": ["storage.bucket:read"],
                "expires_at": "2026-12-31T16:00:00Z",
            },
        },
    ),
):
    """One row a token. Policies let people have their own, and administrators those of their service accounts."""


@check(Token)
def tokens_end_within_a_year(new: Token, _old: Token | None, look: Look) -> Iterable[Problem]:
    """A forgotten token must not live for ever."""
    ahead_us = to_us(new.spec.expires_at) - look.now_us
    if not 0 < ahead_us <= LONGEST_DAYS * 86_400 * SECOND_US:
        text = T(f"到期时间须在今后 {LONGEST_DAYS} 天内", f"Must lie within the next {LONGEST_DAYS} days")
        yield Problem("RANGE", "/spec/expires_at", text)


@check(Token)
def service_accounts_are_at_home(new: Token, _old: Token | None, look: Look) -> Iterable[Problem]:
    """Whoever may issue tokens in one place must not act for another's program."""
    account = look.get(ServiceAccount, new.spec.subject)
    if new.spec.subject.startswith(ServiceAccount.meta.prefix) and (account is None or account.place != new.place):
        text = T("该处没有此服务账号", "There is no such service account here")
        mend = T("令牌放在服务账号所在的项目", "A token lies in the project of its service account")
        yield Problem("NO_SUCH", "/spec/subject", text, mend)


@check_delete(Person)
@check_delete(ServiceAccount)
def tokens_are_revoked_first(holder: Person | ServiceAccount, look: Look) -> Iterable[Token]:
    """A token outlives nobody."""
    yield from look.list(Token, {"spec.subject": holder.id})
