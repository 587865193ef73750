"""The same request for other hands: as a call of the interface (curl) and as a command. Pure, made from one `Call`.

Invariant: whatever a page shows or does, its `Call` asks the interface for the same; the names are those of the
registry, so that nobody has to translate between console, interface and command line.
"""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from cloudhall.cli.options import option_name
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.kinds import Meta
from cloudhall.kernel.registry import Registry

API = "/api/v1"
PROGRAM = "cloudhall"
LINE_LENGTH = 48  # what a side column shows without breaking


class Call(NamedTuple):
    """One request. `path` is below `/api/v1`, with its query; `words` follow the program's name."""

    method: str
    path: str
    words: tuple[str, ...]
    body: Mapping[str, Any] | None = None
    headers: tuple[str, ...] = ()


def as_api(call: Call, origin: str) -> str:
    """Command for a shell with curl; the token comes from the environment, so that none is pasted into a page."""
    parts = ["curl" if call.method == "GET" else f"curl -X {call.method}"]
    parts.append(shlex.quote(f"{origin}{API}{call.path}"))
    parts.append('-H "Authorization: Bearer $CLOUDHALL_TOKEN"')
    parts += [f"-H {shlex.quote(header)}" for header in call.headers]
    if call.body is not None:
        parts.append("-H 'Content-Type: application/json'")
        parts.append("-d " + shlex.quote(json.dumps(call.body, ensure_ascii=False)))
    return " \\\n  ".join([" ".join(parts[:2]), *parts[2:]])


def as_command(call: Call) -> str:
    """Command line, broken before options where it would be long."""
    words = [shlex.quote(word) for word in (PROGRAM, *call.words)]
    if len(line := " ".join(words)) <= LINE_LENGTH:
        return line
    pieces: list[list[str]] = [[]]
    for word in words:
        if word.startswith("--"):
            pieces.append([])
        pieces[-1].append(word)
    return " \\\n  ".join(" ".join(piece) for piece in pieces)


class Target(NamedTuple):
    """One resource: by id for the interface, by name and place for people."""

    id: str
    name: str
    place: str


class Equivalents:
    """Makes calls for the kinds of a registry."""

    def __init__(self, registry: Registry) -> None:
        """Two kinds of one name are told apart by their domain."""
        names = Counter(kind.meta.name for kind in registry)
        self._nouns = {
            kind.meta.key: (kind.meta.name if names[kind.meta.name] == 1 else kind.meta.table).replace("_", "-")
            for kind in registry
        }

    def noun(self, meta: Meta) -> str:
        """Word for a kind: `access-key`."""
        return self._nouns[meta.key]

    def list(self, meta: Meta, query: Sequence[tuple[str, str]]) -> Call:
        """List with a filter; `query` as the interface takes it."""
        bools = {i.name for i in fields_of(meta.spec).values() if i.shape == "bool"}
        words = [w for name, value in query for w in _filter(name, value, flag=name in bools)]
        path = f"/{meta.plural}" + (f"?{urlencode(query)}" if query else "")
        return Call("GET", path, (self.noun(meta), "list", *words))

    def get(self, meta: Meta, target: Target) -> Call:
        """Read one resource."""
        return Call("GET", _at(meta, target), self._words(meta, "get", target))

    def create(self, meta: Meta, place: str, name: str, labels: Mapping[str, str], spec: Mapping[str, Any]) -> Call:
        """Create in a place; an empty name is left to the program."""
        placed: dict[str, str] = {meta.scope: place} if meta.scope != "platform" and place else {}
        given: dict[str, Any] = {"name": name, **placed, "labels": dict(labels)}
        body = {k: v for k, v in given.items() if v} | {"spec": dict(spec)}
        words = [*([name] if name else []), *_placed(meta, place), *_options(spec), *_pairs("--label", labels)]
        return Call("POST", f"/{meta.plural}", (self.noun(meta), "create", *words), body)

    def update(self, meta: Meta, target: Target, revision: int, changed: Mapping[str, Any]) -> Call:
        """Edit the fields that differ; `changed` holds `name`, `labels` and `spec` as far as they do."""
        named = ["--rename", changed["name"]] if "name" in changed else []
        words = [*named, *_options(changed.get("spec", {})), *_pairs("--label", changed.get("labels", {}))]
        words += ["--if-match", str(revision)]
        return Call(
            "PATCH",
            _at(meta, target),
            (*self._words(meta, "update", target), *words),
            changed,
            (f'If-Match: "{revision}"',),
        )

    def delete(self, meta: Meta, target: Target) -> Call:
        """Delete one resource."""
        return Call("DELETE", _at(meta, target), self._words(meta, "delete", target))

    def act(self, meta: Meta, target: Target, verb: str, args: Mapping[str, Any]) -> Call:
        """Run an action."""
        words = self._words(meta, verb.replace("_", "-"), target)
        return Call("POST", f"{_at(meta, target)}:{verb}", (*words, *_options(args)), dict(args))

    def bulk(
        self, meta: Meta, verb: str, query: Sequence[tuple[str, str]], labels: Mapping[str, Any], token: str
    ) -> Call:
        """Delete or label what a filter finds; without a token, the plan."""
        path = f"/{meta.plural}:{verb}?{urlencode([*query, *([] if token else [('validate_only', 'true')])])}"
        words = [w for name, value in query for w in _narrowed(name, value)]
        for key, value in labels.items():
            words += ["--unset", key] if value is None else ["--set", f"{key}={value}"]
        words += ["--plan", token] if token else ["--dry-run"]
        body = ({"labels": dict(labels)} if labels else {}) | ({"plan": token} if token else {})
        return Call("POST", path.rstrip("?"), (self.noun(meta), verb.removeprefix("bulk_"), *words), body)

    def _words(self, meta: Meta, verb: str, target: Target) -> tuple[str, ...]:
        return (self.noun(meta), verb, target.name, *_placed(meta, target.place))


