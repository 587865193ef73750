"""The registry: every domain and kind of an installation, checked once and then frozen.

What the type checker cannot see fails here, before the first request, with the nearest name.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from cloudhall.kernel import roles
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.kinds import Kind, Meta, field_at
from cloudhall.kernel.metering import MeterDef
from cloudhall.kernel.operations import POLICIES, Operation
from cloudhall.kernel.pages import Page
from cloudhall.kernel.text import T

AnyKind = type[Kind[Any, Any]]


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """What a domain's `__init__.py` declares."""

    name: str
    title: T
    question: T
    kinds: tuple[AnyKind, ...]
    depends_on: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    meters: tuple[MeterDef, ...] = ()
    policies: str = ""
    pages: tuple[Page, ...] = ()


KERNEL = Domain(
    name="kernel",
    title=T("平台", "Platform"),
    question=T("正在做什么？", "What is being done?"),
    kinds=(Operation,),
    clauses=("SYS-003",),
    policies=POLICIES,
)


class DeclarationError(Exception):
    """A declaration that cannot be right; the message names kind, place and the nearest name."""


class Registry:
    """Domains and kinds by name. `Registry(domains)` checks everything and does not change afterwards."""

    def __init__(self, domains: Iterable[Domain]) -> None:
        """Freeze; raises `DeclarationError`."""
        self.domains: Mapping[str, Domain] = {d.name: d for d in (*domains, KERNEL)}
        self.kinds: Mapping[str, AnyKind] = {k.meta.key: k for d in self.domains.values() for k in d.kinds}
        self.by_plural: Mapping[str, AnyKind] = {k.meta.plural: k for k in self.kinds.values()}
        self.by_prefix: Mapping[str, AnyKind] = {k.meta.prefix: k for k in self.kinds.values()}
        self.meters: Mapping[str, MeterDef] = {m.key: m for d in self.domains.values() for m in d.meters}
        self._refuse_clashes()
        for kind in self.kinds.values():
            _check_kind(self, kind.meta)

    def __iter__(self) -> Iterator[AnyKind]:
        """Every kind, in the order of the domains."""
        return iter(self.kinds.values())

    def kind(self, key: str) -> AnyKind:
        """Kind by its full name; KeyError names the nearest."""
        if key not in self.kinds:
            raise KeyError(_unknown("kind", key, self.kinds))
        return self.kinds[key]

    def children(self, key: str) -> list[tuple[AnyKind, str]]:
        """Kinds that refer to a kind, each with the path of the reference."""
        return [(k, f"spec.{n}") for k in self for n, i in fields_of(k.meta.spec).items() if i.f.ref == key]

    def _refuse_clashes(self) -> None:
        for what, index in (("plural", self.by_plural), ("prefix", self.by_prefix)):
            if len(index) < len(self.kinds):
                names = sorted(getattr(k.meta, what) for k in self.kinds.values())
                twice = next(n for n in names if names.count(n) > 1)
                msg = f"two kinds have the {what} {twice!r}"
                raise DeclarationError(msg)


def _check_kind(registry: Registry, meta: Meta) -> None:
    _check_paths(meta)
    for name, info in fields_of(meta.spec).items():
        if info.f.ref:
            _known(f"{meta.key}.{name}", "kind", info.f.ref, registry.kinds)
        for verb in info.f.by:
            _known(f"{meta.key}.{name}", "action", verb, meta.actions)
    for allowed in (*meta.allow.values(), *(a.allow for a in meta.actions.values())):
        for role in allowed:
            if not role.startswith("service:"):
                _known(meta.key, "role", role, roles.ROLES)
    for meter in meta.meters:
        _known(meta.key, "meter", meter.key, registry.meters)


def _check_paths(meta: Meta) -> None:
    known = [f"{p}.{n}" for p, s in (("spec", meta.spec), ("status", meta.status)) for n in fields_of(s)]
    for path in _declared_paths(meta):
        if path not in {"name", "place"} and field_at(meta, path) is None:
            raise DeclarationError(f"{meta.key}: " + _unknown("path", path, known))


def _known(where: str, what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise DeclarationError(f"{where}: " + _unknown(what, name, known))


def _declared_paths(meta: Meta) -> list[str]:
    paths = [i.path for i in meta.indexes] + [q.path for q in meta.quotas] + [m.path for m in meta.meters]
    paths += [p for limit in meta.limits for p in (limit.key_path, limit.amount_path)]
    if meta.grants:
        paths += [meta.grants.subject, meta.grants.role, meta.grants.expires_at]
    return paths + [c for c in meta.columns if "." in c]


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"no {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
