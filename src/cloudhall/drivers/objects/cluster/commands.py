"""Command lines and configuration files of a cluster's parts. Pure, but for writing the files.

The back doors are closed as they are for the embedded engine (`weed_command`): no HTTP at masters and filers, signing
keys for chunks, mutual TLS on gRPC. All parts share one folder of configuration, `.seaweedfs` below their HOME, and
each works in a folder of its own.
"""

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from cloudhall.drivers.objects.cluster.parts import ADDRESS, Estate, Part
from cloudhall.drivers.objects.weed_home import write_private

ELECTION_S = 1
"""The engine's own 10 s would leave a cluster without a leader, and so without writes, that long."""
RESERVE = "5"
"""Percent of a disk that stays free: compacting a volume writes its live part anew before the old one goes."""
IDENTITIES = "s3.json"
CONFIGURATION = ".seaweedfs"

MASTER_TOML = """[master.maintenance]
scripts = ""

[master.volume_growth]
copy_1 = 2
copy_2 = 2
copy_3 = 2
copy_other = 1
"""
"""No scripts of the engine's own: what is repaired and encoded, and when, is decided by Cloudhall. New buckets get few
volumes, since each costs a slot and open files."""


def arguments(weed: Path, home: Path, part: Part, estate: Estate) -> list[str]:
    """Command line of one part on loopback."""
    masters = ",".join(master.address for master in estate.of("master"))
    folder = home / part.name
    own = {
        "master": lambda: _master(folder, masters, estate),
        "volume": lambda: _volume(folder, masters, part),
        "filer": lambda: [f"-master={masters}", "-disableHttp", f"-defaultStoreDir={folder}", "-localSocket=f.sock"],
        "gateway": lambda: _gateway(folder, part, estate),
    }[part.role]()
    listening = [f"-port={part.port}", f"-ip={ADDRESS}", f"-ip.bind={ADDRESS}"]
    return [str(weed), "-logtostderr=true", _command(part), *listening, *own]


def _command(part: Part) -> str:
    return "s3" if part.role == "gateway" else part.role


def _master(folder: Path, masters: str, estate: Estate) -> list[str]:
    return [
        f"-mdir={folder}",
        f"-peers={masters if len(estate.of('master')) > 1 else 'none'}",
        f"-electionTimeout={ELECTION_S}s",
        f"-defaultReplication={estate.shape.replication}",
        f"-volumeSizeLimitMB={estate.shape.volume_size_mb}",
        "-telemetry=false",
        "-disableHttp",
    ]


def _volume(folder: Path, masters: str, part: Part) -> list[str]:
    return [
        f"-dir={folder}",
        f"-master={masters}",
        "-dataCenter=here",
        f"-rack={part.rack}",
        "-max=0",  # as many as the disk has room for
        f"-minFreeSpace={RESERVE}",
        "-preStopSeconds=0",  # nobody waits for heartbeats to run out: the masters see the connection end
        # Copies between servers of one machine are refused otherwise: loopback counts as untrusted (measured).
        "-volume.allowUntrustedRemoteEndpoints",
    ]


def _gateway(folder: Path, part: Part, estate: Estate) -> list[str]:
    return [
        f"-filer={','.join(filer.address for filer in estate.of('filer'))}",
        f"-config={folder / IDENTITIES}",
        f"-metricsPort={part.metrics}",
        "-iam=false",
        "-port.iceberg=0",
        "-port.lance=0",
        "-localSocket=s.sock",
        "-autoCreateBucket=false",
        "-allowDeleteBucketNotEmpty=false",
    ]


def configure(home: Path, database: str) -> Path:
    """Write what all parts read but the certificates; answers the folder for those."""
    folder = home / CONFIGURATION
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(folder / "master.toml", MASTER_TOML.encode())
    if database:
        write_private(folder / "filer.toml", filer_toml(database).encode())
    else:
        (folder / "filer.toml").unlink(missing_ok=True)
    return folder


def filer_toml(database: str) -> str:
    """Configuration of a filer whose names lie in PostgreSQL, from `postgresql://user:password@host:port/name`.

    `?host=/folder` names a Unix socket, `?sslmode=` what to ask of TLS (without it: `prefer`, as libpq does).
    """
    url = urlsplit(database)
    asked = {name: values[-1] for name, values in parse_qs(url.query).items()}
    settings = {
        "enabled": "true",
        "hostname": _quoted(asked.get("host") or url.hostname or "localhost"),
        "port": str(url.port or 5432),
        "username": _quoted(unquote(url.username or "")),
        "password": _quoted(unquote(url.password or "")),
        "database": _quoted(url.path.removeprefix("/")),
        "sslmode": _quoted(asked.get("sslmode", "prefer")),
        "connection_max_idle": "4",
        "connection_max_open": "16",
    }
    return "\n".join(["[postgres2]", *(f"{name} = {value}" for name, value in settings.items())]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
