"""Options that many commands share, and what they mean."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from cloudhall.cli.catalogue import Noun, path_of, paths_of
from cloudhall.cli.offers import APlace, Fields
from cloudhall.cli.output import Output, automatic, note
from cloudhall.cli.parts import EVERY, Option
from cloudhall.cli.typed import OneOf, Whole
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

Given = Mapping[str, Any]
STYLES = ("table", "tsv", "json", "name", "yaml")
PLACES = {
    "project": T("所在项目（默认见 cloudhall context）", "Project it lies in (default: see cloudhall context)"),
    "organisation": T("所在单位", "Organisation it lies in"),
}
EVERYWHERE = T("在所有项目中找，不限于默认项目", "Look in every project, not only the default one")
NO_FIELD, KNOWN = T("没有字段 {}", "There is no field {}"), T("可用：{}", "Known: {}")
TYPE_NAME = T("输入名称 {} 以确认：", "Type the name {} to confirm: ")
FORMS = T("{}；默认在终端为 table，在管道中为 tsv", "{}; by default table on a terminal and tsv in a pipe")
JSON_FIELDS = T("输出 JSON，可只要某些字段：--json=name,state", "Print JSON, or some fields of it: --json=name,state")
FIELDS = T("可只要其中一些：--json={}", "Some of them alone: --json={}")
JSON_WHOLE = T("输出 JSON", "Print JSON")
DRY_RUN = T("只检查：说明裁决、配额、价格和后果，不做改动", "Only check: say verdict, quota, price and effects")
YES = T("不再询问", "Do not ask")
NO_INPUT = T("从不询问；需要确认时失败", "Never ask; fail where a confirmation is needed")
IF_MATCH = T("只在仍是这一版时改动", "Only if this is still the revision")
NO_UNDO, SAY_YES = T("{}：这一步不能撤回", "{}: this cannot be undone"), T("加 --yes 确认", "Add --yes to confirm")
NOT_CONFIRMED = T("未确认，什么也没有改", "Not confirmed; nothing changed")


def output_options(noun: Noun | None = None) -> list[click.Parameter]:
    """`-o` and `--json`; resources have names, and fields to choose from."""
    styles = STYLES if noun else STYLES[:3]
    how = T(*(form.format(", ".join(styles)) for form in FORMS))
    form = Option("-o", "--output", text=how, type=OneOf(styles), metavar="FORM", common=True)
    if noun is None:
        return [form, Option("--json", text=JSON_WHOLE, is_flag=True, common=True)]
    one = Fields(noun)
    return [
        form,
        Option("--json", text=JSON_FIELDS, type=one, is_flag=False, flag_value=EVERY, metavar="[FIELDS]", common=True),
    ]


def output_of(given: Given, noun: Noun | None = None) -> Output:
    """Read `-o` and `--json`; raises `Misuse` for a field that a kind does not have."""
    if not given["json"]:
        return Output(given["output"] or automatic())
    if noun is None or given["json"] == EVERY:
        if noun and sys.stdout.isatty():
            note(say(FIELDS, ",".join(paths_of(noun))))
        return Output("json")
    return Output("json", tuple(_path(noun, word) for word in given["json"].split(",")))


def json_words(noun: Noun) -> frozenset[str]:
    """What may stand behind `--json`: paths, and bare names of fields."""
    return frozenset(part for path in paths_of(noun) for part in (path, path.rpartition(".")[2]))


def place_options(noun: Noun, *, everywhere: bool = False) -> list[click.Parameter]:
    """Say in which project or organisation."""
    scope = noun["scope"]
    found: list[click.Parameter] = []
    if scope in PLACES:
        found.append(Option(f"--{scope}", text=PLACES[scope], type=APlace(scope), metavar="NAME", common=True))
    if everywhere and scope == "project":
        found.append(Option("--everywhere", text=EVERYWHERE, is_flag=True, common=True))
    return found


def either_place() -> list[click.Parameter]:
    """Both places, for commands that take the kind as an argument."""
    return [
        Option(f"--{scope}", text=text, type=APlace(scope), metavar="NAME", common=True)
        for scope, text in PLACES.items()
    ]


def change_options(*, guarded: bool = True, asks: bool = False) -> list[click.Parameter]:
    """How a change may be tried, confirmed, and guarded against somebody else's."""
    found: list[click.Parameter] = [Option("--dry-run", text=DRY_RUN, is_flag=True, common=True)]
    if asks:
        found.append(Option("--yes", text=YES, is_flag=True, common=True))
        found.append(Option("--no-input", text=NO_INPUT, is_flag=True, common=True))
    if guarded:
        found.append(Option("--if-match", text=IF_MATCH, type=Whole(), metavar="REVISION", common=True))
    return found


def confirm(name: str, given: Given, tell: Callable[[], Iterable[str]], ask: T = TYPE_NAME) -> None:
    """Tell what would happen and ask for the name, or whatever `ask` says; raises `Misuse` where nobody can be."""
    if given["yes"]:
        return
    if given["no_input"] or not sys.stdin.isatty():
        raise Misuse(say(NO_UNDO, name), SAY_YES)
    for line in tell():
        note(line)
    print(say(ask, name), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != name:
        raise Misuse(NOT_CONFIRMED)


def _path(noun: Noun, word: str) -> str:
    path = path_of(noun, word)
    if path is None:
        raise Misuse(say(NO_FIELD, word), say(KNOWN, ", ".join(paths_of(noun))))
    return path
