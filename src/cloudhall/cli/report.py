"""How errors are told: what happened, field by field, how to mend it, and the request id to hand on.

Click's own errors are in English alone, so they are said anew here.
"""

from collections.abc import Mapping
from typing import Any

import click
from click.exceptions import NoSuchCommand

from cloudhall.cli.options import option_name
from cloudhall.cli.values import raw
from cloudhall.sdk.errors import Failure, Refused
from cloudhall.sdk.language import T, say

ERROR, CODED, OF_REQUEST = T("错误：{}", "error: {}"), T("{}（{}）", "{} ({})"), T("{}（请求号 {}）", "{} (request {})")
FIELD, AND = T("{}：{}", "{}: {}"), T("；", "; ")
DIFFERS = T("{}：现为 {}，你要的是 {}", "{}: now {}, you asked for {}")
BLOCKS, AND_MORE = T("须先处理：{} {} {}", "goes first: {} {} {}"), T("另有 {} 项", "and {} more")
NEAR, MORE = T("{}；是否指 {}？", "{}; did you mean {}?"), T("用法见 {} --help", "See {} --help")
UNKNOWN_OPTION, UNKNOWN_COMMAND = T("没有选项 {}", "no such option {}"), T("没有命令 {}", "no such command {}")
MISSING, VALUE = T("缺少 {}", "{} is missing"), T("{} 缺少取值，或不应有取值", "{} lacks its value, or takes none")
PLACE_POINTERS = ("/project", "/organisation")
DEFAULTS = T("可设默认：cloudhall context {} NAME", "a default is set by: cloudhall context {} NAME")
ELSE = T("用法不对：{}", "{}")
PLACES = {"name": "NAME", "labels": "--label", "project": "--project", "organisation": "--organisation"}


def lines_of(error: Exception) -> list[str]:
    """Tell an error in lines, the first of which says it all."""
    if isinstance(error, Refused):
        return _refused(error.body)
    if isinstance(error, Failure):
        return [say(ERROR, say(error.text)), *([f"  {say(error.mend)}"] if error.mend else [])]
    if isinstance(error, click.UsageError):
        more = [f"  {say(MORE, error.ctx.command_path)}"] if error.ctx else []
        return [say(ERROR, _misuse(error)), *more]
    return [say(ERROR, error)]


def _refused(body: Mapping[str, Any]) -> list[str]:
    lines = [_problem(p) for p in body.get("problems", ())]
    lines += [say(BLOCKS, b["kind"], b["name"], b["id"]) for b in body.get("blocking", ())]
    more = body.get("blocking_count", 0) - len(body.get("blocking", ()))
    lines += [say(AND_MORE, more)] if more > 0 else []
    lines += [say(DIFFERS, name, raw(d["now"]), raw(d["yours"])) for name, d in body.get("difference", {}).items()]
    how, request = body.get("how", ""), body.get("request_id", "-")
    lines.append(say(OF_REQUEST, how, request) if request else how)  # what was done here was no request
    head = say(CODED, body.get("detail", ""), body.get("code", body.get("status", "")))
    return [say(ERROR, head), *(f"  {line}" for line in lines)]


def _problem(problem: Mapping[str, Any]) -> str:
    default = say(DEFAULTS, problem["pointer"][1:]) if problem["pointer"] in PLACE_POINTERS else None
    text = say(AND).join(filter(None, [problem["detail"], problem.get("mend") or default]))
    where = " ".join(filter(None, [option_of(problem["pointer"]), problem["pointer"]]))
    return say(FIELD, where, text) if where else text


def option_of(pointer: str) -> str:
    """Option or argument that a JSON pointer into a body means, as far as there is one."""
    part, _, name = pointer.removeprefix("/").partition("/")
    if not pointer.startswith("/") or part == "items":
        return ""
    return PLACES.get(part) or option_name((name if part == "spec" else part).partition("/")[0])


def _misuse(error: click.UsageError) -> str:
    match error:
        case click.NoSuchOption():
            return _near(say(UNKNOWN_OPTION, error.option_name), error.possibilities)
        case NoSuchCommand():
            return _near(say(UNKNOWN_COMMAND, error.command_name), error.possibilities)
        case click.MissingParameter():
            return say(MISSING, _hint(error))
        case click.BadParameter():
            return say(FIELD, _hint(error), error.message)
        case click.BadOptionUsage():
            return say(VALUE, error.option_name)
    return say(ELSE, error.message)


def _near(text: str, names: list[str] | None) -> str:
    return say(NEAR, text, ", ".join(names)) if names else text


def _hint(error: click.BadParameter) -> str:
    return error.param.get_error_hint(error.ctx).strip("'") if error.param and error.ctx else "?"
