"""The documentation where errors point to: `/docs/reference/errors` answers the page's Markdown, to anybody.

Only in a checkout: the wheel carries no docs, and the address is then a plain 404.
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

DOCS = Path(__file__).resolve().parents[3] / "docs"


async def page(request: Request) -> Response:
    """One page as it is written; the anchor finds its heading by eye or search."""
    file = (DOCS / f"{request.path_params['page']}.md").resolve()
    if not file.is_relative_to(DOCS) or not file.is_file():
        return PlainTextResponse("404 no such page\n", status_code=404)
    return PlainTextResponse(file.read_text("utf-8"), headers={"X-Content-Type-Options": "nosniff"})


DOCS_ROUTE = Route("/docs/{page:path}", page)
