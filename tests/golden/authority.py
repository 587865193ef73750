"""The golden table of authority: every operation of the registry against every role, as decided, not as declared."""

from collections.abc import Iterator
from typing import Any

from cloudhall import installation
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.roles import ROLES
from tests.kit.demos import Demos
from tests.kit.hall import Hall, opened

OWNER, NOBODY = "own", "nobody"
COLUMNS = (*ROLES, OWNER, NOBODY)
HEAD = """\
# Who may do what: x allowed, . not. A role is held on the resource's place or above it.
# `own`: a person without a role, about whom the resource is. `nobody`: a person without a role.
# What a service account of a kind may do beyond this stands in the policies below.
# Written anew by: python -m tests.golden
"""


def table() -> dict[str, dict[str, bool]]:
    """Decision by operation and column, on one resource of each kind that really exists."""
    with opened(installation.DOMAINS) as hall:
        demos = Demos(hall)
        made = {kind: demos.row(kind, demos.made(kind)) for kind in hall.kernel.registry}
        return {
            f"{kind.meta.key}:{verb}": dict(_decisions(hall, row, verb))
            for kind, row in made.items()
            for verb in dict.fromkeys((*kind.meta.verbs, *kind.meta.allow))
        }


def _decisions(hall: Hall, row: Kind[Any, Any], verb: str) -> Iterator[tuple[str, bool]]:
    for name, caller in _callers(hall, row).items():
        yield name, hall.kernel.authority.may(hall.read(), caller, verb, row)


def _callers(hall: Hall, row: Kind[Any, Any]) -> dict[str, Caller]:
    about = getattr(row.spec, "subject", row.id)
    return {**hall.staff, OWNER: Caller(id=about), NOBODY: hall.nobody}


def render() -> str:
    """The table as text, one operation a line, and the policies that the domains add."""
    decided = table()
    width = max(map(len, decided))
    lines = [HEAD + " " * width + "  " + "  ".join(COLUMNS)]
    for operation, row in decided.items():
        cells = ("x" if row[name] else "." for name in COLUMNS)
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
    return not operation.endswith((":read", ":audit", ":retry"))
