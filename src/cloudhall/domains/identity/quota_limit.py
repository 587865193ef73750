"""Quota limits: the room that a project is given of one quota."""

from typing import Annotated

from cloudhall.kernel.kinds import Index, Kind, Limit, Spec, Status, T, field
from cloudhall.kernel.roles import ORG_ADMIN, SYSTEM_ADMIN, USERS


class QuotaLimitSpec(Spec, frozen=True, kw_only=True):
    """Which quota, and how much room."""

    quota: Annotated[str, field("配额项", "Quota", immutable=True, example="storage_gib", pattern="[a-z][a-z0-9_]*")]
    room: Annotated[int, field("额度", "Room", ge=0, example=4096)]


class QuotaLimit(
    Kind[QuotaLimitSpec, Status],
    title=T("配额", "Quota limit"),
    prefix="ql",
    doc=T(
        "项目某项配额的额度。调低到已用以下时，已有资源保留，但不能再增加；删除后恢复默认额度。",
        "The room of one quota in a project. Cut below what is used, everything stays but nothing more fits; "
        "deleted, the default room holds again.",
    ),
    on_place_delete="cascade",
    clauses=("SYS-001",),
    allow={
        "read": (*USERS, SYSTEM_ADMIN),
        "create": (SYSTEM_ADMIN, ORG_ADMIN),
        "update": (SYSTEM_ADMIN, ORG_ADMIN),
        "delete": (SYSTEM_ADMIN, ORG_ADMIN),
    },
    indexes=(Index("spec.quota"),),
    limits=(Limit("spec.quota", "spec.room"),),
    columns=("name", "spec.quota", "spec.room"),
    icon="quota",
    demo=({"name": "storage", "spec": {"quota": "storage_gib", "room": 4096}},),
):
    """One row a quota a project."""
