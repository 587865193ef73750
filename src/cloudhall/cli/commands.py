"""Commands of every kind, from its declaration: list, get, create, update, delete and the actions.

Nothing here knows a kind. A verb that nobody may be allowed is not offered. What the commands do is in `verbs.py`.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import click

from cloudhall.cli import looking, verbs
from cloudhall.cli.catalogue import Field, Noun, paths_of
from cloudhall.cli.common import change_options, json_words, output_options, place_options
from cloudhall.cli.offers import AName
from cloudhall.cli.options import filter_option, option_name, options_of, typed_as
from cloudhall.cli.parts import Argument, Command, Group, Option
from cloudhall.cli.typed import Json, Pair, Selector, Whole
from cloudhall.sdk.language import T, Text, say

LIMIT = 100
TARGET = T("名称或编号", "Name or id")
AUTOMATIC = T("名称；不填则自动取名", "Name; one is made where none is given")
SPEC = T("整个 spec：JSON、@文件 或 @-；其他选项优先", "The whole spec: JSON, @file or @-; other options win")
LABEL = T("标签，可重复；给出的就是全部", "Label, may be repeated; those given replace all")


FROM = T(
    "按文件一次创建多个：JSON 数组、JSON 行或带表头的 CSV；- 为标准输入",
    "Create all that a file lists: JSON array, JSON lines, or CSV with a header; - is standard input",
)
ATOMIC = T("与 --from 合用：全部成功或全部不做（最多 500 项）", "With --from: all of them or none (at most 500)")
WHERE = T("对符合的全部进行，可重复，写法同 list 的筛选", "All that fit, may be repeated; fields as list filters by")
SELECTOR = T("带有此标签的，可重复", "With this label, may be repeated")
PLAN = T("照此前所示的计划进行，不再询问", "Do what that plan showed, without asking")
WATCH = T("一直看着，有变化就显示；Ctrl-C 结束", "Stay and show what changes; Ctrl-C ends it")
SET, UNSET = (
    T("加上标签，可重复", "Put this label on, may be repeated"),
    T("去掉标签，可重复", "Take it off, may be repeated"),
)


class Verb(NamedTuple):
    """One of the plain commands. It is offered where somebody may be allowed `needs`."""

    needs: str
    title: T
    run: Callable[..., None]
    params: Callable[[Noun], list[click.Parameter]]


def group_of(noun: Noun) -> Group:
    """Every command of a kind."""
    make: dict[str, Callable[[], click.Command]] = {
        name: functools.partial(_plain, noun, name) for name, verb in VERBS.items() if verb.needs in noun["verbs"]
    }
    for name in noun["actions"]:
        make[name.replace("_", "-")] = functools.partial(_action, noun, name)
    return Group(noun["noun"], noun["doc"], make)


def _plain(noun: Noun, name: str) -> Command:
    verb = VERBS[name]
    params = [*verb.params(noun), *place_options(noun, everywhere=name == "list"), *output_options(noun)]
    return _command(noun, name, _titled(verb.title, noun), functools.partial(verb.run, noun), params)


def _titled(text: T, noun: Noun) -> T:
    """Name the kind in a title: `Create an access key`, `List API tokens`."""
    title = noun["title"]["en"]
    one = title if title.partition(" ")[0].isupper() else title.lower()
    article = "an" if one[0].lower() in "aeio" else "a"
    many = noun["plural"].replace("_", " ")
    return T(text.zh.format(noun["title"]["zh"]), text.en.format(one=f"{article} {one}", many=many))


def _action(noun: Noun, name: str) -> Command:
    action = noun["actions"][name]
    params = [
        _target(noun),
        *options_of(action["args"], "args"),
        *change_options(asks=action["danger"]),
        *place_options(noun),
        *output_options(noun),
    ]
    return _command(
        noun, name.replace("_", "-"), say(action["title"]), functools.partial(verbs.act, noun, name), params
    )


def _command(noun: Noun, name: str, text: Text, run: Callable[..., None], params: list[click.Parameter]) -> Command:
    return Command(name, run, text, examples=_examples(noun, name), json_words=json_words(noun), params=params)


def _list_params(noun: Noun) -> list[click.Parameter]:
    orders = ", ".join(["created_at", "name", *noun["filters"]])
    paths = paths_of(noun)
    return [
        *(filter_option(name, paths[path], f"filter_{i}") for i, (name, path) in enumerate(noun["filters"].items())),
        *_by_label_and_text(),
        Option(
            "--sort",
            text=say(T("排序，前加 - 为倒序：{}", "Order, a leading - turns it round: {}"), orders),
            metavar="FIELD",
        ),
        Option(
            "--limit",
            text=T("最多几条（默认 100）", "How many at most (default 100)"),
            type=Whole(),
            default=LIMIT,
            metavar="N",
        ),
        Option("--all", text=T("全部", "Every one"), is_flag=True),
        Option("-w", "--watch", text=WATCH, is_flag=True),
    ]


def _get_params(noun: Noun) -> list[click.Parameter]:
    return [_target(noun), Option("-w", "--watch", text=WATCH, is_flag=True)]


def _edit_params(noun: Noun) -> list[click.Parameter]:
    return [_target(noun)]


def _create_params(noun: Noun) -> list[click.Parameter]:
    auto = noun["auto_name"]
    return [
        Argument(
            "target",
            metavar="[NAME]" if auto else "NAME",
            text=AUTOMATIC if auto else noun["common"]["name"]["title"],
            required=False,
        ),
        *options_of({n: f for n, f in noun["spec"].items() if not f["by"]}, "spec"),
        *_written_whole(),
        Option("--from", "from_file", text=FROM, type=click.Path(allow_dash=True), metavar="FILE"),
        Option("--atomic", text=ATOMIC, is_flag=True),
        *change_options(guarded=False),
    ]


def _update_params(noun: Noun) -> list[click.Parameter]:
    return [
        _target(noun),
        *options_of({f["name"]: f for f in _changeable(noun)}, "spec", making=False),
        Option("--rename", text=T("新名称", "New name"), metavar="NAME"),
        *_written_whole(),
        *change_options(),
    ]


def _edit(noun: Noun, **given: Any) -> None:
    from cloudhall.cli.editing import edit  # brings YAML and what starts programs

    edit(noun, **given)


def _delete_params(noun: Noun) -> list[click.Parameter]:
    return [_target(noun, needed=False), *_selecting(), *change_options(asks=True)]


def _label_params(_noun: Noun) -> list[click.Parameter]:
    return [
        Option("--set", "set", text=SET, type=Pair(), multiple=True, metavar="KEY=VALUE"),
        Option("--unset", "unset", text=UNSET, multiple=True, metavar="KEY"),
        *_selecting(),
        *change_options(guarded=False, asks=True),
    ]


def _target(noun: Noun, *, needed: bool = True) -> Argument:
    return Argument("target", metavar="NAME" if needed else "[NAME]", text=TARGET, type=AName(noun), required=needed)


def _selecting() -> list[click.Parameter]:
    """What a change of many is made to, and the plan that was shown before."""
    return [
        Option("--where", text=WHERE, multiple=True, metavar="FIELD=VALUE"),
        *_by_label_and_text(),
        Option("--plan", text=PLAN, metavar="TOKEN"),
    ]


def _by_label_and_text() -> list[click.Parameter]:
    matching = T("名称、标签或索引文字中有这些字", "With this in name, labels or indexed text")
    return [
        Option("--label", "selector", text=SELECTOR, type=Selector(), multiple=True, metavar="KEY[=VALUE]"),
        Option("-q", "--matching", text=matching, metavar="TEXT"),
    ]


def _changeable(noun: Noun) -> list[Field]:
    return [f for f in noun["spec"].values() if not (f["by"] or f["immutable"])]


def _written_whole() -> list[click.Parameter]:
    return [
        Option("--label", "labels", text=LABEL, type=Pair(), multiple=True, metavar="KEY=VALUE", common=True),
        Option("--spec", text=SPEC, type=Json(), metavar="JSON", common=True),
    ]


def _examples(noun: Noun, verb: str) -> list[str]:
    """Lines that work as they stand, as far as the declaration gives examples."""
    name = noun["example"] or "NAME"
    start = f"{noun['noun']} {verb}"
    if verb == "list":
        return [start, f"{start} --all --json name,state"]
    if verb == "create":
        needed = [f for f in noun["spec"].values() if f["required"] and not f["by"]]
        one = " ".join([start, *([] if noun["auto_name"] else [name]), *map(_filled, needed)])
        return [one, f"{start} --from {noun['plural']}.csv --dry-run"]
    if verb == "update":
        return [" ".join([start, name, *map(_filled, _changeable(noun)[:1])])]
    if verb == "delete":
        return [f"{start} {name} --dry-run", f"{start} {name} --yes", f"{start} --label temporary --dry-run"]
    if verb == "label":
        return [f"{start} --label team=old --set team=new", f"{start} -q 2025 --set archive=yes --unset hot"]
    return [f"{start} {name}"]


def _filled(field: Field) -> str:
    """Return a required option with its example."""
    example = field["example"] if field["example"] is not None else next(iter(field["choices"]), _typed_there(field))
    text = typed_as(example[0] if field["shape"] == "list" and isinstance(example, list) else example)
    quoted = f"'{text}'" if any(c in text for c in ' "{[*') else text
    return f"{option_name(field['name'])} {quoted}"


def _typed_there(field: Field) -> str:
    """What stands for a value that the declaration gives no example of."""
    return "NAME" if field["ref"] else {"int": "N", "datetime": "30d", "date": "2026-12-31"}.get(field["shape"], "TEXT")


VERBS: dict[str, Verb] = {
    "list": Verb("read", T("列出{}", "List {many}"), looking.list_, _list_params),
    "get": Verb("read", T("查看{}", "Show {one}"), looking.get, _get_params),
    "create": Verb("create", T("新建{}", "Create {one}"), verbs.create, _create_params),
    "update": Verb("update", T("修改{}", "Change {one}"), verbs.update, _update_params),
    "edit": Verb("update", T("在编辑器中修改{}", "Change {one} in an editor"), _edit, _edit_params),
    "delete": Verb("delete", T("删除{}", "Delete {one}"), verbs.delete, _delete_params),
    "label": Verb(
        "update", T("给筛选出的加减标签：{}", "Label {many} that a filter finds"), verbs.label, _label_params
    ),
}
