"""What the object store may hold by the rows, for the auditor: buckets, keys, and rights.

Every bucket has its row, every key its own, and no right is in force that none gives. Nothing is mended here.
"""

from collections.abc import Mapping

from cloudhall.domains.storage.access_key import AccessKey, entitled
from cloudhall.domains.storage.bucket import RESTORE, Bucket
from cloudhall.drivers.objects import OBJECTS, Objects
from cloudhall.kernel.collect import Collection
from cloudhall.kernel.conservation import Account, Owed
from cloudhall.kernel.text import T

EVERYBODY_READS, STRANGE_POLICY = "public_read", "strange_policy"


def buckets_there(objects: Objects) -> Mapping[str, frozenset[str]]:
    """Every bucket, with what it allows to those who have no key."""
    return {
        name: frozenset(
            [*([EVERYBODY_READS] if seen.public_read else []), *([STRANGE_POLICY] if seen.strange_policy else [])]
        )
        for name, seen in objects.buckets().items()
    }


def buckets_owed(look: Collection) -> Mapping[str, Owed]:
    """Every bucket that a row speaks of; one that goes may be gone already, one in the bin allows nobody."""
    return {
        b.name: Owed(
            Bucket.meta.key,
            b.id,
            b.place,
            b.status.made and b.deleting_us is None,
            frozenset([EVERYBODY_READS] if b.spec.public_read and b.kept is None else []),
        )
        for b in (*look.list(Bucket), *look.kept(Bucket))
    }


def keys_there(objects: Objects) -> Mapping[str, frozenset[str]]:
    """Every key that works, with its rights."""
    return objects.keys()


def keys_owed(look: Collection) -> Mapping[str, Owed]:
    """Every key that a row speaks of; one that is on its way out gives nothing any more."""
    rights = {e.key.id: frozenset(f"{right}:{e.bucket.name}" for right in e.rights) for e in entitled(look)}
    return {
        k.id: Owed(
            AccessKey.meta.key,
            k.id,
            k.place,
            k.ready and k.status.in_force and k.id in rights,
            rights.get(k.id, frozenset()),
        )
        for k in (*look.list(AccessKey), *look.kept(AccessKey))
    }


ACCOUNTS = (
    Account(
        name="storage.buckets",
        title=T("存储桶", "Buckets"),
        port=OBJECTS,
        needs=("buckets",),
        world=buckets_there,
        rows=buckets_owed,
        mends=(
            (
                "stray",
                T(
                    "确认无人使用后在引擎中删除；或创建同名存储桶以接管",
                    "Remove it at the engine once nobody needs it; or create a bucket of that name to take it over",
                ),
            ),
            ("lost", RESTORE),
            ("excess", T("在引擎中删除不属于云厅的桶策略", "Remove the policy at the engine that is none of ours")),
        ),
    ),
    Account(
        name="storage.keys",
        title=T("访问密钥", "Access keys"),
        port=OBJECTS,
        needs=("keys",),
        world=keys_there,
        rows=keys_owed,
        grants=True,
        mends=(
            ("lost", T("重试该密钥；或删除后重新创建", "Retry the key; or delete it and create it anew")),
            (
                "excess",
                T(
                    "立即查明是谁写入了引擎的密钥文件；任意一次密钥变更都会将其清除",
                    "Find out at once who wrote the engine's keys; any change of a key takes it out again",
                ),
            ),
        ),
    ),
)
