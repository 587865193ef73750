"""Events: what the watch stream and the log say happened, by kind."""

from cloudhall.kernel.events import OBSERVE, past_tense
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.registry import AnyKind, Registry
from cloudhall.kernel.text import T
from reference_pages.markdown import both, code, heading, page

TITLE = T("事件", "Events")
ABOUT = T(
    "每个改变都是一个事件，与改变写在同一个事务里，版本号不间断。`GET /api/v1/watch` 按顺序给出；"
    "没有权限看的资源，其事件也看不到。",
    "Every change is an event, written in the same transaction, under revisions without gaps. `GET /api/v1/watch` "
    "gives them in order; of a resource that you may not see you see no events.",
)
DOCUMENTS = T(
    "另有两个事件，哪种资源都有：`attached_document`、`detached_document`，附加和移除文件。",
    "Two more can happen to a resource of any kind: `attached_document` and `detached_document`, a document attached "
    "and taken away.",
)
REMOVE = "remove"
PLAIN = {
    "create": T("已创建", "It was created"),
    "update": T("设定已修改", "What people decided about it was changed"),
    "delete": T("已要求删除，收尾工作开始", "Its deletion was asked for and began"),
    OBSERVE: T("控制器写下所见的状态", "The controller wrote down what it saw"),
    REMOVE: T("收尾完成，资源已不在", "Everything is settled; it is gone"),
}


def render(registry: Registry) -> str:
    """Render the page."""
    return page(TITLE, ABOUT, f"{both(DOCUMENTS)}\n", *(block for kind in registry for block in _kind(kind)))


def event_names(kind: AnyKind) -> list[str]:
    """Every event of a kind."""
    return [f"{kind.meta.key}.{past_tense(verb)}" for verb in _verbs(kind)]


def _verbs(kind: AnyKind) -> list[str]:
    """What is asked for, what its controller does, and its end: by its own deletion or with its owner."""
    meta = kind.meta
    asked = [verb for verb in ("create", "update") if verb in meta.verbs] + list(meta.actions)
    seen = [OBSERVE] if meta.controller or meta.finalizer else []
    owned = any(info.f.on_delete == "cascade" for info in fields_of(meta.spec).values() if info.f.ref)
    return [*asked, *seen, *(["delete", REMOVE] if owned or "delete" in meta.verbs else [])]


def _kind(kind: AnyKind) -> list[str]:
    meta = kind.meta
    meanings = PLAIN | {
        name: T(f"执行了“{a.title.zh}”", f"“{a.title.en}” was done") for name, a in meta.actions.items()
    }
    headed = [f"{heading(3, f'{meta.key}.{past_tense(verb)}')}\n{both(meanings[verb])}\n" for verb in _verbs(kind)]
    return [heading(2, f"{both(meta.title)} ({code(meta.key)})"), *headed]
