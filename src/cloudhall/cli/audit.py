"""The audit log: who did what, proofs to take away, the key that they are checked with, and who countersigns."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from cloudhall.cli.app import current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.errors import FAILED
from cloudhall.cli.here import folder_of, told
from cloudhall.cli.looking import PAGE_SIZE_MAX, first
from cloudhall.cli.output import aligned, hint, note, print_json, print_lines, show_rows
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.run import HOME
from cloudhall.cli.tables import Column
from cloudhall.cli.typed import Moment, Whole
from cloudhall.cli.values import moment
from cloudhall.sdk.errors import Failure, Misuse
from cloudhall.sdk.language import T, say

LIMIT = 50
ONE_OF_BOTH = T("写明序号或 --resource，二者其一", "Give a number or --resource, one of them")
MORE = T("只显示了最新的 {} 条；--limit 可要更多", "These are the newest {}; --limit shows more")
NO_WRITING = T("写不了 {}：{}", "{} cannot be written: {}")
ALONE = T("没有见证人会签这本日志", "No witness countersigns this log")
ALARM = T(
    "警报：有见证人见过与这里不同的历史。停下，保留证据，查明数据库是否被换成旧的或被改写",
    "ALARM: a witness has seen another history than this one. Stop, keep the evidence, and find out whether the "
    "database was put back to an older state or rewritten",
)
EXPORTED = T("{} 条已写入 {}", "{} entries written to {}")
ROTATED = T(
    "新密钥已就绪；日志写下它、由旧密钥签过之后，从下一条起由它签名",
    "The new key is there; once the log has named it under the old one, it signs from the next entry on",
)
LOG = {"origin": T("日志名", "Log"), "size": T("已签名条数", "Entries signed"), "signed_at": T("签名时间", "Signed at")}
WORDS = {
    "new": T("还没有问过", "not asked yet"),
    "signed": T("已会签", "signed"),
    "unreachable": T("联系不上", "cannot be reached"),
    "refused": T("拒绝会签", "refuses"),
    "unknown_key": T("不认识本日志的公钥", "does not know the log's key"),
    "ahead": T("警报：见过更长的历史", "ALARM: has seen a longer history"),
    "contradicted": T("警报：见过另一段历史", "ALARM: has seen another history"),
}
WHAT, BY, POLICIES = T("操作", "Action"), T("操作者", "Who"), T("策略集", "Policy set")
RECORDED, AGAIN = T("记录", "In the log"), T("重新判定", "Decided again")
DECIDED_BY, REASON = T("依据", "By policy"), T("原因", "Reason")
VERDICTS = {True: T("允许", "allowed"), False: T("拒绝", "denied")}
WITNESS = {
    "name": T("见证人", "Witness"),
    "state": T("状态", "State"),
    "size": T("会签条数", "Entries"),
    "signed_at": T("会签时间", "Signed at"),
    "detail": T("说明", "Detail"),
}
TITLES = {
    "index": T("序号", "No."),
    "at": T("时间", "When"),
    "actor": T("操作者", "Who"),
    "action": T("操作", "Action"),
    "resource": T("资源", "Resource"),
    "phase": T("结果", "Outcome"),
}
PHASES = {
    "done": T("已完成", "done"),
    "intent": T("将要执行", "about to"),
    "outcome": T("执行结果", "outcome"),
    "denied": T("已拒绝", "denied"),
}


def list_(*, resource: str | None, limit: int, **given: Any) -> None:
    """Print entries, newest first."""
    app, output = current(), output_of(given)
    asked = {name: given[name] or "" for name in ("actor", "action", "place", "since")}
    asked |= {"resource": app.id_of(resource or ""), "page_size": str(min(limit, PAGE_SIZE_MAX))}
    names: dict[str, str] = {}
    pages = (page for page in app.client.pages("audit", asked) if names.update(page["names"]) is None)
    entries, _, more = first(pages, limit)
    if output.style == "table":
        named = ({k: names.get(e[k], e[k]) for k in ("actor", "resource")} for e in entries)
        entries = [e | n | _shown(e) for e, n in zip(entries, named, strict=True)]
    show_rows([Column(say(title), name) for name, title in TITLES.items()], entries, output.style)
    if more:
        note(say(MORE, len(entries)))


def _shown(entry: dict[str, Any]) -> dict[str, str]:
    """What people read of an entry: its time here, and how it went in words; an outcome with its reason."""
    phase = say(PHASES[entry["phase"]]) if entry["phase"] in PHASES else entry["phase"]
    said = f"{phase} {entry['reason']}" if entry["phase"] == "outcome" and entry.get("reason") else phase
    return {"at": moment(entry["at"]), "index": str(entry["index"]), "phase": said}


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


def redecide(*, index: int, **given: Any) -> int:
    """Decide a past decision again; ends with 1 where the log says otherwise."""
    output = output_of(given)
    found = current().client.look(f"audit/entries/{index}/decision")
    if output.style == "json":
        print_json(found)
    else:
        again, recorded = found["again"], found["recorded"]
        lines = [(WHAT, f"{found['operation']} {found['resource']}"), (BY, found["actor"])]
        lines += [(RECORDED, say(VERDICTS[recorded["allowed"]])), (AGAIN, say(VERDICTS[again["allowed"]]))]
        lines += [(DECIDED_BY, f"{say(p['text'])} ({p['id']})") for p in again["policies"]]
        lines += [(REASON, again["reason"])] * bool(again["reason"]) + [(POLICIES, found["policy_digest"])]
        print_lines([say(found["text"]), *aligned([(say(title), text) for title, text in lines], "  ")])
    return 0 if found["agrees"] else FAILED


def verify_key() -> None:
    """Print the key to pin."""
    _write(current().client.send("GET", "/api/v1/audit/verifier-key").content, None)


def status(*, ask: bool, **given: Any) -> int:
    """Tell how far the log is signed and by whom; ends with 1 where a witness has seen another history."""
    client, output = current().client, output_of(given)
    found = client.send("POST", "/api/v1/audit/witnesses:ask").body if ask else client.look("audit/status")
    if output.style == "json":
        print_json(found)
    else:
        print_lines([f"{say(title)}\t{found[name]}" for name, title in LOG.items()])
        rows = [w | {"state": say(WORDS.get(w["state"], T(w["state"], w["state"])))} for w in found["witnesses"]]
        rows = [w | {"signed_at": moment(w["signed_at"]) if w["signed_at"] else "-"} for w in rows]
        if rows:
            show_rows([Column(say(title), name) for name, title in WITNESS.items()], rows, output.style)
        else:
            note(say(ALONE))
    if found["alarm"]:
        note(say(ALARM))
    return FAILED if found["alarm"] else 0


def export(*, out: Path) -> None:
    """Write the head and every bundle of entries below it (C2SP tlog-tiles)."""
    from cloudhall.verify_log import BUNDLE, bundle_path

    client = current().client
    head = client.send("GET", "/api/v1/audit/head").content
    size = int(json.loads(head)["checkpoint"].split("\n")[1])
    try:
        out.mkdir(parents=True, exist_ok=True)
        for first in range(0, size, BUNDLE):
            name = bundle_path(first // BUNDLE, min(BUNDLE, size - first))
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(client.send("GET", f"/api/v1/audit/{name}").content)
        (out / "head.json").write_bytes(head)
    except OSError as error:
        raise Failure(say(NO_WRITING, out, error)) from None
    note(say(EXPORTED, f"{size:,}", out))


def rotate_key(*, home: Path | None) -> None:
    """Make a new key for the log; the server, if one runs, takes it up by itself."""
    from cloudhall.kernel.audit import PURPOSE
    from cloudhall.kernel.keys import Keyring
    from cloudhall.kernel.world import World

    with told():
        Keyring.open(folder_of(home) / "keys", World()).rotate(PURPOSE)
    note(say(ROTATED))


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


def _redecide() -> Command:
    return Command(
        "redecide",
        redecide,
        T(
            "用当时的策略和事实把一次判定重新做一遍。与记录不符时以 1 结束。",
            "Make a past decision again, from what was known then. Ends with 1 where the log says otherwise.",
        ),
        examples=["audit redecide 42"],
        params=[
            Argument("index", metavar="NUMBER", text=T("一条记录的序号", "Number of one entry"), type=Whole()),
            *output_options(),
        ],
    )


def _verify_key() -> Command:
    return Command(
        "verify-key",
        verify_key,
        T("显示核验公钥，供 cloudhall verify --key 使用。", "Print the public key that cloudhall verify --key takes."),
        examples=["audit verify-key > cloudhall.pub"],
    )


def _status() -> Command:
    return Command(
        "status",
        status,
        T(
            "查看日志签到哪里、由谁见证。有见证人见过另一段历史时以 1 结束。",
            "Show how far the log is signed and who witnesses it. Ends with 1 where one has seen another history.",
        ),
        examples=["audit status", "audit status --ask"],
        params=[
            Option(
                "--ask",
                is_flag=True,
                text=T("先请见证人立即会签（仅审计管理员）", "Ask the witnesses to sign first (audit administrators)"),
            ),
            *output_options(),
        ],
    )


def _export() -> Command:
    return Command(
        "export",
        export,
        T(
            "导出整本日志，供 verify_log.py 由全部条目重算树根（仅平台审计管理员）。",
            "Write the whole log, of which verify_log.py computes the root anew (platform audit administrators).",
        ),
        examples=["audit export --out log"],
        params=[
            Option(
                "--out",
                type=click.Path(path_type=Path),
                required=True,
                text=T("写到哪个文件夹", "Folder to write"),
                metavar="FOLDER",
            )
        ],
    )


def _rotate_key() -> Command:
    return Command(
        "rotate-key",
        rotate_key,
        T(
            "在服务器上为日志换一把签名密钥；旧的一把先签下写有新公钥的条目，新的才开始签。",
            "Give the log a new key, on the server: the old one first signs an entry that names the new, then the new "
            "one takes over.",
        ),
        examples=["audit rotate-key --home /srv/cloudhall"],
        params=[HOME],
    )


AUDIT = Group(
    "audit",
    T("审计日志：谁做了什么，以及不可抵赖的证明。", "The audit log: who did what, with proofs."),
    {
        "list": _list,
        "prove": _prove,
        "redecide": _redecide,
        "verify-key": _verify_key,
        "status": _status,
        "export": _export,
        "rotate-key": _rotate_key,
    },
)
