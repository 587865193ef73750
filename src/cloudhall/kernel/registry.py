"""The registry: every domain and kind of an installation, checked once and then frozen.

What the type checker cannot see fails here, before the first request, with the nearest name.
"""

import difflib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cloudhall.kernel import calendar, findings, operations, roles
from cloudhall.kernel.calendar import Calendar
from cloudhall.kernel.caller import SERVICE, scopes_covering
from cloudhall.kernel.conservation import Account
from cloudhall.kernel.corrections import Correction
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.findings import Finding
from cloudhall.kernel.key_destruction import KeyDestruction
from cloudhall.kernel.key_rotation import KeyRotation
from cloudhall.kernel.kinds import Kind, Meta, Quota, field_at
from cloudhall.kernel.metering import MeterDef
from cloudhall.kernel.operations import Operation
from cloudhall.kernel.pages import Page, Tool
from cloudhall.kernel.rule_files import KERNEL_RULES, tables_in
from cloudhall.kernel.rules import Book
from cloudhall.kernel.text import T

AnyKind = type[Kind[Any, Any]]
VERBS = ("read", "create", "update", "delete")
AUDIT = "audit"  # of a place: to read its part of the log
OWN_ENTRIES = "audit.entry:read"  # what a token's scopes must cover to read what its owner did
COLUMNS = ("name", "id", "state", "place", "labels", "created_at", "updated_at")


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """What a domain's `__init__.py` declares. `rules` is the folder of its rule tables, `data/rules` beside it."""

    name: str
    title: T
    question: T
    kinds: tuple[AnyKind, ...]
    depends_on: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    meters: tuple[MeterDef, ...] = ()
    policies: str = ""
    pages: tuple[Page, ...] = ()
    tools: tuple[Tool, ...] = ()
    accounts: tuple[Account, ...] = ()
    rules: Path | None = None


KERNEL = Domain(
    name="kernel",
    title=T("平台", "Platform"),
    question=T("正在做什么？", "What is being done?"),
    kinds=(Operation, Finding, Correction, KeyRotation, KeyDestruction),
    clauses=("SYS-003", "SYS-119", "SYS-161"),
    policies=operations.POLICIES + findings.POLICIES,
    rules=KERNEL_RULES,
)


class DeclarationError(Exception):
    """A declaration that cannot be right; the message names kind, place and the nearest name."""


class Registry:
    """Domains and kinds by name. `Registry(domains)` checks everything and does not change afterwards."""

    def __init__(self, domains: Iterable[Domain]) -> None:
        """Freeze; raises `DeclarationError`, and `RuleFileError` with file and line."""
        declared = (*domains, KERNEL)
        _refuse_twins(declared)
        self.domains: Mapping[str, Domain] = {d.name: d for d in declared}
        self.kinds: Mapping[str, AnyKind] = {k.meta.key: k for d in self.domains.values() for k in d.kinds}
        self.by_plural: Mapping[str, AnyKind] = {k.meta.plural: k for k in self.kinds.values()}
        self.by_prefix: Mapping[str, AnyKind] = {k.meta.prefix: k for k in self.kinds.values()}
        self.quotas: Mapping[str, Quota] = {q.key: q for k in self.kinds.values() for q in k.meta.quotas}
        self.meters: Mapping[str, MeterDef] = {m.key: m for d in self.domains.values() for m in d.meters}
        operations = [f"{k.meta.key}:{v}" for k in self.kinds.values() for v in (*k.meta.allow, *k.meta.actions)]
        self.scopes = frozenset[str]().union(*map(scopes_covering, (OWN_ENTRIES, *operations)))
        self.tools = tuple(t for d in self.domains.values() for t in d.tools)
        self.accounts = tuple(a for d in self.domains.values() for a in d.accounts)
        self.rules = Book(table for d in declared if d.rules for table in tables_in(d.rules))
        for domain in declared:
            for name in domain.depends_on:
                _known(domain.name, "domain", name, self.domains)
        for kind in self.kinds.values():
            _check_kind(self, kind.meta)

    def __iter__(self) -> Iterator[AnyKind]:
        """Every kind, in the order of the domains."""
        return iter(self.kinds.values())

    @functools.cached_property
    def calendar(self) -> Calendar:
        """Working days that follow from the rules, made when first asked for."""
        return calendar.of(self.rules)

    def kind(self, key: str) -> AnyKind:
        """Kind by its full name; KeyError names the nearest."""
        if key not in self.kinds:
            raise KeyError(_unknown("kind", key, self.kinds))
        return self.kinds[key]

    def children(self, key: str) -> list[tuple[AnyKind, str]]:
        """Kinds that refer to a kind, each with the path of the reference."""
        return [(k, f"spec.{n}") for k in self for n, i in fields_of(k.meta.spec).items() if i.f.ref == key]