def search(text: str) -> Call:
    """Search everything."""
    return Call("GET", f"/search?{urlencode({'q': text})}", ("search", text))


def audit(query: Sequence[tuple[str, str]]) -> Call:
    """Search the audit log."""
    words = tuple(word for name, value in query for word in (f"--{name}", value))
    return Call("GET", "/audit" + (f"?{urlencode(query)}" if query else ""), ("audit", "list", *words))


def bin_list(place: str) -> Call:
    """What lies in the recycle bin, below a place where one is named."""
    query, words = (f"?{urlencode({'place': place})}", ("--place", place)) if place else ("", ())
    return Call("GET", f"/bin{query}", ("bin", "list", *words))


def rules(as_of: str) -> Call:
    """Rules in force on a day; an empty one is today."""
    query, words = (f"?{urlencode({'as_of': as_of})}", ("--as-of", as_of)) if as_of else ("", ())
    return Call("GET", f"/rules{query}", ("rules", "list", *words))


def rule_history(table: str) -> Call:
    """Every row of a rule table."""
    return Call("GET", f"/rules/{quote(table)}", ("rules", "get", table))


def _at(meta: Meta, target: Target) -> str:
    return f"/{meta.plural}/{quote(target.id)}"


def _placed(meta: Meta, place: str) -> list[str]:
    return [f"--{meta.scope}", place] if meta.scope != "platform" and place else []


def _filter(name: str, value: str, *, flag: bool) -> list[str]:
    """Words for one part of a filter; an order begins with a hyphen and must not look like an option."""
    if name == "q":
        return ["--matching", value]
    if name == "sort":
        return [f"--sort={value}"]
    if name == "label":
        return ["--label", value.replace(":", "=", 1)]
    if name in {"project", "organisation"}:
        return [f"--{name}", value]
    option = option_name(name.replace(".", "_"))
    if flag:
        return [option if value == "true" else f"--no-{option[2:]}"]
    return [option, value]


def _narrowed(name: str, value: str) -> list[str]:
    """Words for one part of a filter of a change."""
    plain = name in {"q", "label", "project", "organisation"}
    return _filter(name, value, flag=False) if plain else ["--where", f"{name}={value}"]


def _options(values: Mapping[str, Any]) -> list[str]:
    """Options for fields: a flag for true or false, one option an item of a list, JSON for what has parts."""
    words: list[str] = []
    for name, value in values.items():
        option = option_name(name)
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        elif isinstance(value, list):
            words += [word for v in value for word in (option, _typed(v))]
        elif isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values()):
            words += _pairs(option, value)
        elif value is not None:
            words += [option, _typed(value)]
    return words


def _typed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pairs(option: str, pairs: Mapping[str, str]) -> list[str]:
    return [word for key, value in pairs.items() for word in (option, f"{key}={value}")]
