"""What an error's `docs` link leads to."""

from starlette.applications import Starlette
from starlette.testclient import TestClient

from cloudhall.api.docs import DOCS_ROUTE
from cloudhall.kernel.errors import Stale
from cloudhall.kernel.text import T


def test_the_link_of_an_error_leads_to_its_page() -> None:
    client = TestClient(Starlette(routes=[DOCS_ROUTE]))
    link = Stale(T("旧", "old")).docs
    answer = client.get(link)
    assert answer.status_code == 200
    assert "STALE" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


def test_nothing_outside_the_docs_is_served() -> None:
    client = TestClient(Starlette(routes=[DOCS_ROUTE]))
    for page in ("/docs/../README", "/docs/%2e%2e/README", "/docs/nothing", "/docs//etc/hostname"):
        assert client.get(page).status_code == 404
