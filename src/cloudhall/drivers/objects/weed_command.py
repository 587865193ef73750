"""The command line and environment of the one engine process.

Every option is given each time: `weed mini` writes the options of its first start to `mini.options` and reads them
back on the next, so an option that is only left out would still hold.

Three locks on the back doors, each of which alone leaves one open (measured: JWT keys alone let
`GET /col/delete?collection=B` on the master erase a bucket, `-disableHttp` alone leaves gRPC, and both together still
let `weed shell` read and delete): `-disableHttp`, signing keys, and mutual TLS (`weed_tls`).
"""

import contextlib
import itertools
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from cloudhall.drivers.objects.weed_ports import GRPC_OFFSET, Ports

SOCKETS = ("master", "volume", "filer", "s3", "admin")
JWT_KEYS = ("WEED_JWT_SIGNING_KEY", "WEED_JWT_FILER_SIGNING_KEY", "WEED_JWT_FILER_SIGNING_READ_KEY")
"""Not WEED_JWT_SIGNING_READ_KEY: the volume port serves a chunk to whoever names its random 32-bit cookie, about a day
of guessing at full load for one object, and closing that too costs 6 % of the CPU of a 4 kB get (measured)."""


def arguments(weed: Path, home: Path, ports: Ports, *, guarded: bool = True) -> list[str]:
    """Command line of the engine on loopback. Without `guarded` it is bare, as the benchmark's peer is."""
    return [
        str(weed),
        "-logtostderr=true",
        "mini",
        f"-dir={home / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={ports.master}",
        f"-volume.port={ports.volume}",
        f"-filer.port={ports.filer}",
        f"-s3.port={ports.s3}",
        f"-metricsPort={ports.metrics}",
        f"-admin.port={ports.admin}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
        "-master.telemetry=false",
        # Elects itself before it listens. A resumed master listens first, and a volume server that asks in those few
        # milliseconds (3 % of starts, measured) comes back 5 s later; until then every write waits.
        "-master.resumeState=false",
        "-s3.iam=false",
        f"-s3.config={home / 's3.json'}",
        "-filer.localSocket=f.sock",  # relative to the working folder: a socket's path may have 107 bytes only
        "-s3.localSocket=s.sock",
        "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        *(["-disableHttp"] if guarded else []),
    ]


def environment(home: Path) -> dict[str, str]:
    """A bare environment, new signing keys in it: AWS_*, S3_* and WEED_* of ours would change what the engine does."""
    return {"PATH": os.defpath, "HOME": str(home)} | {name: secrets.token_hex(32) for name in JWT_KEYS}


def forget_options(home: Path) -> None:
    """Remove the options of earlier starts."""
    (home / "data" / "mini.options").unlink(missing_ok=True)


def remove_sockets(ports: Iterable[int]) -> None:
    """Remove the Unix sockets that the engine leaves in /tmp for its HTTP ports, at names that it fixes itself.

    Also those that another engine left there which was killed, and had one of these ports for another of its parts.
    """
    for part, port in itertools.product(SOCKETS, [port + GRPC_OFFSET for port in ports]):
        with contextlib.suppress(OSError):  # absent, or another user's
            Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock").unlink()  # noqa: S108  the engine's fixed name
