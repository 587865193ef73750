"""The same questions asked of cedarpy: the oracle of tests, figures and past decisions, some 50 times slower.

How a request lies in Cedar: a role granted on a place is a parent of the principal; `developer@org` has the parents
`developer@project` of the places right below, so that the tree of places is the hierarchy of roles; each resource
carries `id`, its attributes, and `role`, the roles of its own place.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import cedarpy
import msgspec

from cloudhall.kernel.policy.model import Context, Decision, Object, Subject
from cloudhall.kernel.policy.schema import PolicySchema, cedar_type, verb_of
from cloudhall.kernel.text import T


class Request(msgspec.Struct, frozen=True):
    """One question."""

    subject: Subject
    action: str
    resource: Object
    context: Context


class Oracle:
    """Answers of cedarpy about one policy set, of which it takes nothing but texts and vocabulary."""

    def __init__(self, sources: Mapping[str, str], schema: PolicySchema) -> None:
        text = "\n".join(text for _, text in sorted(sources.items()))
        self._schema = schema
        self._handle = cedarpy.PolicySet.from_str(text)
        notes = {key: p.annotations for key, p in self._handle.to_pst().static_policies.items()}
        self._ids = {key: note["id"] for key, note in notes.items()}
        self.texts = {note["id"]: T(note["zh"], note["en"]) for note in notes.values()}

    def decide(self, subject: Subject, action: str, resource: Object, context: Context) -> Decision:
        """Answer one request, from the entities of this subject and resource alone."""
        request = Request(subject, action, resource, context)
        return next(self.decide_all([request], self.entities([subject], [resource])))

    def entities(self, subjects: Iterable[Subject], resources: Iterable[Object]) -> cedarpy.Entities:
        """Everything that Cedar has to know of these; load once for many requests."""
        resources = list(resources)
        known = [*_actions(self._schema), *map(_principal, subjects)]
        known += [*_roles(self._schema, resources), *_places(resources)]
        known += [self._resource(resource) for resource in resources]
        return cedarpy.Entities.from_json_str(json.dumps(known))

    def decide_all(self, requests: Sequence[Request], entities: cedarpy.Entities) -> Iterator[Decision]:
        """Answer many requests about entities that have been loaded."""
        asked = [_asked(request) for request in requests]
        return map(self._decision, cedarpy.is_authorized_batch(asked, self._handle, entities))

    def _decision(self, result: cedarpy.AuthzResult) -> Decision:
        reasons = tuple(sorted(self._ids[key] for key in result.diagnostics.reasons))
        errors = (re.search(r"policy `(policy\d+)`", error) for error in result.diagnostics.errors)
        skipped = tuple(sorted(self._ids[found[1]] for found in errors if found))
        return Decision(result.allowed, reasons, not result.allowed and bool(reasons), skipped)

    def _resource(self, resource: Object) -> dict[str, Any]:
        here = resource.ancestors[0]
        roles = {role: {"__entity": _uid("Role", f"{role}@{here}")} for role in self._schema.roles}
        attrs = {**_attrs(resource.attrs), "id": resource.id, "role": roles}
        return _entity(_uid(cedar_type(resource.kind), resource.id), [_uid("Place", here)], attrs)


def sorted_decision(decision: Decision) -> Decision:
    """The same decision with its ids in order, to be compared."""
    return msgspec.structs.replace(
        decision, determining=tuple(sorted(decision.determining)), errors=tuple(sorted(decision.errors))
    )


def _asked(request: Request) -> dict[str, Any]:
    return {
        "principal": _uid(request.subject.type, request.subject.id),
        "action": _uid("Action", request.action),
        "resource": _uid(cedar_type(request.resource.kind), request.resource.id),
        "context": _attrs(request.context),
    }


def _principal(subject: Subject) -> dict[str, Any]:
    held = [_uid("Role", f"{role}@{place}") for role, places in subject.granted.items() for place in places]
    return _entity(_uid(subject.type, subject.id), held, {**_attrs(subject.attrs), "id": subject.id})


def _roles(schema: PolicySchema, resources: Iterable[Object]) -> Iterator[dict[str, Any]]:
    for place, below in _tree(resources).items():
        for role in schema.roles:
            parents = [_uid("Role", f"{role}@{child}") for child in sorted(below)]
            yield _entity(_uid("Role", f"{role}@{place}"), parents)


def _places(resources: Iterable[Object]) -> Iterator[dict[str, Any]]:
    above = {child: place for place, below in _tree(resources).items() for child in below}
    for place in _tree(resources):
        yield _entity(_uid("Place", place), [_uid("Place", above[place])] if place in above else [])


def _tree(resources: Iterable[Object]) -> dict[str, set[str]]:
    """Every place with the places right below it."""
    tree: dict[str, set[str]] = {}
    for path in {resource.ancestors for resource in resources}:
        for place in path:
            tree.setdefault(place, set())
        for child, place in pairwise(path):
            tree[place].add(child)
    return tree


def _actions(schema: PolicySchema) -> Iterator[dict[str, Any]]:
    for action in schema.actions:
        yield _entity(_uid("Action", action), [_uid("Action", verb_of(action))])


def _attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: sorted(value) if isinstance(value, frozenset | set) else value
        for name, value in attrs.items()
        if value is not None
    }


def _entity(
    uid: dict[str, str], parents: list[dict[str, str]], attrs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {"uid": uid, "attrs": attrs or {}, "parents": parents}


def _uid(type_: str, id_: str) -> dict[str, str]:
    return {"type": type_, "id": id_}
