"""The help sheet: keys, and where the documentation is. A page of its own, which the `?` key shows on top of others."""

from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from cloudhall.api import shelf
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


class Key(NamedTuple):
    """Keys that may be pressed one for the other, and what they do; `inside` names where, empty for everywhere."""

    keys: tuple[str, ...]
    text: T
    inside: T = T("", "")


PALETTE = T("搜索框内", "in the search box")
KEYS = (
    Key(("/", "Ctrl K"), T("搜索全部", "Search everything")),
    Key(("?",), T("打开本页", "Open this sheet")),
    Key(("Esc",), T("关闭打开的面板", "Close what is open")),
    Key(("↑", "↓"), T("选择上一项或下一项", "Choose the hit before or behind"), PALETTE),
    Key(("Enter",), T("打开所选", "Open what is chosen"), PALETTE),
    Key(("Tab", "Shift Tab"), T("到下一个或上一个控件", "To the next control or back")),
)
SECTIONS = {
    "tutorials": T("教程", "Tutorials"),
    "how-to": T("操作指南", "How-to"),
    "reference": T("参考", "Reference"),
    "explanation": T("原理", "Explanation"),
}


def page(visit: "Visit") -> Response:
    """Page of the sheet, for everybody."""
    found = shelf.sections(visit.language)
    sections = [(title, found[folder]) for folder, title in SECTIONS.items() if folder in found]
    return visit.page("help.html", keys=KEYS, sections=sections)
