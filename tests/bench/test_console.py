"""What `bench/console.py` sees of a page: weight, requests, times; and no figures of a page that is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.support import seen
from bench.support.seen import Visitor
from tests.console.yard import Yard
from tests.kit import browsers
from tests.kit.serving import served

PAGES = {"list": "/sheds", "detail": "/sheds/zq-one"}


@pytest.fixture
def devon(tmp_path: Path) -> Iterator[Visitor]:
    yard = Yard(tmp_path)
    yard.shed("zq-one")
    with served(yard.app) as url:
        yield Visitor(url, {"cloudhall_session": yard.session("devon"), "lang": "en"})
    yard.app.state.host.close()
    yard.kernel.stop()


def test_a_page_is_weighed(devon: Visitor) -> None:
    figures = seen.weighed(devon, PAGES, asked=5)
    for page in PAGES:
        assert 1 < figures[f"{page}.html_kib_gzip"] < 100
        assert 0 < figures[f"{page}.idle_server_ms_p95"] < 5_000


@pytest.mark.skipif(browsers.CHROMIUM is None, reason=browsers.MISSING)
def test_a_page_is_looked_at(devon: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "LOADS", 1)
    figures = seen.looked_at(devon, PAGES)
    for page in PAGES:
        assert figures[f"{page}.requests"] > 5  # style sheets, scripts and icons besides the page itself
        assert figures[f"{page}.offhost_requests"] == 0
        assert 0 < figures[f"{page}.script_ms"] < figures[f"{page}.lcp_ms"] + 5_000


def test_who_has_no_session_gets_no_figures(devon: Visitor) -> None:
    with pytest.raises(SystemExit):
        seen.weighed(Visitor(devon.url, {}), PAGES, asked=1)
