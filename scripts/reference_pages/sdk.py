"""The Python SDK: kinds with their attribute, types and what can be done; what every kind has; errors."""

import inspect
from collections.abc import Iterator, Mapping

from cloudhall.kernel.kinds import Meta
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from cloudhall.sdk import errors
from cloudhall.sdk.kind import Changes, Collection, Deletes, Makes, Reads
from cloudhall.sdk.session import Session
from reference_pages.markdown import both, code, codes, heading, page, section, table
from sdk_modules.kind_module import attribute_of, class_of, name_of, prefix_of

TITLE = T("Python SDK", "Python SDK")
ABOUT = T(
    "`from cloudhall.sdk import Cloudhall, errors`；只用标准库。用法见[指南](../how-to/use-from-python.zh-CN.md)。"
    "资源是字典，键与接口所答一致；字段的含义见各种类的页面。",
    "`from cloudhall.sdk import Cloudhall, errors`; the standard library alone. Its use: [a guide]"
    "(../how-to/use-from-python.md). Resources are dictionaries with the keys of the interface; what fields mean is on "
    "the pages of the kinds.",
)
KINDS, METHODS = T("种类", "Kinds"), T("每个种类都有的方法", "Methods of the kinds")
ACTIONS = T("操作", "actions")
SESSION, ERRORS = T("会话", "Session"), T("错误", "Errors")
PARTS: Mapping[type[Collection], tuple[str, T]] = {
    Reads: ("read", T("查看", "looking")),
    Makes: ("create", T("新建", "making")),
    Changes: ("update", T("修改", "changing")),
    Deletes: ("delete", T("删除", "deleting")),
}
CHINESE: Mapping[str, str] = {
    "get": "取一个资源；没有则抛出 `NotFound`。",
    "pages": "列表的各页，用到时才取；参数同 `list`。",
    "list": "符合条件的全部资源，取多少读多少页。",
    "wait": "等到 `ready`、`deleted` 或条件 `wanted` 成立；已不在则返回 None。",
    "watch": "所发生的事件：从现在起，或从某一版之后起。",
    "explain": "资源在等什么、自何时、等谁、试过什么、怎样解除。",
    "create": "新建一个；能自动取名的，`name` 可为空。答复中的 `secret` 只给这一次。",
    "preview_create": "说明 `create` 会怎样，什么也不做；会抛出它所抛出的错误。",
    "update": "只改写明的；None 使字段回到默认值，或去掉标签。",
    "preview_update": "说明 `update` 会怎样，什么也不做；会抛出它所抛出的错误。",
    "delete": '删除一个，返回其现状；`wait(id, "deleted")` 在它消失后返回。',
    "preview_delete": "说明 `delete` 会怎样、什么一并删除，什么也不做。",
    "preview_action": "说明一个操作会怎样，什么也不做。",
    "kind": "本版没有类型的种类能做什么。",
    "whoami": "令牌代表谁，在哪里有什么角色。",
    "search": "看得到的一切中符合一段文字的。",
    "send": "调用 `/api/v1` 下的其他地址；返回解码后的答复。",
    "Failure": "根：哪里不对，怎么办。",
    "Misuse": "所求不成立，无须问服务器。",
    "NotReady": "没有等到；`seen` 是最后所见，已不在则为 None。",
    "Unreachable": "没有服务器应答。改动可能已做；以同一个键再发只做一次。",
    "Refused": "服务器拒绝，语言如所求。",
    "Invalid": "所发送的不对；`problems` 一次列全。",
    "Unauthenticated": "没有登录，或登录已结束。",
    "Forbidden": "登录者无权；`body` 写明策略和怎样会改变结果。",
    "NotFound": "不存在，或无权查看。",
    "Conflict": "与现状冲突：名称已用、配额已满、须先处理别的。",
    "Stale": '此间别人改过；`body["difference"]` 说明改了什么。',
    "TooMany": "请求太多；`retry_after_s` 后可再试。",
    "Unavailable": "服务器此刻不能；`retry_after_s` 后可再试。",
}
HOW = T(
    "`**how` 可含：`place` 项目或单位，`if_match` 只在仍是这一版时，`key` 自己的幂等键，`wait_s` 让服务器等到就绪再答，"
    "至多 300。",
    "`**how` may hold: `place`, a project or organisation; `if_match`, only if this is still the revision; `key`, an "
    "idempotency key of your own; `wait_s`, let the server answer when it is ready, 300 at most.",
)


def render(registry: Registry) -> str:
    """Render the page."""
    metas = sorted((kind.meta for kind in registry), key=attribute_of)
    kinds = table(("`cloud.…`", "kind", "types", "verbs"), (_kind(meta) for meta in metas))
    parts: dict[type, T] = {part: text for part, (_, text) in PARTS.items()} | {Collection: ACTIONS}
    methods = [section(3, both(text), table(("", ""), _methods(part))) for part, text in parts.items()]
    return page(
        TITLE,
        ABOUT,
        section(2, both(KINDS), kinds),
        heading(2, both(METHODS)),
        f"{HOW.zh}\n\n{HOW.en}\n",
        *methods,
        section(2, both(SESSION), table(("", ""), _methods(Session))),
        section(2, both(ERRORS), table(("", "HTTP", ""), _errors())),
    )


def _kind(meta: Meta) -> tuple[str, str, str, str]:
    """One row: attribute, title with the page of the fields, types, and what can be done."""
    domain = meta.key.partition(".")[0]
    verbs = [verb for verb, _ in PARTS.values() if verb in meta.verbs]
    where = f"[{both(meta.title)}](kinds/{domain}.md)"
    types = f"`cloudhall.sdk.kinds.{name_of(meta)}`: {codes([prefix_of(meta), class_of(meta)])}"
    return code(attribute_of(meta)), where, types, codes([*verbs, *meta.actions])


def _methods(class_: type) -> Iterator[tuple[str, str]]:
    """Every method that is a class's own, as it is called, with the first line of what it says."""
    for name, method in vars(class_).items():
        if not name.startswith("_") and inspect.isfunction(method):
            names = [_argument(p) for p in inspect.signature(method).parameters.values() if p.name != "self"]
            yield code(f"{name}({', '.join(names)})"), _said(name, method)


def _argument(parameter: inspect.Parameter) -> str:
    stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    return f"{stars}{parameter.name}{'=' if parameter.kind is parameter.KEYWORD_ONLY else ''}"


def _errors() -> Iterator[tuple[str, str, str]]:
    statuses: dict[type, str] = {class_: str(status) for status, class_ in errors.BY_STATUS.items()}
    for name, class_ in vars(errors).items():
        if inspect.isclass(class_) and issubclass(class_, errors.Failure):
            yield code(f"errors.{name}"), statuses.get(class_, ""), _said(name, class_)


def _said(name: str, documented: object) -> str:
    """First line of what it says of itself, in both languages."""
    return both(T(CHINESE[name], (inspect.getdoc(documented) or "").splitlines()[0]))
