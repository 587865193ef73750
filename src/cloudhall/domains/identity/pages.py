"""Pages that say more than the generated ones: the link of a new invitation."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cloudhall.domains.identity import letters
from cloudhall.domains.identity.invitation import Invitation
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.pages import Page

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel


def invitation_made(
    _kernel: "Kernel", _caller: Caller, _invitation: Invitation, query: Mapping[str, str]
) -> dict[str, Any]:
    """Its link, for an address of this server."""
    return {"link": functools.partial(letters.link, query["secret"])}


PAGES = (Page(kind="identity.invitation", view="created", template="invitation_made.html", context=invitation_made),)
