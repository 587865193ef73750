"""Organisations: the tree of commissions, bureaus, schools and firms that people belong to and projects lie in."""

from typing import Annotated, Literal

from cloudhall.kernel.kinds import Index, Kind, Spec, Status, T, field
from cloudhall.kernel.roles import AUDIT_ADMIN, EVERYBODY, SYSTEM_ADMIN

Level = Literal["municipal", "district", "institution", "company"]
LEVELS = {
    "municipal": T("市级", "Municipal"),
    "district": T("区县", "District"),
    "institution": T("事业单位", "Public institution"),
    "company": T("企业", "Company"),
}


class OrganisationSpec(Spec, frozen=True, kw_only=True):
    """What an organisation is called, and on which level it stands."""

    title_zh: Annotated[str, field("中文名称", "Chinese name", max_length=120, example="市经济信息委")]
    title_en: Annotated[str, field("英文名称", "English name", max_length=160)] = ""
    level: Annotated[Level, field("层级", "Level", choices=LEVELS)] = "municipal"


class Organisation(
    Kind[OrganisationSpec, Status],
    title=T("单位", "Organisation"),
    prefix="or",
    doc=T(
        "一个部门、区县、学校或企业。项目和人员属于单位，角色授予在单位上，对其下的一切有效。",
        "A department, district, school or firm. Projects and people belong to it; a role on it holds for all below.",
    ),
    scope="organisation",
    place=True,
    clauses=("SYS-072",),
    allow={
        "read": EVERYBODY,
        "create": (SYSTEM_ADMIN,),
        "update": (SYSTEM_ADMIN,),
        "delete": (SYSTEM_ADMIN,),
        "audit": (AUDIT_ADMIN,),
    },
    indexes=(Index("spec.level"),),
    recoverable_days=30,
    columns=("name", "spec.title_zh", "spec.level"),
    icon="org",
    group="organisation",
    demo=({"name": "economy-information", "spec": {"title_zh": "市经济信息委"}},),
):
    """A node of the tree of places. Two levels carry SYS-072: city and county tenancies share one installation."""
