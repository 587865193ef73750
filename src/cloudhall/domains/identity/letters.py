"""What mails of this domain say, in both languages, and the links that they and the console show. Decides nothing."""

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from cloudhall.domains.identity.organisation import Organisation
from cloudhall.domains.identity.project import Project
from cloudhall.kernel import office
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.roles import ROLES
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

ADDRESS = "CLOUDHALL_ADDRESS"
JOIN = "/join"


def link(code: str, origin: str = "") -> str:
    """Address where a code is good; `origin` as in `address`."""
    return f"{address(origin)}{JOIN}?{urlencode({'code': code})}"


def address(origin: str) -> str:
    """Address of the console as people know it; that of the request where the operator has named none."""
    return os.environ.get(ADDRESS, "").rstrip("/") or origin


def place_title(kernel: "Kernel", place: str) -> T:
    """What people call an organisation or project; its id where it is gone."""
    kind: Any = next((k for k in (Organisation, Project) if place.startswith(k.meta.prefix)), None)
    row = kernel.tables[kind].get(kernel.store.read(), place) if kind else None
    return title_of(row) if row else T(place, place)


def title_of(place: Organisation | Project) -> T:
    """What people call a place; its name where it has none in English."""
    return T(place.spec.title_zh, place.spec.title_en or place.name)


def invitation(kernel: "Kernel", asked: Kind[Any, Any], code: str, until_us: int) -> tuple[str, str]:
    """Subject and text of the mail that carries an invitation's link."""
    where, role, day = place_title(kernel, asked.place), ROLES[asked.spec.role], office.day_of(until_us)
    lines = (
        f"你被邀请以“{role.zh}”的角色加入“{where.zh}”。请在 {day} 前打开以下链接，链接只能用一次：",
        f"You are invited to join {where.en} as {role.en}. Open this link before {day}; it is good once:",
        link(code),
        asked.spec.note,
        "如与你无关，请忽略本邮件。If this is not for you, leave it.",
    )
    return "云厅的邀请 · Invitation to Cloudhall", "\n".join([*filter(None, lines), ""])
