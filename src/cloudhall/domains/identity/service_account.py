"""Service accounts: programs that act in a project, with tokens of their own."""

from typing import Annotated

from cloudhall.kernel.kinds import Kind, Spec, Status, T, field
from cloudhall.kernel.roles import DEVELOPER, ORG_ADMIN, SECURITY_ADMIN, USERS


class ServiceAccountSpec(Spec, frozen=True, kw_only=True):
    """What the program does."""

    purpose: Annotated[str, field("用途", "Purpose", max_length=200, example="每日导入统计报表")]


class ServiceAccount(
    Kind[ServiceAccountSpec, Status],
    title=T("服务账号", "Service account"),
    prefix="sa",
    doc=T(
        "代表程序的账号：不能登录控制台，用令牌调用接口，权限由授权给出。",
        "An account for a program: no console, tokens for the API, and the roles it is granted.",
    ),
    clauses=("SYS-029",),
    allow={
        "read": (*USERS, SECURITY_ADMIN),
        "create": (DEVELOPER, ORG_ADMIN),
        "update": (DEVELOPER, ORG_ADMIN),
        "delete": (DEVELOPER, ORG_ADMIN),
    },
    columns=("name", "spec.purpose"),
    icon="cmd",
    group="organisation",
    demo=({"name": "nightly-import", "spec": {"purpose": "每日导入统计报表"}},),
):
    """A program's account."""
