"""The port `objects`: buckets, keys, usage counters and a change stream of one S3 store.

Invariants that every driver keeps (`tests/contract/test_objects.py` runs on each of them):

- Every verb is idempotent: `ensure_`, `set_` and `remove_` answer alike the second time, and none fails because the
  thing is already as wanted.
- Clients talk to `endpoint` directly; nothing here stands in the way of their bytes.
- A bucket grants nothing of its own accord: keys come from `set_identities`, the public reads only what
  `set_public_read` opened.
- What the driver itself asks of the engine is never counted as a tenant's request.

What an engine cannot do is named in `lacks`; calling it raises `Unavailable`. All methods block, are safe to call
from several threads, and raise `Unavailable` when the engine does not answer.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import msgspec

from cloudhall.kernel.ports import Port, reads

if TYPE_CHECKING:
    from cloudhall.drivers.objects.contents import Contents

ADDRESS = "CLOUDHALL_S3_ADDRESS"
"""Variable that names the address of a proxy before the engine's S3, which clients are then told of."""
REGION = "us-east-1"
"""What clients sign with when nobody tells them otherwise, so nothing need be configured."""

Right = Literal["read", "write", "list"]
"""`read` an object, `write` and delete one, `list` the bucket."""


def told_address(endpoint: str) -> str:
    """Where clients are told to go: `endpoint`, unless the operator has put a proxy before it."""
    return os.environ.get(ADDRESS, "") or endpoint


class Key(NamedTuple):
    """What signs a request."""

    access: str
    secret: str


class BucketSeen(msgspec.Struct, frozen=True):
    """What the engine holds about one bucket; `quota_bytes` is None without a limit or where the engine has none.

    `strange_policy`: the bucket has a policy that is not the one of `public_read`, and may allow anybody anything.
    """

    versioning: bool
    public_read: bool
    tags: Mapping[str, str]
    quota_bytes: int | None
    strange_policy: bool = False


class Identity(msgspec.Struct, frozen=True):
    """One access key and what it may do, by bucket. `name` shows in the engine's logs as the requester."""

    name: str
    access_key: str
    secret_key: str
    rights: Mapping[str, frozenset[Right]]


class IdentitiesSet(msgspec.Struct, frozen=True):
    """What became of `set_identities`: in step when the engine was seen to honour and refuse as wanted.

    `failed` names the identities that a probe found otherwise, or that were not reached in time; calling again with
    the same identities proves on from there.
    """

    digest: str
    in_step: bool
    failed: tuple[str, ...] = ()


class BucketCounters(msgspec.Struct, frozen=True):
    """Requests and object bytes of one bucket since the engine's start. A writes and lists, B is GET and HEAD.

    Answers of 403 and 5xx are not in it; headers and bodies of listings are not in the bytes.
    """

    requests_a: int = 0
    requests_b: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


class Counters(msgspec.Struct, frozen=True):
    """One reading. Another `process_start_us` means that the counters began again at 0."""

    process_start_us: int
    read_at_us: int
    buckets: Mapping[str, BucketCounters]


class Change(msgspec.Struct, frozen=True):
    """Logical bytes and objects that one create, overwrite, delete or rename added to a bucket (or took from it)."""

    bucket: str
    bytes_delta: int
    objects_delta: int
    at_us: int


class Changes(msgspec.Struct, frozen=True):
    """The next changes in order, and the cursor after them. `lost`: some may be missing, count with `stored` anew."""

    cursor: int
    items: tuple[Change, ...]
    lost: bool = False


class Stored(msgspec.Struct, frozen=True):
    """A full count of one bucket; exact when no change of it has a cursor within `(began, ended]`."""

    bytes: int
    objects: int
    began: int
    ended: int


class Held(msgspec.Struct, frozen=True):
    """Versions in a bucket that are not the newest of their object, and those under retention or legal hold."""

    old_versions: int = 0
    retained: int = 0


class Objects(Protocol):
    """An S3 store that Cloudhall administers."""

    lacks: frozenset[str]
    """Names of the methods that this engine cannot serve."""

    @property
    def endpoint(self) -> str:
        """Address for clients, without a trailing slash."""

    @property
    def region(self) -> str:
        """Region that clients sign with."""

    @property
    def contents(self) -> "Contents":
        """What lies in the buckets, for people who reach it through us; counted as any client's requests."""

    def start(self) -> None:
        """Bring the engine up and answer when it serves. `Unavailable` when it cannot, `Conflict` when it runs."""

    def stop(self) -> None:
        """Bring it down; nothing acknowledged is lost."""

    @reads
    def healthy(self) -> bool:
        """Whether the engine serves now."""

    @reads
    def seen(self, bucket: str) -> BucketSeen | None:
        """State of a bucket, None when there is none."""

    def ensure_bucket(self, bucket: str) -> None:
        """Make it, private and unversioned. `Invalid` for a name that S3 does not allow."""

    def set_versioning(self, bucket: str, on: bool) -> None:  # noqa: FBT001  the attribute's value, not a mode
        """Keep every version from now on, or stop doing so; versions already kept stay."""

    def set_public_read(self, bucket: str, on: bool) -> None:  # noqa: FBT001  the attribute's value, not a mode
        """Let anyone read objects whose key they know; listing stays closed."""

    def set_tags(self, bucket: str, tags: Mapping[str, str]) -> None:
        """Replace all tags."""

    def set_quota_bytes(self, bucket: str, quota_bytes: int | None) -> None:
        """Set the engine's own limit, a net that may catch late; None lifts it."""

    def remove_objects(self, bucket: str, limit: int) -> int:
        """Delete up to `limit` (≤ 1,000) versions or unfinished uploads; answers how many, 0 when none are left.

        `Conflict` where the engine lets none of the next ones go, because they are under retention or hold.
        """

    def remove_bucket(self, bucket: str) -> None:
        """Remove an empty bucket. `Conflict` when objects or versions remain; take its keys away before."""

    def set_identities(self, identities: Sequence[Identity]) -> IdentitiesSet:
        """Make exactly these keys valid, with exactly these rights. Whatever is not named is refused from now on.

        `Invalid` for a doubled or unusable name or key; then nothing has changed.
        """

    @reads
    def identities_digest(self) -> str:
        """`digest` of the identities that are in force and proven; empty when that is not known."""

    @reads
    def buckets(self) -> Mapping[str, BucketSeen]:
        """Every bucket that there is, by name, whoever made it. O(buckets)."""

    @reads
    def keys(self) -> Mapping[str, frozenset[str]]:
        """Every key that works now, with its rights as `read:<bucket>`, whoever gave them; the program's own is not in.

        A right that the port has no word for is named as the engine spells it.
        """

    @reads
    def counters(self) -> Counters:
        """Read the usage counters."""

    @reads
    def changes(self, after: int) -> Changes:
        """Changes after a cursor (0: from the oldest kept), a batch at a time, each once; empty when there are none."""

    @reads
    def held(self, bucket: str) -> Held:
        """Count versions one by one; nothing for a bucket that is not there. O(versions)."""

    @reads
    def stored(self, bucket: str) -> Stored:
        """Count a bucket entry by entry, for a first start and for reconciliation. O(objects)."""


OBJECTS = Port[Objects]("objects", Objects)


def digest(identities: Sequence[Identity]) -> str:
    """SHA-256 over identities in any order; equal digests mean equal keys and rights."""
    rows = sorted(
        (i.name, i.access_key, i.secret_key, sorted((bucket, sorted(r)) for bucket, r in i.rights.items() if r))
        for i in identities
    )
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()
