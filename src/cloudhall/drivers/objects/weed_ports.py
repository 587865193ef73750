"""Which TCP ports the engine listens on: free ones on loopback, the same over restarts while they stay free."""

import random
import socket
from collections.abc import Collection
from pathlib import Path

import msgspec

from cloudhall.drivers.objects.weed_home import write_private
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.text import T

GRPC_OFFSET = 10_000
"""SeaweedFS listens for gRPC on each HTTP port plus this."""
LOWEST, HIGHEST = 10_000, 22_767
"""Linux hands out 32768 and up to outgoing connections; a gRPC port there is taken now and then (seen)."""
TRIES = 500


class Ports(msgspec.Struct, frozen=True):
    """HTTP ports of the engine's parts; only `s3` is for clients."""

    s3: int
    master: int
    volume: int
    filer: int
    metrics: int
    admin: int


def choose(path: Path) -> Ports:
    """Ports from `path` as far as they are free, others new; remembered in `path`."""
    wanted = _remembered(path)
    chosen = dict[str, int]()
    for name in Ports.__struct_fields__:
        chosen[name] = kept_or_new(wanted.get(name, 0), chosen.values())
    ports = Ports(**chosen)
    write_private(path, msgspec.json.encode(ports))
    return ports


def are_free(ports: Ports) -> bool:
    """Whether nobody listens on any of them."""
    return all(map(_free, msgspec.structs.astuple(ports)))


def kept_or_new(port: int, taken: Collection[int]) -> int:
    """That port while it is free and apart from those `taken`, else a new one."""
    return port if _apart(port, taken) and _free(port) else _new(taken)


def _remembered(path: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def _new(taken: Collection[int]) -> int:
    for _ in range(TRIES):
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311  spreads, guards nothing
        if _apart(port, taken) and _free(port):
            return port
    raise Unavailable(
        T("本机没有空闲端口（{low}-{high}）", "No free port on this machine ({low}-{high})").format(
            low=LOWEST, high=HIGHEST
        )
    )


def _apart(port: int, taken: Collection[int]) -> bool:
    """Whether neither it nor its twin for gRPC is another's."""
    return all(abs(port - other) not in {0, GRPC_OFFSET} for other in taken)


def _free(port: int) -> bool:
    return LOWEST <= port <= HIGHEST and all(_bindable(p) for p in (port, port + GRPC_OFFSET))


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the engine does: TIME_WAIT is no obstacle
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
