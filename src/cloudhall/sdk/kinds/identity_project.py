"""Project · 项目. Written by `make docs` from the declaration of identity.project."""

from typing import ClassVar, NotRequired, TypedDict, Unpack, cast

from cloudhall.sdk.kind import Changes, Deletes, Makes, Reads
from cloudhall.sdk.resource import How, Resource


class ProjectSpec(TypedDict):
    """What people decided."""

    title_zh: str
    """Chinese name · 中文名称"""
    title_en: str
    """English name · 英文名称"""
    purpose: str
    """Purpose · 用途"""


class ProjectStatus(TypedDict):
    """What the program found out."""


class Project(Resource):
    """Project · 项目."""

    organisation: str
    spec: ProjectSpec
    status: ProjectStatus


class ProjectWhere(TypedDict, total=False):
    """What a list of projects is filtered by."""


class ProjectInput(TypedDict):
    """What a new one is made from."""

    title_zh: str
    """Chinese name · 中文名称"""
    title_en: NotRequired[str]
    """English name · 英文名称"""
    purpose: NotRequired[str]
    """Purpose · 用途"""


class ProjectPatch(TypedDict, total=False):
    """What may be changed; None gives a field its default back."""

    title_zh: str | None
    """Chinese name · 中文名称"""
    title_en: str | None
    """English name · 英文名称"""
    purpose: str | None
    """Purpose · 用途"""


class Projects(
    Reads[Project, ProjectWhere], Makes[Project, ProjectInput], Changes[Project, ProjectPatch], Deletes[Project]
):
    """Project · 项目.

    Where resources lie. Quotas and statements are counted by project.
    资源所在之处。配额和账单按项目计。
    """

    kind: ClassVar[str] = "identity.project"
    plural: ClassVar[str] = "projects"
    scope: ClassVar[str] = "organisation"

    def restore(self, target: str, **how: Unpack[How]) -> Project:
        """Restore from the recycle bin · 从回收站恢复."""
        return cast("Project", self._act(target, "restore", {}, how))

    def purge(self, target: str, **how: Unpack[How]) -> Project:
        """Destroy for good · 彻底销毁."""
        return cast("Project", self._act(target, "purge", {}, how))
