"""What the commands of a kind change: one request, and its answer shown."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cloudhall.cli import many, preview
from cloudhall.cli.app import address, current
from cloudhall.cli.catalogue import Field, Noun
from cloudhall.cli.common import confirm, output_of
from cloudhall.cli.looking import shown
from cloudhall.cli.options import given_in
from cloudhall.cli.output import Output, hint, note, print_json, print_lines
from cloudhall.cli.values import moment
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

Wire = dict[str, Any]
NO_CHANGE = T("没有写明要改什么", "Nothing to change was given")
SHOWN_ONCE = T("密钥只显示这一次，请现在保存", "The secret is shown this once; keep it now")
NO_NAME = T("缺少 NAME；或用 --from 从文件创建", "NAME is missing; --from creates what a file lists")
NOT_BOTH = T("{} 不能与其他指明对象的写法合用", "{} goes with no other way of saying which one")
BINNED = T("{} 已进入回收站，保留到 {}", "{} is in the recycle bin until {}")
DELETING = T("正在删除 {}", "Deleting {}")


def create(noun: Noun, **given: Any) -> None:
    """Make a resource, or all that a file lists; a secret is shown once."""
    if given["from_file"]:
        _refuse_both(given["target"] or given["spec"], "--from")
        many.create(noun, given)
        return
    if not (given["target"] or noun["auto_name"]):
        raise Misuse(NO_NAME)
    body = _body(given, {n: f for n, f in noun["spec"].items() if not f["by"]})
    body |= {"name": given["target"]} if given["target"] else {}
    body |= current().place(noun, given, making=True)
    made = _change(noun, given, "POST", noun["plural"], body=body)
    if made is None:
        return
    if "secret" in made:
        note(SHOWN_ONCE)
    hint(f"{noun['noun']} get {made['name']}" if made["state"] == "ready" else f"wait {noun['noun']} {made['name']}")


def update(noun: Noun, **given: Any) -> None:
    """Change what was named and nothing else."""
    body = _body(given, {n: f for n, f in noun["spec"].items() if not (f["by"] or f["immutable"])})
    body |= {"name": given["rename"]} if given["rename"] else {}
    if body == {"spec": {}}:
        raise Misuse(NO_CHANGE)
    _change(noun, given, "PATCH", address(noun, given["target"]), query=current().place(noun, given), body=body)


def delete(noun: Noun, **given: Any) -> None:
    """Delete, once the name was typed or `--yes` said: one, or what a filter finds."""
    if not given["target"]:
        _refuse_both(given["if_match"], "--where")
        many.change(noun, "bulk_delete", given, {})
        return
    _refuse_both(given["where"] or given["selector"] or given["matching"], "NAME")
    query, path = current().place(noun, given), address(noun, given["target"])
    if not given["dry_run"]:
        confirm(given["target"], given, lambda: _told("DELETE", path, query))
    deleted = _change(noun, given, "DELETE", path, query=query, show=_deleting)
    if deleted is not None:
        binned = f"{noun['noun']} restore {given['target']}"
        hint(binned if "bin" in deleted else f"wait {noun['noun']} {given['target']} --for deleted")


def _refuse_both(other: Any, this: str) -> None:
    if other:
        raise Misuse(say(NOT_BOTH, this))


def label(noun: Noun, **given: Any) -> None:
    """Put labels on what a filter finds, and take others off."""
    labels: dict[str, str | None] = dict(given["set"]) | dict.fromkeys(given["unset"])
    if not labels:
        raise Misuse(NO_CHANGE)
    many.change(noun, "bulk_label", given, {"labels": labels})


def act(noun: Noun, verb: str, **given: Any) -> None:
    """Run an action; a dangerous one is confirmed like a deletion."""
    action, query = noun["actions"][verb], current().place(noun, given)
    path, args = address(noun, given["target"], verb), given_in(given, "args", action["args"])
    if action["danger"] and not given["dry_run"]:
        confirm(given["target"], given, lambda: _told("POST", path, query, args))
    _change(noun, given, "POST", path, query=query, body=args)


def _change(
    noun: Noun,
    given: Mapping[str, Any],
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Any = None,
    show: Callable[[Noun, Wire, Output], None] | None = None,
) -> Wire | None:
    """Send a change and show the answer; None after a dry run."""
    output, asked = output_of(given, noun), query or {}
    if given["dry_run"]:
        _show_plan(_tried(method, path, asked, body), output)
        return None
    answer = current().client.change(method, path, asked, body, given.get("if_match"))
    (show or _show_one)(noun, answer, output)
    return answer


def _show_one(noun: Noun, item: Wire, output: Output) -> None:
    print_lines(shown(noun, item, output))


def _tried(method: str, path: str, query: Mapping[str, str], body: Any = None) -> Wire:
    return current().client.change(method, path, {**query, "validate_only": "true"}, body)


def _told(method: str, path: str, query: Mapping[str, str], body: Any = None) -> Iterable[str]:
    return preview.lines_of(_tried(method, path, query, body), current().words)


def _show_plan(plan: Wire, output: Output) -> None:
    if output.style == "json":
        print_json(plan)
    else:
        print_lines(preview.lines_of(plan, current().words))


def _deleting(noun: Noun, answer: Wire, output: Output) -> None:
    if output.style == "json":
        _show_one(noun, answer, output)
    else:
        kept = answer.get("bin")
        note(say(BINNED, answer["name"], moment(kept["until"])) if kept else say(DELETING, answer["name"]))


def _body(given: Mapping[str, Any], fields: Mapping[str, Field]) -> Wire:
    """Spec as given in one piece and field by field, and labels."""
    if not isinstance(given["spec"] or {}, dict):
        raise Misuse(T("--spec 应是一个 JSON 对象", "--spec takes a JSON object"))
    body: Wire = {"spec": (given["spec"] or {}) | given_in(given, "spec", fields)}
    return body | ({"labels": dict(given["labels"])} if given["labels"] else {})
