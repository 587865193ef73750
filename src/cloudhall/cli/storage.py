"""`storage plan`: an estimate of a store of any size, on this machine and without a server."""

from typing import Any

import click

from cloudhall.cli.errors import OK
from cloudhall.cli.here import told
from cloudhall.cli.output import print_json, print_lines
from cloudhall.cli.parts import Command, Group, Option
from cloudhall.cli.typed import OneOf, Pair, Whole
from cloudhall.sdk.language import T, language

SCHEMES = ("10+4",)
DOMAINS = ("rack", "server", "disk")
# Options of their own for what is most often asked; every other assumption is given by --set.
SHORT = {
    "disk_tb": ("--disk-tb", T("硬盘容量", "Capacity of a disk"), "TB"),
    "disk_afr": ("--disk-afr", T("硬盘年故障率，如 0.0157", "Annual failure rate of a disk, such as 0.0157"), "RATE"),
    "rack_kw": ("--rack-kw", T("机架功率上限", "Power that a rack may draw"), "KW"),
    "repair_mb_s": (
        "--repair-mb-s",
        T("每块硬盘用于重建的速率（0：不限）", "Rate at which a disk takes part in rebuilds (0: no limit)"),
        "MB/S",
    ),
    "detection_h": ("--detection-h", T("发现故障的延迟", "Delay until a failure is noticed"), "HOURS"),
    "scrub_days": ("--scrub-days", T("巡检一遍的间隔", "Interval in which everything is read through"), "DAYS"),
}


def _plan(**given: Any) -> int:
    from cloudhall.domains.storage.plan.operate import Asked, answer

    short = {name: given[name] for name in SHORT if given[name] is not None}
    asked = Asked(
        capacity=given["capacity"],
        schemes=[part for text in given["scheme"] for part in text.split(",")],
        domain=given["domain"],
        file=given["assumptions"],
        changes={**dict(given["set"]), **short},
        years=given["simulate"],
        seed=given["seed"],
    )
    with told():
        data, lines = answer(asked, language())
    if given["json"]:
        print_json(data)
    else:
        print_lines(lines)
    return OK


def _command() -> Command:
    capacity = T("要存多少，如 1EB、500TB、1EiB（默认 1EB）", "How much is kept: 1EB, 500TB, 1EiB (default 1EB)")
    scheme = T(
        "份数（3）或 数据块+校验块（10+4）；多个则并排比较（默认 10+4）",
        "Copies (3) or DATA+PARITY (10+4); several are compared (default 10+4)",
    )
    domain = T("每一份放在不同的什么里（默认 rack）", "What holds at most one part of a volume (default rack)")
    file = T("TOML 文件，每行 名称 = 数值", "TOML file with lines NAME = VALUE")
    years = T("再模拟一个单元这么多年，与公式对照", "Also simulate one cell for so many years, beside the formulas")
    params: list[click.Parameter] = [
        Option("--capacity", text=capacity, default="1EB", metavar="SIZE"),
        Option("--scheme", text=scheme, multiple=True, default=SCHEMES, metavar="SCHEME"),
        Option("--domain", text=domain, type=OneOf(DOMAINS), default="rack", metavar="|".join(DOMAINS)),
        *(Option(name, text=text, metavar=metavar) for name, text, metavar in SHORT.values()),
        Option("--set", text=T("改一项假定", "Change an assumption"), type=Pair(), multiple=True, metavar="NAME=VALUE"),
        Option("--assumptions", text=file, type=click.Path(), metavar="FILE"),
        Option("--simulate", text=years, type=Whole(), default=0, metavar="YEARS"),
        Option("--seed", text=T("随机种子", "Seed of what is drawn"), type=Whole(), default=7, metavar="N"),
        Option("--json", text=T("输出 JSON", "Print JSON"), is_flag=True, common=True),
    ]
    text = T(
        "规划一个存储：硬盘、机架、单元、元数据、修复、用电、费用和预计损失，附公式、假定和来源。不需要服务器。",
        "Plan a store: disks, racks, cells, metadata, repair, power, cost and expected loss, each with its formula, "
        "and every assumption with its source. Needs no server.",
    )
    examples = (
        "storage plan --capacity 1EB --scheme 10+4",
        "storage plan --capacity 1EB --scheme 2,3,6+3,10+4,17+3",
        "storage plan --capacity 30PB --scheme 3 --set disk_fen=310000 --simulate 10000",
    )
    return Command("plan", _plan, text, examples=examples, params=params)


STORAGE = Group(
    "storage",
    T("规划一个存储。不需要服务器。", "Plan a store. Needs no server."),
    {"plan": _command},
)
