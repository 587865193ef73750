"""Explaining: what a kind or field is, why a resource is not ready, and why something is (not) allowed."""

from collections.abc import Mapping
from typing import Any

from cloudhall.cli.app import address, current
from cloudhall.cli.catalogue import Field, Noun
from cloudhall.cli.common import either_place
from cloudhall.cli.errors import FORBIDDEN
from cloudhall.cli.offers import AName, ANoun
from cloudhall.cli.options import explained
from cloudhall.cli.output import hint, print_lines
from cloudhall.cli.parts import Argument, Command, Option, Row, page
from cloudhall.cli.standing import standing_lines
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

KIND = T("种类 {}，接口 /api/v1/{}", "Kind {}, API /api/v1/{}")
DECIDED, FOUND_OUT = (
    T("由人决定（spec）", "What people decide (spec)"),
    T("由程序查明（status）", "What the program finds out (status)"),
)
ACTIONS, SERVES, PARTS = T("操作", "Actions"), T("对应条款", "Clauses it serves"), T("组成", "Parts")
ONCE, BY = T("创建后不能改", "cannot change after creation"), T("只能由操作 {} 改变", "set by the action {} alone")
WHO, NOBODY = T("谁可以", "Who may"), T("（此处无人持有）", "(held by nobody here)")
YOU, HOLDERS = T("你可以", "You may"), T("持有角色者（你可见的授权）", "Who holds a role (grants that you may see)")
BESIDES, ALONE = T("不论角色", "Whatever the roles"), T("只此一个", "this one alone")
ALLOWED, REFUSED = T("允许", "allowed"), T("不允许", "not allowed")
WHICH = T("写明是哪一个，例如 explain bucket stats --who", "Name one, such as explain bucket stats --who")
NO_PART = T("{} 没有 {}；有 {}", "{} has no {}; it has {}")


def explain(*, what: str, name: str | None, verb: str | None, who: bool, **given: Any) -> int:
    """One word explains a kind or field; two the state of a resource; `--may` a permission, `--who` all of them."""
    word, *parts = what.split(".")
    noun = current().noun(word)
    if verb:
        return _permission(noun, name, verb, given)
    if who:
        _access(noun, name, given)
    elif name:
        _state(noun, name, given)
    elif parts:
        print_lines([_field_page(noun, parts)])
    else:
        print_lines([_kind_page(noun)])
    return 0


def _kind_page(noun: Noun) -> str:
    head = f"{noun['noun']} – {say(noun['title'])}\n{say(noun['doc'])}\n{say(KIND, noun['kind'], noun['plural'])}"
    return page(
        head,
        {
            say(DECIDED): [Row(name, _told(f)) for name, f in noun["spec"].items()],
            say(FOUND_OUT): [Row(name, say(f["title"])) for name, f in noun["status"].items()],
            say(ACTIONS): [Row(name.replace("_", "-"), say(a["title"])) for name, a in noun["actions"].items()],
            say(SERVES): [Row(clause, "") for clause in noun["clauses"]],
        },
    )


def _field_page(noun: Noun, parts: list[str]) -> str:
    parts = parts[1:] if parts[0] in {"spec", "status"} and len(parts) > 1 else parts
    inside: Mapping[str, Field] = noun["spec"] | noun["status"]
    path, text = noun["noun"], ""
    for part in parts:
        if part not in inside:
            raise Misuse(say(NO_PART, path, part, ", ".join(inside) or "-"))
        path, text = f"{path}.{part}", _told(inside[part])
        inside = (inside[part]["item"] or inside[part])["fields"]
    return page(f"{path} – {text}", {say(PARTS): [Row(name, _told(f)) for name, f in inside.items()]})


def _told(field: Field) -> str:
    notes = [say(BY, ", ".join(field["by"]))] if field["by"] else [say(ONCE)] if field["immutable"] else []
    return " · ".join([explained(field), *notes])


def _state(noun: Noun, name: str, given: Mapping[str, Any]) -> None:
    app = current()
    resource = app.client.look(address(noun, name, "explain"), app.place(noun, given))
    print_lines(standing_lines(resource, app.words, noun["common"]["state"]))
    if resource["state"] in {"working", "deleting"}:
        wanted = " --for deleted" if resource["state"] == "deleting" else ""
        hint(f"wait {noun['noun']} {resource['name']}{wanted}")
    elif resource.get("waits_for", {}).get("type") == "people" and "retry" in noun["actions"]:
        hint(f"{noun['noun']} retry {resource['name']}")


def _permission(noun: Noun, name: str | None, verb: str, given: Mapping[str, Any]) -> int:
    """Say whether one may, by which rule, and who may; exit code 5 where not."""
    app = current()
    place = app.place(noun, given, making=name is None)
    asked = {"operation": f"{noun['kind']}:{verb.replace('-', '_')}", "target": name or "", **place}
    answer = app.client.look("explain", asked)
    rows = [
        Row(say(who["title"]), ", ".join(h["name"] or h["id"] for h in who["holders"]) or say(NOBODY))
        for who in answer["who"]
    ]
    print_lines([page("\n".join(filter(None, [say(answer["text"]), say(answer["mend"] or "")])), {say(WHO): rows})])
    return 0 if answer["allowed"] else FORBIDDEN


def _access(noun: Noun, name: str | None, given: Mapping[str, Any]) -> None:
    """Say what one may do with a resource, and who else holds a role there."""
    if name is None:
        raise Misuse(say(WHICH))
    found = current().client.look("access", {"kind": noun["plural"], "target": name, **current().place(noun, given)})
    mine = [Row(m["verb"].replace("_", "-"), say(ALLOWED if m["allowed"] else REFUSED)) for m in found["mine"]]
    held = [
        Row(h["subject"]["name"] or h["subject"]["id"], f"{say(h['title'])} · {_on(found, h)} · {', '.join(h['may'])}")
        for h in found["held"]
    ]
    besides = [Row(clause["policy"], say(clause["text"])) for clause in found["besides"]]
    print_lines([page(name, {say(YOU): mine, say(HOLDERS): held, say(BESIDES): besides})])


def _on(found: Mapping[str, Any], held: Mapping[str, Any]) -> str:
    node = held["on"]
    return say(ALONE) if node["id"] == found["id"] else str(node["name"] or node["id"])


EXPLAIN = Command(
    "explain",
    explain,
    T(
        "说明一种资源或一个字段；加名称则说明该资源的现状；加 --may 则说明权限。",
        "Explain a kind or field; with a name, how that resource stands; with --may, a permission.",
    ),
    examples=[
        "explain bucket",
        "explain bucket.quota_gib",
        "explain bucket chongqing-stats",
        "explain bucket --may create",
        "explain bucket chongqing-stats --who",
    ],
    params=[
        Argument(
            "what",
            metavar="NOUN[.FIELD]",
            text=T("资源种类，或其字段", "Kind of resource, or a field of it"),
            type=ANoun(fields=True),
        ),
        Argument(
            "name",
            metavar="[NAME]",
            text=T("其中一个的名称或编号", "Name or id of one of them"),
            type=AName(),
            required=False,
        ),
        Option("--may", "verb", text=T("我能否执行此操作，为什么", "Whether I may do this, and why"), metavar="VERB"),
        Option("--who", is_flag=True, text=T("谁能对它做什么，为什么", "Who can do what with it, and why")),
        *either_place(),
    ],
)
