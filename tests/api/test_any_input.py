"""Whatever is sent, it is answered; nothing that comes from outside is a fault of ours."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.town import Town
from tests.kit.databases import BOTH

pytestmark = BOTH

EXAMPLES = 150
NAMES = ["name", "project", "labels", "spec", "size_gib", "grade", "note", "tags", "opens_at", "colour", "sealed", ""]
ODD: list[Any] = [2**63, 10**400, 1e308, "a\x00", "\ud800", "x" * 5_000, "0001-01-01T00:00:00+23:59", "pj-x", "census"]
CHANGES = ["/boxes", "/boxes/a", "/boxes/a:resize", "/boxes/a:seal", "/lids", "/people", "/tokens", "/grants", "/login"]
CHANGES += ["/boxes:batch_create", "/boxes:bulk_delete", "/boxes:bulk_label?validate_only=true"]
READS = ["/boxes", "/lids", "/search", "/explain", "/audit", "/usage", "/usage/readings", "/audit/proof", "/boxes/a"]
READS += ["/rules", "/deadline"]
PARAMS = [
    "q",
    "grade",
    "size_gib",
    "opens_at",
    "sealed",
    "name",
    "sort",
    "facets",
    "page_size",
    "page_token",
    "project",
]
PARAMS += ["place", "operation", "resource", "meter", "since", "from", "to", "kind", "lang", "box", "target", "label"]
PARAMS += ["as_of", "days", "pause"]

leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(ODD))
values = st.recursive(
    leaves, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(NAMES), v, max_size=4)
)
bodies = st.fixed_dictionaries(
    {
        "name": leaves,
        "project": st.sampled_from(["census", "", 7]),
        "spec": st.dictionaries(st.sampled_from(NAMES), values),
    }
)
several = st.fixed_dictionaries({"items": st.lists(bodies | values, max_size=3), "atomic": st.booleans() | leaves})
queries = st.dictionaries(
    st.sampled_from(PARAMS), st.text(max_size=6) | st.sampled_from(["census", "a", "true", "x" * 4_000])
)


def test_no_change_is_a_fault_of_ours(town: Town) -> None:
    client = town.client("dev")
    client.post("/boxes", json={"name": "a", "project": "census", "spec": {"size_gib": 5}})

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.sampled_from(["POST", "PATCH", "DELETE"]), st.sampled_from(CHANGES), bodies | several | values)
    def attempt(method: str, address: str, body: Any) -> None:
        content = json.dumps(body).encode()
        answer = client.request(method, address, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500

    attempt()


def test_no_question_is_a_fault_of_ours(town: Town) -> None:
    client = town.client("auditor")

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.sampled_from(READS), queries)
    def attempt(address: str, query: dict[str, str]) -> None:
        assert client.get(address, params=query).status_code < 500

    attempt()
