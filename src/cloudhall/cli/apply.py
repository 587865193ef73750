"""`apply` and `diff`: what files wish, shown as a plan, and done."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from cloudhall.cli import manifests, plan, report
from cloudhall.cli.app import App, current
from cloudhall.cli.catalogue import paths_of
from cloudhall.cli.common import DRY_RUN, JSON_WHOLE, NO_INPUT, YES
from cloudhall.cli.errors import FAILED, OK, exit_code_of
from cloudhall.cli.line import Line, bar
from cloudhall.cli.output import hint, note, print_json, print_lines
from cloudhall.cli.parts import Command, Option
from cloudhall.cli.plan import Difference, Step
from cloudhall.cli.preview import price_lines
from cloudhall.cli.tables import coloured
from cloudhall.cli.typed import Span
from cloudhall.cli.values import printable, shown
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say
from cloudhall.sdk.waiting import READY, until

ACTS = {
    "create": T("新建", "create"),
    "change": T("修改", "change"),
    "refused": T("不行", "refused"),
}
SIGNS = {"create": ("+", "32"), "change": ("~", "33"), "refused": ("!", "31")}
SUMMARY = T("新建 {}，修改 {}，不变 {}", "{} to create, {} to change, {} unchanged")
LATER = T("（待其所需建好后检查）", "(checked once what it needs is there)")
DOUBTS, NOTHING_DONE = T("{} 项不行，什么也没有做", "{} refused; nothing was done"), T("没有要改的", "Nothing to do")
ASK, SAY_YES = T("照此进行？[y/N] ", "Do this? [y/N] "), T("加 --yes 照计划进行", "Add --yes to do what the plan says")
NOBODY_TO_ASK = T("这里无人可问", "There is nobody to ask here")
NOT_CONFIRMED = T("未确认，什么也没有改", "Not confirmed; nothing changed")
MADE, CHANGED = T("已新建 {} {}", "Created {} {}"), T("已修改 {} {}", "Changed {} {}")
SECRET = T("{} {} 的密钥，只显示这一次：{}", "Secret of {} {}, shown this once: {}")
MONTH = T("新增每月：", "More a month:")
FILE = click.Path(allow_dash=True)
FILES = T(
    "YAML 或 JSON 的文件、文件夹或 -（标准输入），可重复",
    "File or folder of YAML or JSON, or - for standard input; may be repeated",
)


def apply(*, files: Sequence[str], yes: bool, no_input: bool, wait: float | None, dry_run: bool, as_json: bool) -> int:
    """Show the plan, ask, and do it step by step; the first refusal ends it."""
    app = current()
    steps = _planned(app, files)
    if dry_run or not as_json:
        _show(steps, as_json=as_json)
    refused = [step.refused for step in steps if step.refused]
    if refused:
        note(say(DOUBTS, len(refused)))
        return exit_code_of(refused[0])
    todo = [step for step in steps if step.act != "unchanged"]
    if dry_run or not todo:
        if not todo:
            note(NOTHING_DONE)
        return OK
    if not yes:
        _ask(no_input=no_input)
    made = [_done(app, step) for step in todo]
    if as_json:
        print_json(made)
    if wait is not None:
        for step, item in zip(todo, made, strict=True):
            _await(app, step, item, wait)
    else:
        hint(f"wait {todo[-1].manifest.noun['noun']} {todo[-1].manifest.name}")
    return OK


def diff(*, files: Sequence[str], as_json: bool) -> int:
    """Show how files differ from what is; exit code 1 where they do."""
    steps = _planned(current(), files)
    _show(steps, as_json=as_json)
    refused = [step.refused for step in steps if step.refused]
    if refused:
        return exit_code_of(refused[0])
    return FAILED if any(step.act != "unchanged" for step in steps) else OK


def _planned(app: App, files: Sequence[str]) -> list[Step]:
    """Steps of what files wish; how far the server was asked shows on a terminal."""
    wished, steps = manifests.read(app, files), list[Step]()
    with Line() as line:
        for step in plan.plan(app, wished):
            steps.append(step)
            line.show(bar(len(steps), len(wished)))
    return steps


def _show(steps: Sequence[Step], *, as_json: bool) -> None:
    """Print what would be another, and how much is as it should be."""
    if as_json:
        print_json([_for_programs(step) for step in steps])
        return
    for step in steps:
        if step.act != "unchanged":
            print_lines(_told(step))
    count = Counter(map(_word, steps))
    price = [line for step in steps if step.act == "create" for line in _price(step)]
    if price:
        note(MONTH)
        for line in price:
            note(line)
    note(say(SUMMARY, count["create"], count["change"], count["unchanged"]))


def _told(step: Step) -> Iterator[str]:
    """One line for the resource, and one for each value that would be another."""
    sign, colour = SIGNS[_word(step)]
    m = step.manifest
    place = f"  ({m.place})" if m.place else ""
    later = f"  {say(LATER)}" if step.act == "create" and step.preview is None and not step.refused else ""
    yield coloured(printable(f"{sign} {say(ACTS[_word(step)])} {m.noun['noun']} {m.name}{place}{later}"), colour)
    if step.refused:
        yield from (f"    {line}" for line in report.lines_of(step.refused))
    elif step.act == "change":
        yield from (f"    {_difference(step, d)}" for d in step.differences)
    elif step.act == "create":
        yield from (f"    {_difference(step, d)}" for d in step.differences if _is_wished(step, d))


def _difference(step: Step, d: Difference) -> str:
    field = paths_of(step.manifest.noun).get(d.path)
    now, then = shown(d.now, field), shown(d.then, field)
    return f"{d.path}: {then}" if d.now is None and step.now is None else f"{d.path}: {now} → {then}"


def _is_wished(step: Step, d: Difference) -> bool:
    """Whether the file says it; what is a default alone would drown it."""
    part, _, name = d.path.partition(".")
    wished: Mapping[str, Any] = step.manifest.spec if part == "spec" else step.manifest.labels or {}
    return name in wished


def _price(step: Step) -> Iterator[str]:
    price = (step.preview or {}).get("price")
    if price and price["lines"]:
        yield from (f"{step.manifest.name}  {line}" for line in price_lines(price))


def _for_programs(step: Step) -> dict[str, Any]:
    m = step.manifest
    return {
        "act": _word(step),
        "kind": m.noun["kind"],
        "name": m.name,
        "place": m.place,
        "source": m.source,
        "differences": [d._asdict() for d in step.differences],
        **({"problem": step.refused.body} if step.refused else {}),
    }


def _word(step: Step) -> str:
    return "refused" if step.refused else step.act


def _ask(*, no_input: bool) -> None:
    if no_input or not sys.stdin.isatty():
        raise Misuse(NOBODY_TO_ASK, SAY_YES)
    print(say(ASK), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes", "是"}:
        raise Misuse(NOT_CONFIRMED)


def _done(app: App, step: Step) -> dict[str, Any]:
    m = step.manifest
    made = plan.do(app, step)
    note(say(MADE if step.act == "create" else CHANGED, m.noun["noun"], m.name))
    if "secret" in made:
        note(say(SECRET, m.noun["noun"], m.name, made["secret"]))
    return made


def _await(app: App, step: Step, item: Mapping[str, Any], timeout_s: float) -> None:
    noun = step.manifest.noun
    with Line() as line:
        what = f"{noun['noun']} {item['name']}"
        until(lambda: app.read(noun, item["id"], {}), what, READY, timeout_s, lambda _seen: line.show(what))


def _files() -> Option:
    return Option("-f", "--file", "files", text=FILES, type=FILE, multiple=True, required=True, metavar="FILE")


def _json() -> Option:
    return Option("--json", "as_json", text=JSON_WHOLE, is_flag=True, common=True)


APPLY = Command(
    "apply",
    apply,
    T(
        "让资源成为文件所写的样子：先显示计划，再照做；做过的再做一次什么也不改。文件里没有的资源不动。",
        "Make resources what files say: a plan first, then as planned; done twice it changes nothing the second time. "
        "What no file names is left alone.",
    ),
    examples=["apply -f city.yaml", "apply -f city/ --dry-run", "apply -f city/ --yes --wait 5m"],
    params=[
        _files(),
        Option("--dry-run", text=DRY_RUN, is_flag=True, common=True),
        Option(
            "--wait",
            text=T("做完后等全部就绪，最多这么久", "Afterwards wait until all are ready, this long at most"),
            type=Span(),
            metavar="TIME",
        ),
        Option("--yes", text=YES, is_flag=True, common=True),
        Option("--no-input", text=NO_INPUT, is_flag=True, common=True),
        _json(),
    ],
)
DIFF = Command(
    "diff",
    diff,
    T("显示文件与现状的差别；有差别则以 1 退出。", "Show how files differ from what is; exit code 1 where they do."),
    examples=["diff -f city.yaml", "bucket get stats -o yaml | cloudhall diff -f -"],
    params=[_files(), _json()],
)
