"""Pages that a domain writes by hand, because they say more than the generated ones.

A domain declares them in `pages.py`; the console renders them with its shared parts. They read and never write.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from cloudhall.kernel.caller import Caller

View = Literal["detail", "list", "created", "home"]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Replaces the generic body of a view of a kind. `template` lies in the domain's `templates/`.

    `context(kernel, caller, resource, query)` answers what the template shows; `resource` is None for a list.
    """

    kind: str
    view: View
    template: str
    context: Callable[[Any, Caller, Any, Mapping[str, str]], Mapping[str, Any]]
