"""The commands replay, explain and plan as declarations; the two command lines that offer them are made from these.

`operate` does the work. It is imported when a command runs, so that help needs no NumPy.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from cloudhall.kernel.text import Language, T

Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""
Given = Mapping[str, Any]


class Flag(NamedTuple):
    """An option `--name`. A number is whole and at least 0; a flag of kind `switch` takes no value."""

    name: str
    kind: Literal["word", "number", "folder", "file", "switch"]
    text: T
    default: str | int | None = None
    metavar: str = ""
    required: bool = False

    @property
    def key(self) -> str:
        """Name among the values given."""
        return self.name.replace("-", "_")


class Answer(NamedTuple):
    """What a command says: the whole of it for programs, lines for people, and remarks beside it."""

    data: dict[str, Any]
    lines: list[str]
    remarks: list[T]


class Verb(NamedTuple):
    """A command. `words` are the choices of its one argument, if it has one; it is given as `kind`."""

    name: str
    text: T
    examples: tuple[str, ...]
    flags: tuple[Flag, ...]
    words: Mapping[str, T] = {}

    def run(self, given: Given, language: Language, told: Progress) -> Answer:
        """Do it. Errors are those of `kernel.errors`."""
        work = getattr(importlib.import_module("cloudhall.domains.compute.placement.operate"), self.name)
        answer: Answer = work(given, language, told)
        return answer


TRACE = (
    Flag(
        "trace",
        "folder",
        T("轨迹 vms.csv.gz 所在文件夹", "Folder of the trace (with vms.csv.gz)"),
        required=True,
    ),
    Flag("hosts", "number", T("主机台数", "Number of hosts"), metavar="N", required=True),
    Flag("host", "word", T("一台主机的核数与内存（GiB）", "Cores and memory (GiB) of a host"), "48c120g", "SHAPE"),
    Flag("profile", "word", T("评分方式", "Score profile"), "pack", "NAME"),
    Flag(
        "in-order",
        "switch",
        T("同时到达者按轨迹的顺序，而非先大后小", "Take who comes at once as in the file, not by size"),
    ),
    Flag("numpy", "switch", T("即使装有 numba 也只用 NumPy", "Use NumPy alone even where numba is installed")),
)
MOVES = Flag(
    "moves",
    "number",
    T("为被拒的一台最多迁移几台（0：不迁移）", "Move at most so many to make room for a refused one (0: none)"),
    0,
    "N",
)
REPLAY = Verb(
    "replay",
    T(
        "在虚拟时间里重放一段真实轨迹：谁被拒，用了多少主机，离可证明的下界有多远。",
        "Replay a real trace in virtual time: who is refused, how many hosts it takes, how far from the proven bound.",
    ),
    (
        "replay --trace traces/azure-v1-dev --hosts 1050 --host 48c120g",
        "replay --trace traces/azure-v1-dev --hosts 1000 --moves 2 --failures 20 --page report.html",
    ),
    (
        *TRACE,
        MOVES,
        Flag("failures", "number", T("随机发生几次主机故障", "Let so many hosts fail, drawn by the seed"), 0, "N"),
        Flag("repair-hours", "number", T("修复时长（小时）", "Hours until a failed host is back"), 4, "HOURS"),
        Flag("seed", "number", T("随机种子", "Seed of what is drawn"), 7, "N"),
        Flag("svg", "file", T("把主机曲线写成 SVG", "Write the line of hosts as SVG"), metavar="FILE"),
        Flag("page", "file", T("把数字与图写成网页", "Write figures and charts as a page"), metavar="FILE"),
    ),
)
EXPLAIN = Verb(
    "explain",
    T(
        "说明一个请求为何放不下：各有多少主机因何不行，最接近的是哪台，最小改动是什么。",
        "Say why a request did not fit: how many hosts failed by what, which came nearest, the smallest change.",
    ),
    (
        "explain --trace traces/azure-v1-dev --hosts 1000",
        "explain --trace traces/azure-v1-dev --hosts 1000 --cpu 16 --memory-gib 112",
    ),
    (
        *TRACE,
        MOVES,
        Flag("refusal", "number", T("第几次被拒时（从 1 数起）", "At which refusal, counted from 1"), 1, "N"),
        Flag("cpu", "number", T("改问这么多核的请求", "Ask about a request of so many cores instead"), metavar="CORES"),
        Flag("memory-gib", "number", T("其内存（GiB）", "Its memory (GiB)"), metavar="GIB"),
    ),
)
PLAN = Verb(
    "plan",
    T(
        "在预算之内提出迁移方案，并说明收益；重放到某一时刻，从那里开始。",
        "Propose moves within a budget and say what they gain, from where a replay stands at some moment.",
    ),
    (
        "plan rescue --trace traces/azure-v1-dev --hosts 1000 --moves 2",
        "plan defragment --trace traces/azure-v1-dev --hosts 1050 --at-hours 55 --moves 200",
        "plan evacuate --trace traces/azure-v1-dev --hosts 1050 --level rack --domains 3,4",
    ),
    (
        *TRACE,
        Flag(
            "at-hours",
            "number",
            T("在第几小时（默认在末尾）", "At which hour (else at the end)"),
            metavar="HOURS",
        ),
        Flag("moves", "number", T("最多迁移几台", "Move at most so many"), metavar="N"),
        Flag("memory-gib", "number", T("最多迁移多少内存（GiB）", "At most so much memory (GiB)"), metavar="GIB"),
        Flag(
            "level",
            "word",
            T("腾空 host、rack、hall 还是 centre", "Empty a host, rack, hall or centre"),
            "rack",
            "LEVEL",
        ),
        Flag("domains", "word", T("哪几个，从 0 数起", "Which ones, counted from 0"), "0", "N,N"),
        Flag("carry-out", "switch", T("批准并逐步执行，给出前后状态", "Approve it and carry it out, step by step")),
    ),
    {
        "rescue": T("为第一个被拒的请求腾出位置", "make room for the first request that is refused"),
        "defragment": T("腾空最容易腾空的主机", "empty the hosts that are cheapest to empty"),
        "evacuate": T("腾空指定的主机、机架、机房或中心", "empty hosts, racks, halls or centres"),
    },
)
VERBS = (REPLAY, EXPLAIN, PLAN)
