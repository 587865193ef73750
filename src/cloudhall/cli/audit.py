"""The audit log: who did what, proofs to take away, and the key that they are checked with."""

import sys
from pathlib import Path
from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.errors import Failure, Misuse
from cloudhall.cli.language import T, say
from cloudhall.cli.output import hint, note, show_rows
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.tables import Column
from cloudhall.cli.typed import Moment, Whole
from cloudhall.cli.values import moment
from cloudhall.cli.verbs import PAGE_SIZE_MAX, first

LIMIT = 50
ONE_OF_BOTH = T("写明序号或 --resource，二者其一", "Give a number or --resource, one of them")
MORE = T("只显示了最新的 {} 条；--limit 可要更多", "These are the newest {}; --limit shows more")
NO_WRITING = T("写不了 {}：{}", "{} cannot be written: {}")
TITLES = {
    "index": T("序号", "No."),
    "at": T("时间", "When"),
    "actor": T("操作者", "Who"),
    "action": T("操作", "Action"),
    "resource": T("资源", "Resource"),
    "phase": T("结果", "Outcome"),
}


def list_(*, resource: str | None, limit: int, **given: Any) -> None:
    """Print entries, newest first."""
    app, output = current(), output_of(given)
    asked = {name: given[name] or "" for name in ("actor", "action", "place", "since")}
    asked |= {"resource": app.id_of(resource or ""), "page_size": str(min(limit, PAGE_SIZE_MAX))}
    names: dict[str, str] = {}
    pages = (page for page in app.client.pages("audit", asked) if names.update(page["names"]) is None)
    entries, more = first(pages, limit)
    if output.style == "table":
        named = ({k: names.get(e[k], e[k]) for k in ("actor", "resource")} for e in entries)
        entries = [
            e | n | {"at": moment(e["at"]), "index": str(e["index"])} for e, n in zip(entries, named, strict=True)
        ]
    show_rows([Column(say(title), name) for name, title in TITLES.items()], entries, output.style)
    if more:
        note(say(MORE, len(entries)))


def prove(*, index: int | None, resource: str | None, out: str | None, kept_size: int | None, private: bool) -> None:
    """Write a proof file that anybody can check without this server."""
    app = current()
    if (index is None) == (resource is None):
        raise Misuse(ONE_OF_BOTH)
    asked = {
        "private": "true" if private else "",
        "kept_size": "" if kept_size is None else str(kept_size),
        "resource": app.id_of(resource or ""),
    }
    path = "/api/v1/audit/proof" if index is None else f"/api/v1/audit/entries/{index}/proof"
    _write(app.client.send("GET", path, asked).content, out)
    hint(f"verify {out or 'FILE'}")


def verify_key() -> None:
    """Print the key to pin."""
    _write(current().client.send("GET", "/api/v1/audit/verifier-key").content, None)


def _write(content: bytes, out: str | None) -> None:
    try:
        if out:
            Path(out).write_bytes(content)
        else:
            sys.stdout.write(content.decode())
    except OSError as error:
        raise Failure(say(NO_WRITING, out, error)) from None


RESOURCE = T("资源的编号，或 种类/名称，例如 bucket/stats", "Id of the resource, or NOUN/NAME such as bucket/stats")


def _list() -> Command:
    return Command(
        "list",
        list_,
        T("查看谁做了什么，最新的在前。", "List who did what, newest first."),
        examples=[
            "audit list",
            "audit list --resource bucket/chongqing-stats",
            "audit list --action storage.bucket:delete --since -7d",
        ],
        params=[
            Option("--resource", text=RESOURCE, metavar="ID"),
            Option("--actor", text=T("操作者的编号", "Id of who did it"), metavar="ID"),
            Option(
                "--action",
                text=T("操作，例如 storage.bucket:create", "Action such as storage.bucket:create"),
                metavar="NAME",
            ),
            Option(
                "--place",
                text=T("项目，或单位连同其全部项目", "Project, or organisation with all its projects"),
                metavar="NAME",
            ),
            Option("--since", text=T("从何时起，例如 -7d", "From when on, such as -7d"), type=Moment(), metavar="TIME"),
            Option(
                "--limit",
                text=T("最多几条（默认 50）", "How many at most (default 50)"),
                type=Whole(),
                default=LIMIT,
                metavar="N",
            ),
            *output_options(),
        ],
    )


def _prove() -> Command:
    return Command(
        "prove",
        prove,
        T("导出证明文件：任何人不经服务器即可核验。", "Write a proof file that anybody can check without the server."),
        examples=["audit prove 42 --out proof.json", "audit prove --resource bucket/chongqing-stats --out proof.json"],
        params=[
            Argument(
                "index",
                metavar="[NUMBER]",
                text=T("一条记录的序号", "Number of one entry"),
                type=Whole(),
                required=False,
            ),
            Option("--resource", text=RESOURCE, metavar="ID"),
            Option(
                "--out",
                text=T("写入文件；不填则到标准输出", "File to write; standard output without it"),
                metavar="FILE",
            ),
            Option(
                "--kept-size",
                text=T(
                    "以前保存的检查点的条数，一并证明其后没有改动",
                    "Size of a checkpoint kept from before: prove continuity too",
                ),
                type=Whole(),
                metavar="N",
            ),
            Option(
                "--private",
                text=T("附上个人信息（仅审计管理员）", "With private facts (audit administrators only)"),
                is_flag=True,
            ),
        ],
    )


def _verify_key() -> Command:
    return Command(
        "verify-key",
        verify_key,
        T("显示核验公钥，供 cloudhall verify --key 使用。", "Print the public key that cloudhall verify --key takes."),
        examples=["audit verify-key > cloudhall.pub"],
    )


AUDIT = Group(
    "audit",
    T("审计日志：谁做了什么，以及不可抵赖的证明。", "The audit log: who did what, with proofs."),
    {"list": _list, "prove": _prove, "verify-key": _verify_key},
)
