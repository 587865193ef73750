"""Every operation of the OpenAPI document, asked with data that it allows and with data that it forbids.

Before requests are drawn from the document, names of things that are there are written into it, so that requests reach
more than the first refusal; what is answered is checked against it. Who asks is drawn too. A request that ends
sessions or people ends them: whoever can log in anew does, and nobody minds.
"""

import contextlib
import copy
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import hypothesis
import requests
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

from tests.e2e.api import API, PASSWORD, Api

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
LOGINS = ("chen-xiaolan", "zhou-hang", "luo-jing", "liang-yu", "he-chuan", "")
ASKERS = 3  # at most, for one request
NOT_YOURS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
STREAM = "text/event-stream"
SHORT = {"type": "string", "pattern": "^[0-9]{1,2}ms$"}
NOBODY = "no-such-thing"
PLACES = ("project", "organisation")
TIMEOUT_S = 20


class Interface:
    """One server's interface; `wrong` holds what it answered otherwise than it says, `asked` how often by status."""

    def __init__(self, url: str, document: Mapping[str, Any], seed: int) -> None:
        """`url` is that of a demonstration city of the test's own, which is not the same afterwards."""
        self.url, self.seed = url, seed
        self.chance = random.Random(seed)  # noqa: S311  replayable on purpose
        self.session = requests.Session()
        self.session.trust_env = False
        self.tokens: dict[str, str] = {}
        self.asked: Counter[int] = Counter()
        self.wrong: list[str] = []
        with contextlib.closing(Api.of(url, "zhou-hang")) as api:
            self.schema: Any = schemathesis.openapi.from_dict(with_names(document, names_of(api, document)))

    def operations(self) -> Iterator[Any]:
        """Every operation that answers and ends."""
        for result in self.schema.get_all_operations():
            operation = result.ok()
            if STREAM not in json.dumps(operation.definition.raw):
                yield operation

    def ask(self, operation: Any, examples: int) -> None:
        """Ask so many times with data that are allowed, and half as often with others."""
        for mode, often in ((GenerationMode.POSITIVE, examples), (GenerationMode.NEGATIVE, -(-examples // 2))):
            with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # where nothing is asked, nothing is forbidden
                self._asked(operation.as_strategy(generation_mode=mode), often)

    def close(self) -> None:
        """Let go of the connection."""
        self.session.close()

    def _asked(self, strategy: Any, examples: int) -> None:
        @hypothesis.seed(self.seed)
        @hypothesis.settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=strategy)
        def one(case: Any) -> None:
            self._one(case)

        one()

    def _one(self, case: Any) -> None:
        """Let one ask; where they may not, others, until somebody may."""
        for who in self.chance.sample(LOGINS, ASKERS):
            headers = {"Authorization": f"Bearer {token}"} if (token := self._token(who)) else {}
            answer = case.call(base_url=self.url, session=self.session, headers=headers, timeout=TIMEOUT_S)
            self.asked[answer.status_code] += 1
            self._check(case, answer, who)
            if answer.status_code == HTTPStatus.UNAUTHORIZED:
                self.tokens.pop(who, None)
            if answer.status_code not in NOT_YOURS:
                return

    def _check(self, case: Any, answer: Any, who: str) -> None:
        try:
            case.validate_response(answer, checks=CHECKS)
        except (FailureGroup, Failure) as found:
            for failure in getattr(found, "exceptions", [found]):
                self.wrong.append(f"{case.operation.label} as {who}: {failure}\n{case.as_curl_command()}")

    def _token(self, who: str) -> str:
        """Session of somebody; nobody's, once they cannot log in any more."""
        if who and who not in self.tokens:
            body = {"login": who, "password": PASSWORD}
            answer = self.session.post(f"{self.url}{API}login", json=body, timeout=TIMEOUT_S)
            self.tokens[who] = answer.json().get("token", "")
        return self.tokens.get(who, "")


def names_of(api: Api, document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names and ids of a few of what is there, by the plural of its kind."""
    plurals = {path.split("/")[3] for path in document["paths"] if path.endswith("/{id}")}
    found = {plural: api.send("GET", plural).body.get("items", []) for plural in sorted(plurals)}
    return {
        plural: [row[of] for row in rows[:5] for of in ("id", "name") if of in row] for plural, rows in found.items()
    }


def with_names(document: Mapping[str, Any], names: Mapping[str, list[str]]) -> dict[str, Any]:
    """The document with names in place of any text where something is meant, and waits kept short.

    What says who asks is left out: that is drawn here.
    """
    known: dict[str, Any] = copy.deepcopy(dict(document))
    del known["security"], known["components"]["securitySchemes"]
    plurals: dict[str, str] = {}
    for path, methods in known["paths"].items():
        plural = path.split("/")[3].partition(":")[0]
        for operation in methods.values():
            operation.pop("security", None)
            if "x-operation" in operation:
                plurals[operation["x-operation"].partition(":")[0]] = plural
            if path.partition(":")[0].endswith("/{id}"):  # a name that is right is seldom also in a place that is drawn
                operation["parameters"] = [p for p in operation["parameters"] if p["name"] not in PLACES]
            for parameter in operation["parameters"]:
                if known_ids := _names(plural if parameter["name"] == "id" else parameter["name"], names):
                    parameter["schema"] = {"enum": [*known_ids, NOBODY]}
                elif parameter["name"] == "wait":
                    parameter["schema"] = SHORT
    for schema in known["components"]["schemas"].values():
        _refer(schema, plurals, names)
    return known


def _refer(schema: Any, plurals: Mapping[str, str], names: Mapping[str, list[str]]) -> None:
    """Write names into a schema, however deep, beside what it allows: for places, and for what refers to a kind."""
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        for name, field in properties.items() if isinstance(properties, dict) else ():
            known = _names(plurals.get(field.get("x-refers-to", ""), name), names)
            if known and field.get("type") == "string":
                properties[name] = {"anyOf": [{"enum": known}, field]}
        for inner in schema.values():
            _refer(inner, plurals, names)


def _names(what: str, names: Mapping[str, list[str]]) -> list[str]:
    """Names there are of a kind, told by its plural, or as a place by its name."""
    return names.get(f"{what}s" if what in PLACES else what, [])
