"""The OpenAPI document: well-formed, complete, in both languages, and true of what the interface does."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from cloudhall.api import openapi
from cloudhall.api.app import Interface
from cloudhall.api.filters import Filters
from cloudhall.installation import build_registry
from cloudhall.kernel.errors import CloudhallError
from tests.api.town import Town

METHODS = {"get", "post", "patch", "delete", "put"}
TYPES = {"object", "array", "string", "integer", "boolean", "number", "null"}


@pytest.fixture
def document(town: Town) -> dict[str, Any]:
    answer = town.client().get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield path, method, operation


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every object anywhere in a document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from inside(each)


def test_its_frame_is_that_of_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert set(document["info"]) >= {"title", "version"}
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    tags = {tag["name"] for tag in document["tags"]}
    for _, _, operation in operations(document):
        assert set(operation["tags"]) <= tags


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = [o["$ref"] for o in inside(document) if "$ref" in o]
    assert len(references) > 100
    for reference in references:
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    for schema in inside(document["components"]["schemas"]):
        types = schema.get("type", [])
        if isinstance(types, str | list):
            assert set([types] if isinstance(types, str) else types) <= TYPES
        properties = schema.get("properties", {})
        if isinstance(properties, dict) and "required" in schema:
            assert set(schema["required"]) <= set(properties)
        if isinstance(schema.get("pattern"), str):
            re.compile(schema["pattern"])


def test_operation_ids_are_noun_and_verb_and_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert {"box_list", "box_create", "box_get", "box_update", "box_delete", "box_resize", "box_seal"} <= set(ids)
    assert {"whoami", "login", "watch", "search", "explain", "audit_history_proof", "usage_totals"} <= set(ids)
    assert not {"badge_update", "badge_delete"} & set(ids)


def test_operation_ids_of_the_whole_installation_are_unique() -> None:
    registry = build_registry()
    found = openapi.document(registry, {kind: Filters(kind) for kind in registry}, ())
    ids = [operation["operationId"] for _, _, operation in operations(found)]
    assert len(set(ids)) == len(ids) > 40


def test_parameters_of_the_path_are_those_declared(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        declared = [(p["in"], p["name"]) for p in operation["parameters"]]
        assert len(set(declared)) == len(declared)
        assert {name for where, name in declared if where == "path"} == set(re.findall(r"{(\w+)}", path))
        assert all(p["description"] and p["schema"] for p in operation["parameters"])


def test_every_route_is_described_and_every_description_has_a_route(town: Town, document: dict[str, Any]) -> None:
    mounted = next(r.app for r in town.app.routes if isinstance(r, Mount))
    interface = mounted.app  # type: ignore[attr-defined]  # behind the answerer of problems
    assert isinstance(interface, Interface)
    own = {f"/api/v1{re.sub(':(int|path)}', '}', r.path)}" for r in interface.own.routes if isinstance(r, Route)}
    assert own == {p for p in document["paths"] if p.split("/")[3] in interface.words} | {"/api/v1/openapi.json"}
    plurals = {p.split("/")[3].partition(":")[0] for p in document["paths"]} - interface.words
    assert plurals == set(town.kernel.registry.by_plural)
    town.kernel.seal()  # so that nobody waits for a checkpoint
    for path, method, _ in operations(document):
        if path != "/api/v1/watch":
            address = path.removeprefix("/api/v1").format(id="x", index=1, rest="0/000")
            answer = town.client("dev").request(method, address, json={})
            assert answer.status_code != 405, (method, path)
            assert "NO_SUCH_ACTION" not in answer.text


def test_every_error_is_described(document: dict[str, Any]) -> None:
    create = document["paths"]["/api/v1/boxes"]["post"]["responses"]
    assert set(create) == {"200", "201", "204"} | {
        str(s) for s in (400, 401, 403, 404, 405, 409, 412, 413, 415, 429, 500, 503)
    }
    known = {e.status for e in _tree(CloudhallError)}
    described = {int(s) for _, _, o in operations(document) for s in o["responses"] if int(s) >= 400}
    assert described <= known
    for answer in document["components"]["responses"].values():
        assert list(answer["content"]) == ["application/problem+json"]
        assert answer["description"]


def _tree(root: type[CloudhallError]) -> Iterator[type[CloudhallError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def test_headers_that_make_a_change_safe_are_described(document: dict[str, Any]) -> None:
    boxes, box = document["paths"]["/api/v1/boxes"], document["paths"]["/api/v1/boxes/{id}"]
    action = document["paths"]["/api/v1/boxes/{id}:resize"]["post"]
    for operation, headers in (
        (boxes["post"], {"Idempotency-Key"}),
        (box["patch"], {"Idempotency-Key", "If-Match"}),
        (box["delete"], {"Idempotency-Key", "If-Match"}),
        (action, {"Idempotency-Key", "If-Match"}),
        (box["get"], set()),
    ):
        assert {p["name"] for p in operation["parameters"] if p["in"] == "header"} == headers
    assert set(boxes["post"]["responses"]["201"]["headers"]) >= {"ETag", "Location", "Idempotency-Replayed"}
    queries = {p["name"]: p["schema"] for p in boxes["get"]["parameters"] if p["in"] == "query"}
    assert queries["grade"] == {"type": "array", "items": {"type": "string", "enum": ["open", "internal", "secret"]}}
    assert "-size_gib" in queries["sort"]["enum"]


def test_fields_carry_both_languages_limits_and_examples(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    spec = schemas["BoxSpec"]
    assert spec["required"] == ["size_gib"]
    assert spec["additionalProperties"] is False
    size = spec["properties"]["size_gib"]
    assert (size["title"], size["x-title"]) == ("大小 · Size", {"zh": "大小", "en": "Size"})
    assert (size["type"], size["minimum"], size["maximum"], size["x-unit"], size["examples"]) == (
        "integer",
        1,
        1_000,
        "GiB",
        [20],
    )
    assert spec["properties"]["note"]["description"] == "给人看的\n\nfor people"
    assert spec["properties"]["opens_at"]["type"] == ["string", "null"]
    assert spec["properties"]["sealed"]["x-set-by"] == ["seal"]
    assert schemas["LidSpec"]["properties"]["box"]["x-refers-to"] == "town.box"
    assert schemas["BoxCreate"]["required"] == ["name", "project", "spec"]
    assert schemas["TokenCreate"]["required"] == ["organisation", "spec"]
    assert "secret" in schemas["Token"]["properties"]
    assert "required" not in schemas["BoxPatch"]["properties"]["spec"]


def test_the_example_of_a_create_is_accepted(document: dict[str, Any], town: Town, dev: TestClient) -> None:
    (example,) = document["components"]["schemas"]["BoxCreate"]["examples"]
    assert dev.post("/boxes", json=example | {"project": "census"}).status_code == 201


def test_an_answer_is_as_described(document: dict[str, Any], dev: TestClient) -> None:
    made = dev.post("/boxes", json={"name": "a", "project": "census", "spec": {"size_gib": 5}}).json()
    schema = document["components"]["schemas"]["Box"]
    assert set(schema["required"]) <= set(made) <= set(schema["properties"]) | {"deleting_at"}
    assert set(made["spec"]) == set(document["components"]["schemas"]["BoxSpec"]["properties"])
    problem = dev.get("/boxes/none").json()
    assert set(document["components"]["schemas"]["Problem"]["required"]) <= set(problem)
