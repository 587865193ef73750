"""One's own notices, and what became of the deliveries of a webhook."""

from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.output import hint, note, print_json, show_rows
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.tables import Column, Wire
from cloudhall.cli.typed import OneOf, Whole
from cloudhall.cli.values import moment
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

LIMIT = 50
STATES = {
    "waiting": T("等待", "waiting"),
    "delivered": T("已投递", "delivered"),
    "parked": T("已搁置", "parked"),
}
COLUMNS = {"id": T("编号", "No."), "at": T("时间", "At"), "new": T("未读", "New"), "text": T("内容", "Notice")}
LOG = {
    "revision": T("版本", "Revision"),
    "state": T("状态", "State"),
    "tries": T("次数", "Tries"),
    "tried_at": T("最近一次", "Last tried"),
    "status": T("答复", "Answer"),
    "reason": T("原因", "Reason"),
}
NEW, UNREAD = T("是", "yes"), T("未读 {} 条", "{} unread")
WHICH = T("要标记哪些？给出编号，或 --all", "Which ones? Give their numbers, or --all")
ON = T("通知也会发到 {}", "Notices go to {} as well")
OFF = T("通知只在收件箱里", "Notices are in the inbox alone")
NO_ADDRESS = T("你的账号没有邮箱，请系统管理员填写", "Your account has no address; ask a system administrator for one")
NO_RELAY = T("这里没有设置邮件服务器，暂时不会发出", "No mail relay is set up here; none will be sent for now")


def list_(*, unread: bool, limit: int, **given: Any) -> None:
    """Print one's newest notices."""
    output = output_of(given)
    found = current().client.look("inbox", {"unread": "true" if unread else "", "page_size": str(limit)})
    if output.style == "json":
        print_json(found)
        return
    rows = [row | {"text": say(row["text"]), "new": "" if "read_at" in row else say(NEW)} for row in found["items"]]
    show_rows(_columns(COLUMNS), _local(rows, "at", output.style), output.style)
    if found["unread"]:
        note(say(UNREAD, found["unread"]))
        hint("inbox read --all")


def read(*, numbers: tuple[int, ...], all_: bool, unread: bool, **_given: Any) -> None:
    """Mark notices as read, or as unread again."""
    if not numbers and not all_:
        raise Misuse(WHICH)
    body: Wire = {"ids": list(numbers), "read": not unread}
    if all_:
        newest = current().client.look("inbox", {"page_size": "1"})["items"]
        body["up_to"] = newest[0]["id"] if newest else 0
    left = current().client.change("POST", "inbox/mark", body=body)["unread"]
    note(say(UNREAD, left))


def mail(*, how: str | None, **given: Any) -> None:
    """Say, or choose, whether notices come by mail as well."""
    client = current().client
    found = (
        client.look("inbox/choice")
        if how is None
        else client.change("POST", "inbox/choice", body={"mail": how == "on"})
    )
    output = output_of(given)
    if output.style == "json":
        print_json(found)
        return
    note(say(ON, found["address"] or "-") if found["mail"] else OFF)
    if found["mail"] and not found["address"]:
        note(NO_ADDRESS)
    if found["mail"] and not found["relay"]:
        note(NO_RELAY)


def deliveries(*, webhook: str, state: str | None, limit: int, **given: Any) -> None:
    """Print the newest deliveries of a webhook."""
    output = output_of(given)
    found = current().client.look("deliveries", {"webhook": webhook, "state": state or "", "page_size": str(limit)})
    if output.style == "json":
        print_json(found)
        return
    told = output.style == "table"
    rows = [row | {"state": say(STATES[row["state"]])} if told else row for row in found["items"]]
    show_rows(_columns(LOG), _local(rows, "tried_at", output.style), output.style)


def _columns(titles: dict[str, T]) -> list[Column]:
    return [
        Column(say(title), name, number=name in {"id", "revision", "tries", "status"}) for name, title in titles.items()
    ]


def _local(rows: list[Wire], name: str, style: str) -> list[Wire]:
    """Times as people read them, on a table."""
    return [row | {name: moment(row[name])} if style == "table" and name in row else row for row in rows]


def _limit(text: T) -> Option:
    return Option("--limit", text=text, type=Whole(), metavar="N", default=LIMIT)


def _list() -> Command:
    return Command(
        "list",
        list_,
        T("最近的通知。", "The newest notices."),
        examples=["inbox list", "inbox list --unread"],
        params=[
            Option("--unread", text=T("只要未读的", "Unread ones only"), is_flag=True),
            _limit(T("多少条", "How many")),
            *output_options(),
        ],
    )


def _read() -> Command:
    return Command(
        "read",
        read,
        T("标为已读。", "Mark as read."),
        examples=["inbox read 12 13", "inbox read --all", "inbox read 12 --unread"],
        params=[
            Argument("numbers", metavar="[NUMBER]…", text=T("编号", "Numbers"), type=Whole(), nargs=-1),
            Option("--all", "all_", text=T("全部", "All of them"), is_flag=True),
            Option("--unread", text=T("改回未读", "As unread again"), is_flag=True),
        ],
    )


def _mail() -> Command:
    return Command(
        "mail",
        mail,
        T("通知是否也发邮件。", "Whether notices come by mail as well."),
        examples=["inbox mail", "inbox mail on"],
        params=[
            Argument(
                "how",
                metavar="[on|off]",
                text=T("不填则显示现在的设定", "Without it, how it is set now"),
                type=OneOf(("on", "off")),
                required=False,
            ),
            *output_options(),
        ],
    )


def _deliveries() -> Command:
    return Command(
        "list",
        deliveries,
        T("一个事件回调最近的投递。", "The newest deliveries of a webhook."),
        examples=["deliveries list city-bus", "deliveries list city-bus --state parked"],
        params=[
            Argument("webhook", metavar="WEBHOOK", text=T("名称或编号", "Name or id")),
            Option(
                "--state", text=T("只要这种状态的", "Of this state only"), type=OneOf(tuple(STATES)), metavar="STATE"
            ),
            _limit(T("多少条", "How many")),
            *output_options(),
        ],
    )


INBOX = Group(
    "inbox",
    T("通知：与你有关的事。", "Notices: what concerns you."),
    {"list": _list, "read": _read, "mail": _mail},
)
DELIVERIES = Group(
    "deliveries",
    T("事件回调投递了什么，结果如何。", "What a webhook was sent, and what came of it."),
    {"list": _deliveries},
)
