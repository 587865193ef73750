"""The operation that empties a bucket: all versions of all objects and unfinished uploads, a thousand at a time.

Withdrawn while it runs: nothing. Whoever still writes keeps it from ending; cancel it, delete the keys, start again.
"""

from typing import TYPE_CHECKING

from cloudhall.domains.storage.bucket import EMPTY, Bucket
from cloudhall.drivers.objects import OBJECTS
from cloudhall.kernel.operations import Operation, Progress, Step, register
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.kernel.context import Context

BATCH = 1_000


def delete_objects(o: Operation, ctx: "Context", done: int) -> Progress:
    """Delete the next batch; ended when the engine has no more to list."""
    bucket = ctx.get(Bucket, o.spec.target) or ctx.destroying(Bucket, o.spec.target)
    if bucket is None:
        return Progress(done, done, finished=True, log="the bucket is gone, or in the recycle bin")
    removed = ctx.use(OBJECTS).remove_objects(bucket.name, BATCH)
    if removed == 0:
        return Progress(done, done, finished=True, log=f"{done} versions and uploads deleted")
    return Progress(done + removed, max(done + removed, bucket.status.objects), log=f"{removed} deleted")


register(
    EMPTY,
    (Step("delete", T("删除对象、历史版本和未完成的上传", "Delete objects, versions and uploads"), delete_objects),),
)
