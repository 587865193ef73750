"""Pages of domains that are of no kind: a form and what follows from it, for anybody who is logged in."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from cloudhall.kernel.pages import Tool

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


def show(visit: "Visit", tool: Tool) -> Response:
    """Page of a tool, as its query asks."""
    return visit.page("tool.html", tool=tool, **tool.context(visit.query))
