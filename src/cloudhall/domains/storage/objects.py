"""Objects for people: who may reach them, what is logged, what names are taken, when a full bucket refuses.

Whoever signs with a key talks to the engine directly; a person talks to it through here, by the same policies as to
everything else. Reads, writes and deletions leave an entry in the audit log: a read before its first byte, an effect
one of intent and one of outcome. The name of an object may name a person, so it stands in the part of an entry that
can be shredded; the entry itself holds the SHA-256 of it. Requests and bytes are metered by the engine's counters,
as those of any client.

Must never happen: a name that leads out of its bucket. The engine takes names for paths.
"""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from cloudhall.domains.storage import rules, stored
from cloudhall.domains.storage.bucket import Bucket
from cloudhall.drivers.objects import OBJECTS
from cloudhall.drivers.objects.contents import Contents
from cloudhall.drivers.objects.trouble import not_answering
from cloudhall.kernel.audit import Entry, Phase
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import Conflict, Forbidden, Invalid, Problem, QuotaExceeded
from cloudhall.kernel.facts import Ruling
from cloudhall.kernel.kernel import denied
from cloudhall.kernel.refusals import going
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.kernel import Kernel

LIST, READ, WRITE, DELETE = "list_objects", "read_object", "write_object", "delete_object"
KEY_BYTES_MAX, SEGMENT_BYTES_MAX = 1_024, 255
"""Amazon S3, "Naming Amazon S3 objects"; a segment is a file name of the engine."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""XML 1.0, in which S3 lists names, has no way to write these."""
_TOKEN = re.compile(r"(?!\.+$)[A-Za-z0-9._~+=-]{1,512}")
"""Ids that engines give to uploads and versions; the engine takes them for names of files too."""
TELLING = 50  # names of objects that one entry holds; `count` says how many there were


class Reached(NamedTuple):
    """A bucket that somebody may use in one way, and the policies that say so."""

    kernel: "Kernel"
    caller: Caller
    bucket: Bucket
    verb: str
    ruling: Ruling

    @property
    def contents(self) -> Contents:
        """The engine's side of it."""
        found: Contents = self.kernel.drivers[OBJECTS.name].contents
        return found


def reach(kernel: "Kernel", caller: Caller, verb: str, target: str, place: str = "") -> Reached:
    """Bucket by name or id that the caller may use so.

    Raises `NotFound`, `Forbidden` (which goes into the log), `Conflict` for one that is not made yet or going away.
    """
    bucket = kernel.find(caller, Bucket, target, place)
    try:
        ruling = kernel.authority.require(kernel.store.read(), caller, verb, bucket)
    except Forbidden as error:
        kernel.note(denied(caller, Command(kind=Bucket, verb=verb, target=bucket.id), error)).result()
        raise
    if bucket.deleting_us is not None:
        raise going(bucket)
    if not bucket.status.made:
        raise Conflict(T(f"存储桶 {bucket.name} 还没有建好", f"The bucket {bucket.name} is not made yet"))
    if OBJECTS.name not in kernel.drivers:
        raise not_answering("no engine")
    return Reached(kernel, caller, bucket, verb, ruling)


def may(kernel: "Kernel", caller: Caller, verb: str, bucket: Bucket) -> bool:
    """Whether the caller may use a bucket so; for links and buttons."""
    return bucket.deleting_us is None and kernel.authority.may(kernel.store.read(), caller, verb, bucket)


def told_read(reached: Reached, key: str) -> None:
    """Write down that an object is read, before any of it is handed out."""
    _note(reached, [key], "done").result()


@contextlib.contextmanager
def told(reached: Reached, keys: Sequence[str]) -> Iterator[None]:
    """Write down an effect: that it is about to be, and what became of it. A kill in between leaves the intent."""
    intent = _note(reached, keys, "intent").result()
    try:
        yield
    except Exception as error:
        _note(reached, keys, "outcome", type(error).__name__, intent).result()
        raise
    _note(reached, keys, "outcome", "ok", intent).result()


