"""Settings of the system: what holds, where it comes from, and what it changes. Read-only, for administrators.

A setting is changed where the server is started, never here: whoever could change one through the console would be
its operator.
"""

from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from cloudhall import settings
from cloudhall.console import permissions
from cloudhall.kernel.errors import Forbidden
from cloudhall.kernel.roles import ADMINISTRATORS
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit

COMMON = "CLOUDHALL_"
NOT_SET = T("未设置", "not set")


class Group(NamedTuple):
    """Settings of one concern."""

    title: T
    rows: tuple[settings.Setting, ...]


PREFIXES: tuple[tuple[T, tuple[str, ...]], ...] = (
    (T("对象存储", "Object store"), ("S3", "WEED")),
    (T("访问与 TLS", "Access and TLS"), ("TLS", "HOST", "PORT", "PROXIES")),
    (
        T("人员与登录", "People and log-in"),
        ("SECOND_FACTOR", "SIGN_UP", "ADDRESS"),
    ),
    (T("通知", "Notices"), ("SMTP", "MAIL", "WEBHOOK")),
    (
        T("保留与审计", "Keeping and audit"),
        ("EVENTS", "BIN", "DOCUMENT", "WITNESSES"),
    ),
    (T("数据与进程", "Data and processes"), ("",)),
)


def index(visit: "Visit") -> Response:
    """Every setting, those that somebody has set marked."""
    if not permissions.operates(visit):
        raise Forbidden(permissions.needs_role(ADMINISTRATORS))
    rows = settings.in_force(visit.kernel.served)
    return visit.page(
        "settings.html",
        groups=_groups(rows),
        chosen=sum(row.source != "default" for row in rows),
        number_of=len(rows),
        sources=settings.SOURCES,
        not_set=NOT_SET,
    )


def _groups(rows: list[settings.Setting]) -> list[Group]:
    """Each setting in the first group that fits its name; the last group takes the rest."""
    found: dict[int, list[settings.Setting]] = {i: [] for i in range(len(PREFIXES))}
    for row in rows:
        found[
            next(i for i, (_, names) in enumerate(PREFIXES) if row.name.removeprefix(COMMON).startswith(names))
        ].append(row)
    return [Group(title, tuple(found[i])) for i, (title, _) in enumerate(PREFIXES)]
