"""The page of a key destruction: each key that is gone, with the certificate that proves it to anybody."""

from collections.abc import Mapping
from typing import Any

from cloudhall.kernel.caller import Caller
from cloudhall.kernel.key_destruction import KeyDestruction
from cloudhall.kernel.pages import Page


def destruction(_kernel: Any, _caller: Caller, d: KeyDestruction, _query: Mapping[str, str]) -> dict[str, Any]:
    """Keys in the order in which they were destroyed; `entry` is where the log holds the proof of one."""
    return {"destroyed": d.status.destroyed, "begun": bool(d.status.conditions)}


PAGES = (Page(kind="kernel.key_destruction", view="detail", template="key_destruction.html", context=destruction),)
