"""What a request names besides rows of one kind: kinds and places, records of places, names behind ids."""

from collections.abc import Iterable
from typing import Any

from cloudhall.api.problems import nearest
from cloudhall.kernel import places
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Invalid, NotFound, Problem
from cloudhall.kernel.ids import is_id
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.policy import Object
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.sight import visible_ids
from cloudhall.kernel.text import T

AUDIT = "audit"


def kind_named(kernel: Kernel, name: str) -> AnyKind:
    """Kind by its full name or its plural, as the parameter `kind` takes it; `Invalid` names the nearest."""
    registry = kernel.registry
    kind = registry.by_plural.get(name) or registry.kinds.get(name)
    if kind is None:
        text = T(f"没有资源种类 {name}", f"There is no kind {name}")
        mend = nearest(name, [*registry.kinds, *registry.by_plural])
        raise Invalid(text, problems=(Problem("UNKNOWN", "?kind", text, mend),))
    return kind


def place_kinds(kernel: Kernel) -> list[AnyKind]:
    """Kinds whose rows are places."""
    return [k for k in kernel.registry if k.meta.place]


def find_place(kernel: Kernel, caller: Caller, target: str) -> Kind[Any, Any]:
    """Project or organisation by name or id; NotFound for what is hidden."""
    kinds = sorted(place_kinds(kernel), key=lambda k: k.meta.name != "project")
    for kind in kinds:
        try:
            return kernel.find(caller, kind, target)
        except NotFound:
            continue
    raise NotFound(
        T(f"没有名为 {target} 的项目或单位，或你无权查看", f"No project or organisation {target}, or not yours to see")
    )


def record_of(kernel: Kernel, place: str) -> tuple[str, ...]:
    """Places whose entries make up the record of one: with an organisation all that is in it; none for no place.

    The platform's are its own alone: all that is in it is the whole log.
    """
    if place in {"", places.PLATFORM}:
        return (place,) if place else ()
    return places.within(kernel.store.read(), place)


def may_audit(kernel: Kernel, caller: Caller, place: str) -> bool:
    """Whether the caller may read all of a place's audit log: the operation `audit` of the kinds that are places."""
    tx = kernel.store.read()
    ancestors = places.ancestors(tx, place)
    subject = kernel.authority.subject(tx, caller)
    operations = [(k.meta.key, f"{k.meta.key}:{AUDIT}") for k in place_kinds(kernel) if AUDIT in k.meta.allow]
    return bool(ancestors) and any(
        caller.within_scopes(operation)
        and kernel.authority.policies.decide(subject, operation, Object(key, place, ancestors, {}), {}).allowed
        for key, operation in operations
    )


def names_of(kernel: Kernel, caller: Caller, ids: Iterable[str]) -> dict[str, str]:
    """Names of live resources that the caller may see, by id."""
    tx, by_prefix = kernel.store.read(), kernel.registry.by_prefix
    rows = [kernel.tables[by_prefix[id_[:2]]].get(tx, id_) for id_ in ids if is_id(id_) and id_[:2] in by_prefix]
    live = [r for r in rows if r is not None]
    seen = visible_ids(kernel, caller, ((type(r).meta.key, r.id) for r in live))
    return {r.id: r.name for r in live if r.id in seen}
