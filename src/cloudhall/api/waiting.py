"""Waiting for a change to take effect: `?wait=30s` answers as soon as the resource is ready, blocked or gone."""

import asyncio
from typing import Any

from cloudhall.api.host import Host, heard
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.wire import state_of

UNSETTLED = {"working", "deleting"}


async def settled(host: Host, kind: AnyKind, id_: str, timeout_s: float) -> Kind[Any, Any] | None:
    """Row as it stands when it has settled or the time is over; None once it is gone."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    while True:
        bell = host.bell.listen()
        row = host.kernel.tables[kind].get(host.kernel.store.read(), id_)
        left_s = until - loop.time()
        if row is None or state_of(row) not in UNSETTLED or left_s <= 0 or host.bell.closed:
            return row
        await heard(bell, left_s)
