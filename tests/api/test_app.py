"""The application as a whole: health, other faces beside it, kinds that could not be reached."""

from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudhall.api.app import create_app
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind, Spec, Status, T
from cloudhall.kernel.registry import DeclarationError, Domain, Registry
from tests.api.town import Town


def test_health_needs_no_credential(town: Town) -> None:
    answer = TestClient(town.app).get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_a_store_that_does_not_answer_is_unhealthy(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("gone")

    monkeypatch.setattr(town.kernel.store, "read", broken)
    answer = TestClient(town.app).get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "failing"})


def test_other_faces_hang_their_routes_beside_it(town: Town) -> None:
    async def hello(request: Request) -> Response:
        return PlainTextResponse(request.state.request_id)

    app = create_app(town.kernel, routes=[Route("/{path:path}", hello)])
    answer = TestClient(app).get("/anything", headers={"Request-Id": "r-1"})
    assert (answer.text, answer.headers["request-id"]) == ("r-1", "r-1")
    assert TestClient(app).get("/api/v1/boxes").status_code == 401


class NoSpec(Spec, frozen=True, kw_only=True):
    """Nothing."""


class Search(
    Kind[NoSpec, Status], title=T("查", "Search"), prefix="zs", plural="search", doc=T("", ""), scope="platform"
):
    """A kind whose address is taken."""


def test_a_kind_that_could_not_be_reached_is_refused(tmp_path: Path) -> None:
    domain = Domain(name="clash", title=T("", ""), question=T("", ""), kinds=(Search,))
    kernel = Kernel(Registry([domain]), tmp_path)
    with pytest.raises(DeclarationError, match="'search'"):
        create_app(kernel)
    kernel.stop()
