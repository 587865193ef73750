"""Pages that domains declare: their template replaces a view's body, their context is added to the view's own.

No name may be given by both. The function of a page reads; it gets the query as the visitor sent it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.registry import AnyKind

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


def joined(
    visit: "Visit", kind: AnyKind, view: str, resource: Kind[Any, Any] | None, query: Mapping[str, str], /, **own: Any
) -> dict[str, Any]:
    """Context of a view, with `body`, the template of the domain's page, empty where it declares none."""
    page = visit.console.pages.get((kind.meta.key, view))
    if page is None:
        return {**own, "body": ""}
    declared = page.context(visit.kernel, visit.caller, resource, query)
    if clash := own.keys() & declared.keys():
        msg = f"page {page.template} of {page.kind}: {', '.join(sorted(clash))} is a name of the view itself"
        raise ValueError(msg)
    return {**own, **declared, "body": f"{kind.meta.domain}/{page.template}"}
