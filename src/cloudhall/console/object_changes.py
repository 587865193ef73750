"""Objects changed by forms that need no scripts: a new folder, another name, an old version, and what goes for good."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from cloudhall.console import objects
from cloudhall.console.equivalents import Call
from cloudhall.console.objects import reach_for
from cloudhall.domains.storage import browsing, writing
from cloudhall.domains.storage.objects import DELETE, WRITE, check_key
from cloudhall.kernel.errors import Invalid
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.console.visit import Visit


def make_folder(visit: "Visit", target: str) -> Response:
    """Make an empty folder below the one that is shown."""
    reached = reach_for(visit, WRITE, target)
    prefix = f"{visit.posted('prefix')}{visit.posted('name').strip().strip('/')}/"
    writing.make_folder(reached, prefix)
    return visit.go(objects.address(reached.bucket, prefix=prefix))


def rename(visit: "Visit", target: str) -> Response:
    """Give an object another name."""
    deleting, reached = reach_for(visit, DELETE, target), reach_for(visit, WRITE, target)
    new = check_key(visit.posted("name").strip())
    writing.rename(reached, deleting, visit.posted("key"), new)
    return visit.go(objects.address(reached.bucket, "/one", key=new, done="rename"))


def restore(visit: "Visit", target: str) -> Response:
    """Make an old version the newest."""
    reached = reach_for(visit, WRITE, target)
    key = visit.posted("key")
    writing.restore(reached, key, visit.posted("version"))
    return visit.go(objects.address(reached.bucket, "/one", key=key, done="restore"))


def give_up(visit: "Visit", target: str) -> Response:
    """Let go of an unfinished upload."""
    reached = reach_for(visit, WRITE, target)
    writing.give_up(reached, visit.posted("key"), visit.posted("upload"))
    return visit.go(objects.address(reached.bucket, prefix=visit.posted("prefix"), done="give_up"))


def deletion_form(visit: "Visit", target: str) -> Response:
    """What would go, and whether it can be had back."""
    reached = reach_for(visit, DELETE, target)
    query = visit.request.query_params
    keys, folders, version = query.getlist("key"), query.getlist("folder"), query.get("version", "")
    if not keys and not folders:
        raise Invalid(T("没有选中任何对象", "Nothing is chosen"), mend=T("返回并勾选", "Go back and choose some"))
    bucket, first = reached.bucket, (keys or folders)[0]
    words = ("object", "delete", bucket.name, *keys, *folders)
    return visit.page(
        "storage/objects_delete.html",
        call=Call("DELETE", f"/buckets/{bucket.id}/objects/one?key={first}", words),
        **objects.frame(visit, bucket, first),
        plan=browsing.deletion(reached, () if version else keys, folders),
        keys=keys,
        folders=folders,
        version=version,
    )


def delete(visit: "Visit", target: str) -> Response:
    """Delete what was shown."""
    reached = reach_for(visit, DELETE, target)
    posted = [(name, text) for name, text in visit.form if name in ("key", "folder")]
    keys, folders = ([text for name, text in posted if name == wanted] for wanted in ("key", "folder"))
    if version := visit.posted("version"):
        browsing.delete_version(reached, keys[0], version)
    else:
        browsing.delete(reached, keys, folders)
    return visit.go(objects.address(reached.bucket, prefix=visit.posted("prefix"), done="delete"))
