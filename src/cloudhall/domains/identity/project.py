"""Projects: where resources lie, what quotas and statements are counted for."""

from typing import Annotated

from cloudhall.kernel.kinds import Kind, Spec, Status, T, field
from cloudhall.kernel.roles import AUDIT_ADMIN, EVERYBODY, ORG_ADMIN, SYSTEM_ADMIN


class ProjectSpec(Spec, frozen=True, kw_only=True):
    """What a project is for."""

    title_zh: Annotated[str, field("中文名称", "Chinese name", max_length=120, example="经济运行监测")]
    title_en: Annotated[str, field("英文名称", "English name", max_length=160)] = ""
    purpose: Annotated[str, field("用途", "Purpose", max_length=500)] = ""


class Project(
    Kind[ProjectSpec, Status],
    title=T("项目", "Project"),
    prefix="pj",
    doc=T(
        "资源所在之处。配额和账单按项目计。",
        "Where resources lie. Quotas and statements are counted by project.",
    ),
    scope="organisation",
    place=True,
    clauses=("SYS-029",),
    allow={
        "read": EVERYBODY,
        "create": (SYSTEM_ADMIN, ORG_ADMIN),
        "update": (SYSTEM_ADMIN, ORG_ADMIN),
        "delete": (SYSTEM_ADMIN,),
        "audit": (AUDIT_ADMIN,),
    },
    recoverable_days=30,
    columns=("name", "spec.title_zh", "place"),
    icon="target",
    group="organisation",
    demo=({"name": "economic-monitoring", "spec": {"title_zh": "经济运行监测"}},),
):
    """A leaf of the tree of places."""
