"""What lies in a bucket, a page at a time, and what a deletion would take away."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cloudhall.domains.storage.objects import (
    Reached,
    check_folder,
    check_key,
    check_prefix,
    check_token,
    told,
    told_read,
)
from cloudhall.drivers.objects.contents import DELETED_AT_ONCE, Item, Listing, Unfinished
from cloudhall.kernel.errors import Conflict, Invalid
from cloudhall.kernel.text import T

UNFINISHED_SHOWN = 20
AFTER_LENGTH_MAX = 4_096


class Deletion(NamedTuple):
    """What a deletion takes: objects with their bytes, and folders, the deepest first.

    `more` where there is more than goes at once.
    """

    items: tuple[Item, ...]
    folders: tuple[str, ...]
    bytes: int
    more: bool
    keeps_versions: bool


def listing(reached: Reached, prefix: str, *, after: str = "", limit: int = 100, flat: bool = False) -> Listing:
    """One page of what begins with `prefix`; folders are folded unless `flat`. Of graded data it is written down."""
    check_prefix(prefix)
    if len(after) > AFTER_LENGTH_MAX:
        raise Invalid(T("翻页位置有误", "The position of the page is wrong"), reason="PAGE_TOKEN")
    if reached.bucket.spec.grade != "open":
        told_read(reached, prefix)
    return reached.contents.list(reached.bucket.name, prefix, after=after, limit=limit, flat=flat)


def versions(reached: Reached, key: str) -> Sequence[Item]:
    """Versions of an object, newest first, with its delete markers."""
    return reached.contents.versions(reached.bucket.name, check_key(key))


def unfinished(reached: Reached, prefix: str) -> Sequence[Unfinished]:
    """Uploads below a prefix that take room and are no objects yet, oldest first."""
    return reached.contents.unfinished(reached.bucket.name, check_prefix(prefix), UNFINISHED_SHOWN)


def deletion(reached: Reached, keys: Sequence[str], folders: Sequence[str]) -> Deletion:
    """What would go: objects by name, and everything in folders."""
    contents, bucket = reached.contents, reached.bucket
    items = [contents.head(bucket.name, check_key(key)) for key in keys[:DELETED_AT_ONCE]]
    inside, more = set[str](), len(keys) > DELETED_AT_ONCE
    for folder in folders:
        if not check_folder(folder):
            raise Invalid(T("没有指明文件夹", "No folder is named"))
        page = contents.list(bucket.name, folder, limit=DELETED_AT_ONCE, flat=True)
        items += page.items
        inside |= {folder, *page.folders, *(f for item in page.items for f in _folders(item.key, folder))}
        more = more or bool(page.more)
    deepest = sorted(inside, key=lambda f: f.count("/"), reverse=True)
    more = more or max(len(items), len(deepest)) > DELETED_AT_ONCE
    return Deletion(tuple(items), tuple(deepest), sum(i.bytes for i in items), more, bucket.spec.versioning)


def delete(reached: Reached, keys: Sequence[str], folders: Sequence[str]) -> int:
    """Delete what `deletion` shows; answers how many objects went. Folders go behind what lies in them."""
    found = deletion(reached, keys, folders)
    if found.more:
        raise too_many()
    named = [i.key for i in found.items]
    with told(reached, named or list(folders)):
        for gone in (named, found.folders):
            if gone:
                _require_gone(reached.contents.remove(reached.bucket.name, [(key, "") for key in gone]))
    return len(named)


def _folders(key: str, within: str) -> Iterator[str]:
    """Folders between a folder and an object in it: an engine keeps them as directories of its own for a while."""
    at = key.find("/", len(within))
    while at >= 0:
        yield key[: at + 1]
        at = key.find("/", at + 1)


def delete_version(reached: Reached, key: str, version: str) -> None:
    """Delete one version for good; deleting a delete marker brings the object back."""
    with told(reached, [check_key(key)]):
        _require_gone(reached.contents.remove(reached.bucket.name, [(key, check_token(version))]))


def too_many() -> Conflict:
    """A folder that no page should delete."""
    return Conflict(
        T(f"一次最多删除 {DELETED_AT_ONCE:,} 个对象", f"At most {DELETED_AT_ONCE:,} objects are deleted at once"),
        mend=T("分文件夹删除，或用 S3 客户端", "Delete folder by folder, or use an S3 client"),
        reason="TOO_MANY_OBJECTS",
    )


def _require_gone(stayed: object) -> None:
    if stayed:
        raise Conflict(
            T("有对象处于保留期或依法保全，没有删除", "Some objects are under retention or hold, and stay"),
            mend=T("保留期满后再删除", "Delete them once the retention has ended"),
            reason="RETAINED",
        )
