"""What a caller may see of things that are told about elsewhere: in events, in the audit log, in notices.

The rows are asked by the same policy that filters lists, deleted ones included: whoever could see a resource may see
that it has gone.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cloudhall.kernel.caller import Caller
from cloudhall.kernel.ids import is_id

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

CHUNK = 500


def visible_ids(kernel: "Kernel", caller: Caller, resources: Iterable[tuple[str, str]]) -> set[str]:
    """Ids among `(kind, id)` that the caller may read, live or deleted. Cost: a look-up by key a resource."""
    by_kind: dict[str, set[str]] = {}
    for key, id_ in resources:
        if key in kernel.registry.kinds and is_id(id_):
            by_kind.setdefault(key, set()).add(id_)
    tx, seen = kernel.store.read(), set[str]()
    for key, ids in by_kind.items():
        kind = kernel.registry.kind(key)
        visible = kernel.authority.visible(tx, caller, kind)
        for chunk in _chunks(sorted(ids)):
            marks = ", ".join("?" * len(chunk))
            sql = f"SELECT id FROM {kind.meta.table} WHERE id IN ({marks}) AND ({visible.sql})"
            seen |= {str(id_) for (id_,) in tx.execute(sql, (*chunk, *visible.params))}
    return seen


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    return (ids[i : i + CHUNK] for i in range(0, len(ids), CHUNK))
