"""The golden table of authority: every operation of the registry against every role, as decided, not as declared."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cloudhall import installation
from cloudhall.api.mutations import MANY
from cloudhall.kernel import batches, bulk
from cloudhall.kernel.batches import Batch, Item
from cloudhall.kernel.bulk import Bulk
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.errors import Forbidden, NotFound
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.roles import ROLES, USERS
from cloudhall.kernel.store.tables import Where
from tests.kit.demos import Demos
from tests.kit.hall import Hall, opened

OWNER, NOBODY = "own", "nobody"
ALONE = {f"{role}@1": role for role in USERS}
COLUMNS = (*ROLES, *ALONE, OWNER, NOBODY)
HEAD = """\
# Who may do what: x allowed, . not, - not to be had. A role is held on the resource's place or above it.
# `viewer@1`: a person who holds the role on this one resource alone, of what lies in places.
# `own`: a person without a role, about whom the resource is. `nobody`: a person without a role.
# `batch_create`, `bulk_delete`, `bulk_label`: the same asked for many at once, as it came out.
# What a service account of a kind may do beyond this stands in the policies below.
# Written anew by: python -m tests.golden
"""
MARKS = {True: "x", False: ".", None: "-"}
Row = Kind[Any, Any]
Table = dict[str, dict[str, bool | None]]


def table() -> Table:
    """Decision by operation and column, on one resource of each kind that really exists; None where it cannot be."""
    with opened(installation.DOMAINS) as hall:
        demos = Demos(hall)
        made = {kind: demos.row(kind, demos.made(kind)) for kind in hall.kernel.registry}
        found: Table = {}
        for kind, row in made.items():
            callers = _callers(hall, row)
            for verb in dict.fromkeys((*kind.meta.verbs, *kind.meta.allow)):
                found[f"{kind.meta.key}:{verb}"] = _decided(callers, functools.partial(_may, hall, row, verb))
            for many in (many for many, verb in MANY.items() if verb in kind.meta.verbs):
                found[f"{kind.meta.key}:{many}"] = _decided(callers, functools.partial(_may_many, demos, row, many))
        return found


def _decided(callers: Mapping[str, Caller | None], may: Callable[[Caller], bool]) -> dict[str, bool | None]:
    return {name: may(caller) if caller is not None else None for name, caller in callers.items()}


def _may(hall: Hall, row: Row, verb: str, caller: Caller) -> bool:
    return bool(hall.kernel.authority.may(hall.read(), caller, verb, row))


def _may_many(demos: Demos, row: Row, many: str, caller: Caller) -> bool:
    """Ask for it and undo it: what is refused for another reason than rights was allowed."""
    kernel, kind = demos.kernel, type(row)
    if many == "batch_create":
        batch = Batch(items=(Item(demos.create(kind, "-many")),), dry=True)
        (outcome,) = batches.execute(kernel, caller, batch).result(10).items
        return not isinstance(outcome.error, Forbidden | NotFound)
    verb: Any = MANY[many]
    asked = Bulk(kind=kind, where=Where("id = ?", (row.id,)), verb=verb, labels={} if verb == "update" else None)
    outcomes = bulk.foresee(kernel, caller, asked).result(10).outcomes.items
    return any(not isinstance(o.error, Forbidden | NotFound) for o in outcomes)


def _callers(hall: Hall, row: Row) -> dict[str, Caller | None]:
    about = getattr(row.spec, "subject", row.id)
    place = type(row).meta.place
    alone = {name: None if place else hall.person(role, place=row.id) for name, role in ALONE.items()}
    return {**hall.staff, **alone, OWNER: Caller(id=about), NOBODY: hall.nobody}


def render() -> str:
    """The table as text, one operation a line, and the policies that the domains add."""
    decided = table()
    width = max(map(len, decided))
    lines = [HEAD + " " * width + "  " + "  ".join(COLUMNS)]
    for operation, row in decided.items():
        cells = (MARKS[row[name]] for name in COLUMNS)
        lines.append(
            operation.ljust(width) + "  " + "  ".join(c.center(len(n)) for c, n in zip(cells, COLUMNS, strict=True))
        )
    return "\n".join([*(line.rstrip() for line in lines), "", *_policies()]) + "\n"


def _policies() -> Iterator[str]:
    for domain in installation.build_registry().domains.values():
        if domain.policies:
            yield f"# {domain.name}"
            yield from (line.rstrip() for line in domain.policies.splitlines() if not line.startswith(("//", "@zh")))
            yield ""


def changes(operation: str) -> bool:
    """Whether an operation changes anything that people decided; a retry only lets the program look again.

    To read the log is the audit administrator's own work.
    """
    return not operation.endswith((":read", ":audit", ":retry", ":list_objects", ":read_object"))