def _refuse_twins(domains: Sequence[Domain]) -> None:
    """Names that stand for one thing each, over all domains."""
    metas = [k.meta for d in domains for k in d.kinds]
    twins: dict[str, list[str]] = {
        "domains have the name": [d.name for d in domains],
        "kinds have the name": [m.key for m in metas],
        "kinds have the plural": [m.plural for m in metas],
        "pages have the path": [*(m.plural for m in metas), *(t.path for d in domains for t in d.tools)],
        "kinds have the prefix": [m.prefix for m in metas],
        "accounts have the name": [a.name for d in domains for a in d.accounts],
        "meters have the key": [m.key for d in domains for m in d.meters],
        "rule tables have the id": [t.id for d in domains if d.rules for t in tables_in(d.rules)],
    }
    for what, names in twins.items():
        for name in names:
            if names.count(name) > 1:
                raise DeclarationError(f"two {what} {name!r}")


def _check_kind(registry: Registry, meta: Meta) -> None:
    _check_paths(meta)
    for name, info in fields_of(meta.spec).items():
        if info.f.ref:
            _known(f"{meta.key}.{name}", "kind", info.f.ref, registry.kinds)
        for verb in info.f.by:
            _known(f"{meta.key}.{name}", "action", verb, meta.actions)
    _check_rights(registry, meta)
    if meta.recoverable_days and any(i.unique and i.path != "name" for i in meta.indexes):
        raise DeclarationError(f"{meta.key}: in the recycle bin only a name stays taken, so nothing else may be unique")
    for meter in meta.meters:
        _known(meta.key, "meter", meter.key, registry.meters)


def _check_rights(registry: Registry, meta: Meta) -> None:
    for verb in meta.allow:
        _known(f"{meta.key}: allow", "verb", verb, (*VERBS, *meta.uses, *([AUDIT] if meta.place else [])))
    for verb in meta.uses:
        _known(f"{meta.key}: uses", "verb of allow", verb, meta.allow)
    for allowed in (*meta.allow.values(), *(a.allow for a in meta.actions.values())):
        for role in allowed:
            if role.startswith(SERVICE):
                _known(meta.key, "kind", role.removeprefix(SERVICE), registry.kinds)
            else:
                _known(meta.key, "role", role, roles.ROLES)


def _check_paths(meta: Meta) -> None:
    known = [f"{p}.{n}" for p, s in (("spec", meta.spec), ("status", meta.status)) for n in fields_of(s)]
    for path in _declared_paths(meta):
        if path not in {"name", "place"} and field_at(meta, path) is None:
            raise DeclarationError(f"{meta.key}: " + _unknown("path", path, known))
    for column in meta.columns:
        if "." not in column:
            _known(meta.key, "column", column, COLUMNS)
    for path in (*(q.path for q in meta.quotas), *(m.path for m in meta.meters)):
        info = field_at(meta, path)
        if info is None or info.shape != "int" or info.nullable or not path.startswith("spec."):
            raise DeclarationError(f"{meta.key}: {path} is counted, so it must be a whole number of the spec")


def _known(where: str, what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise DeclarationError(f"{where}: " + _unknown(what, name, known))


def _declared_paths(meta: Meta) -> list[str]:
    paths = [i.path for i in meta.indexes] + [q.path for q in meta.quotas] + [m.path for m in meta.meters]
    paths += [p for limit in meta.limits for p in (limit.key_path, limit.amount_path)]
    if meta.grants:
        paths += [meta.grants.subject, meta.grants.role, meta.grants.expires_at, meta.grants.resource]
    return paths + [c for c in meta.columns if "." in c]


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"no {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
