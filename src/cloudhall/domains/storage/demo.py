"""What the demonstration city keeps: real open tables in two buckets, put there through S3 with a key of its own.

At an engine that takes no keys from us the buckets stay empty.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudhall.domains.identity.founding import ensure
from cloudhall.domains.storage.access_key import AccessKey
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects import Key
from cloudhall.drivers.objects.buckets import client
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Unavailable
from cloudhall.kernel.kinds import Kind
from cloudhall.kernel.look import equal
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

DATA = Path(__file__).parent / "data"
READY_WITHIN_S = 20.0
BUCKETS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("division-codes", "open-data", {"quota_gib": 5, "grade": "open", "public_read": True}, "divisions"),
    ("economic-tables", "economic-monitoring", {"quota_gib": 20, "grade": "open"}, "tables"),
    ("enterprise-energy", "economic-monitoring", {"quota_gib": 50, "grade": "internal"}, ""),
)


def seed(kernel: "Kernel", founder: Caller) -> None:
    """Make the buckets and fill them as any client would, where the engine lets us hand out the key for it."""
    hands_out_keys = "set_identities" not in kernel.drivers["objects"].lacks
    for name, project, spec, folder in BUCKETS:
        id_ = ensure(kernel, founder, Bucket, name, project, spec)
        if folder and hands_out_keys:
            _fill(kernel, founder, id_, name, project, DATA / folder)


def _fill(kernel: "Kernel", founder: Caller, id_: str, bucket: str, project: str, folder: Path) -> None:
    command = Command(kind=AccessKey, verb="create", place=project, spec={"bucket": id_, "access": "read-write"})
    made = kernel.execute(founder, command).result().body
    _await_ready(kernel, AccessKey, made["id"])
    _upload(kernel.drivers["objects"], made["id"], made["secret"], bucket, folder)
    keys = kernel.page(founder, AccessKey, equal({"spec.bucket": id_}))  # also that of an interrupted founding
    for key in (k for k in keys if k.deleting_us is None):
        kernel.execute(founder, Command(kind=AccessKey, verb="delete", target=key.id)).result()


def _upload(objects: Any, key: str, secret: str, bucket: str, folder: Path) -> None:
    s3 = client(objects.endpoint, Key(key, secret), objects.region)
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        s3.upload_file(str(file), bucket, file.relative_to(folder).as_posix())


def _await_ready(kernel: "Kernel", kind: type[Kind[Any, Any]], id_: str) -> None:
    until = kernel.world.now_us() + READY_WITHIN_S * 1_000_000
    while kernel.world.now_us() < until:
        row = kernel.tables[kind].get(kernel.store.read(), id_)
        if row is not None and row.ready:
            return
        kernel.world.sleep(0.05)
    raise Unavailable(T(f"{id_} 未能就绪", f"{id_} did not become ready"))
