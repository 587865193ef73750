"""Every operation of the interface answers as its description says, whoever asks for whatever; no fault is ours."""

import contextlib
import copy
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.api import Api
from tests.e2e.server import Server
from tests.e2e.soak.interface import Interface

WHOLE = os.environ.get("CLOUDHALL_CAMPAIGN") == "whole"
EXAMPLES = 60 if WHOLE else 2  # of allowed data, and half as many of forbidden data, for each operation
SEED = int(os.environ.get("CLOUDHALL_SEED", "1"))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A city that requests may change as they please."""
    server = Server(tmp_path_factory.mktemp("interface") / "home")
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture(scope="module")
def document(town: Server) -> Any:
    with contextlib.closing(Api(town.url)) as api:
        return api.get("openapi.json")


@pytest.mark.timeout(7_200 if WHOLE else 300)
def test_every_operation_answers_as_described(town: Server, document: Any) -> None:
    with contextlib.closing(Interface(town.url, document, SEED)) as interface:
        for operation in interface.operations():
            interface.ask(operation, EXAMPLES)
        assert interface.wrong == []
        assert interface.asked.total() > len(document["paths"]) * EXAMPLES
        assert {200, 201, 400, 401, 403, 404, 409} <= set(interface.asked)
    assert "Traceback" not in town.said()


@pytest.mark.parametrize("status", ["200", "404"])
def test_an_answer_that_is_not_as_described_is_seen(town: Server, document: Any, status: str) -> None:
    other: Any = copy.deepcopy(document)
    for schema in ("BucketList", "Problem"):
        other["components"]["schemas"][schema] = {"type": "object", "required": ["planted"]}
    path = {"200": "/api/v1/buckets", "404": "/api/v1/buckets/{id}"}[status]
    with contextlib.closing(Interface(town.url, other, SEED)) as interface:
        for operation in interface.operations():
            if operation.label == f"GET {path}":
                interface.ask(operation, 4)
        assert any("planted" in line for line in interface.wrong)


def test_an_answer_that_is_not_described_is_seen(town: Server, document: Any) -> None:
    other: Any = copy.deepcopy(document)
    get = other["paths"]["/api/v1/buckets/{id}"]["get"]
    get["responses"] = {"200": get["responses"]["200"]}
    with contextlib.closing(Interface(town.url, other, SEED)) as interface:
        interface.ask(next(o for o in interface.operations() if o.label == "GET /api/v1/buckets/{id}"), 4)
        assert any("Undocumented" in line for line in interface.wrong)