def require_room(reached: Reached, more_bytes: int) -> None:
    """Raise `QuotaExceeded` where the bucket is full, or would be; as exact as its running total, 2 s late at most."""
    bucket = reached.bucket
    held, _ = stored.of_bucket(reached.kernel.store.read(), bucket.name)
    quota = bucket.spec.quota_gib
    if not rules.is_full(held, quota) and held + more_bytes <= quota * rules.GIB:
        return
    raise QuotaExceeded(
        T(
            f"存储桶 {bucket.name} 的配额是 {quota} GiB，已用 {held:,} 字节，放不下这 {more_bytes:,} 字节",
            f"The bucket {bucket.name} has a quota of {quota} GiB; {held:,} bytes are used, {more_bytes:,} do not fit",
        ),
        mend=T("删除对象，或提高容量配额", "Delete objects, or raise the quota"),
        reason="BUCKET_FULL",
    )


def key_problem(key: str) -> T | None:
    """Say what is wrong with the name of an object; a trailing `/` is that of a folder."""
    folders = key.removesuffix("/").split("/")
    if not key or len(key.encode("utf-8", "surrogatepass")) > KEY_BYTES_MAX:
        return T(f"对象名为 1 至 {KEY_BYTES_MAX} 字节", f"The name of an object has 1 to {KEY_BYTES_MAX} bytes")
    if _CONTROL.search(key):
        return T("对象名不能含控制字符", "The name of an object holds no control characters")
    if any(segment in ("", ".", "..") for segment in folders):
        return T("对象名的各段不能为空，也不能是 . 或 ..", "No segment of an object's name is empty, . or ..")
    if any(len(segment.encode()) > SEGMENT_BYTES_MAX for segment in folders):
        most = SEGMENT_BYTES_MAX
        return T(f"斜杠之间最多 {most} 字节", f"There are at most {most} bytes between slashes")
    return None


def check_key(key: str) -> str:
    """Return the name of an object; raises `Invalid` for one that engines do not take, or take for a path."""
    problem = key_problem(key) or (key.endswith("/") and T("这是一个文件夹", "This is a folder")) or None
    if problem:
        raise Invalid(problem, problems=(Problem("KEY", "?key", problem),), reason="KEY")
    return key


def check_folder(prefix: str) -> str:
    """Return the prefix of a folder, empty or with its trailing slash; raises `Invalid`."""
    if prefix and (not prefix.endswith("/") or key_problem(prefix)):
        problem = key_problem(prefix) or T("文件夹以斜杠结尾", "A folder ends in a slash")
        raise Invalid(problem, problems=(Problem("KEY", "?prefix", problem),), reason="KEY")
    return prefix


def check_prefix(prefix: str) -> str:
    """Return what names begin with; raises `Invalid` for what no name can begin with."""
    folder, _, start = prefix.rpartition("/")
    check_folder(f"{folder}/" if "/" in prefix else "")
    if start and (problem := key_problem(start)):
        raise Invalid(problem, problems=(Problem("KEY", "?prefix", problem),), reason="KEY")
    return prefix


def check_token(token: str) -> str:
    """Return the id of a version or an upload; raises `Invalid` for what no engine gives."""
    if not _TOKEN.fullmatch(token):
        raise Invalid(T("版本号或上传编号有误", "The id of a version or an upload is wrong"), reason="TOKEN")
    return token


def _note(
    reached: Reached, keys: Sequence[str], phase: Phase, reason: str = "", intent: int | None = None
) -> Future[int]:
    kernel, caller, bucket = reached.kernel, reached.caller, reached.bucket
    told = "\n".join(keys[:TELLING])
    private = {k: v for k, v in (("name", caller.name), ("address", caller.address), ("object", told)) if v}
    entry = Entry(
        actor=caller.id,
        action=f"{Bucket.meta.key}:{reached.verb}",
        phase=phase,
        kind=Bucket.meta.key,
        resource=bucket.id,
        project=bucket.place,
        request=caller.request,
        content=hashlib.sha256("\n".join(keys).encode()).hexdigest(),
        policies=reached.ruling,
        reason=reason,
        count=len(keys),
        intent=intent,
        private=private,
        **kernel.authority.seen(reached.ruling, caller).named(),
    )
    return kernel.note(entry)
