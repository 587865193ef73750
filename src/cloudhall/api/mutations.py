"""A change as it comes over HTTP, made into a command: address, body, headers and query, checked all at once."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request

from cloudhall.api import bodies, params
from cloudhall.api.filters import PLACE
from cloudhall.api.params import Param
from cloudhall.api.problems import nearest, refuse
from cloudhall.kernel.batches import Item
from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.errors import CloudhallError, Invalid, Problem
from cloudhall.kernel.kernel import Kernel
from cloudhall.kernel.kinds import Meta
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T

MANY = {"batch_create": "create", "bulk_delete": "delete", "bulk_label": "update"}  # and what each needs to be allowed
WAIT_MOST_S = 300
VALIDATE_ONLY = Param(
    name="validate_only",
    title=T("只检查并说明后果，不做改动", "Check and say what would happen, change nothing"),
    shape="bool",
)
WAIT = Param(
    name="wait",
    title=T("最多等待多久，直到就绪或受阻", "How long to wait for it to be ready or blocked"),
    shape="duration",
    most=WAIT_MOST_S,
    example="30s",
)
_TYPES: Mapping[str, tuple[type, T]] = {
    "name": (str, T("文字", "text")),
    "project": (str, T("项目的名称或编号", "the name or id of a project")),
    "organisation": (str, T("单位的名称或编号", "the name or id of an organisation")),
    "labels": (dict, T("文字键值对", "a mapping of text to text")),
    "spec": (dict, T("对象", "an object")),
}


class Mutation(NamedTuple):
    """What was asked."""

    command: Command
    validate_only: bool
    wait_s: float


def params_of(meta: Meta, verb: str) -> tuple[Param, ...]:
    """Query parameters of a verb. A create names its place in the body, everything else may name it in the query."""
    place = () if verb == "create" or meta.scope == "platform" else (PLACE[meta.scope],)
    return (VALIDATE_ONLY, WAIT, *place)


def members_of(meta: Meta, verb: str) -> tuple[str, ...]:
    """Members of the body of a create or update; an action's body holds its arguments."""
    place = () if verb == "update" or meta.scope == "platform" else (meta.scope,)
    return ("name", *place, "labels", "spec")


def needs_place(meta: Meta) -> bool:
    """Whether a create must name its place; the roots of a tree of places lie in the platform.

    A grant on one resource lies where that lies.
    """
    return meta.scope != "platform" and not (meta.place and meta.scope == meta.name) and meta.grants is None


async def read(kernel: Kernel, caller: Caller, request: Request, kind: AnyKind, verb: str, target: str) -> Mutation:
    """Read a change; raises `Invalid` with everything that is wrong with it, also what lies behind the first check."""
    found: list[Problem] = []
    query = params.read(request, params_of(kind.meta, verb), found)
    given = await bodies.read_object(request)
    key = bodies.idempotency_key(request, found)
    if_match = bodies.if_match(request, found) if verb != "create" else None
    body = _resource(kind.meta, verb, given, found) if verb in {"create", "update"} else {}
    if verb == "delete" and given:
        found.append(Problem("UNKNOWN", "", T("删除不带请求体", "A deletion takes no body")))
    command = Command(
        kind=kind,
        verb=verb,
        place=body.get(kind.meta.scope, "") if verb == "create" else query.get(kind.meta.scope, ""),
        target=target,
        name=body.get("name"),
        labels=body.get("labels"),
        spec=body.get("spec"),
        args=given if verb in kind.meta.actions else None,
        merge=verb == "update",
        if_match=if_match,
        key=key,
    )
    if found:
        refuse([*found, *_behind(kernel, caller, command)])
    return Mutation(command, bool(query.get("validate_only")), query.get("wait", 0.0))


def unknown(member: str, known: Iterable[str]) -> Problem:
    """Say that a body has no such member, and which is nearest."""
    text = T(f"没有名为 {member} 的字段", f"There is no field named {member}")
    return Problem("UNKNOWN", f"/{_escaped(member)}", text, nearest(member, known))


def item(kind: AnyKind, given: Any) -> Item:
    """Read one resource of a batch to be created, with what is wrong with it."""
    found: list[Problem] = []
    if not isinstance(given, dict):
        text = T("每一项应是一个 JSON 对象", "Each item must be a JSON object")
        found.append(Problem("TYPE", "", text))
    body = _resource(kind.meta, "create", given if isinstance(given, dict) else {}, found)
    command = Command(
        kind=kind,
        verb="create",
        place=body.get(kind.meta.scope, ""),
        name=body.get("name"),
        labels=body.get("labels"),
        spec=body.get("spec"),
    )
    return Item(command, tuple(found), command.name or "")


def named_as_sent(error: Invalid) -> Invalid:
    """Let pointers to arguments point into the body, which is the arguments."""
    if not any(p.pointer.startswith("/args") for p in error.problems):
        return error
    moved = (msgspec.structs.replace(p, pointer=p.pointer.removeprefix("/args")) for p in error.problems)
    return Invalid(error.text, mend=error.how, problems=tuple(moved), reason=error.reason, **error.details)


def _resource(meta: Meta, verb: str, given: Mapping[str, Any], found: list[Problem]) -> dict[str, Any]:
    """Members of a resource that are of the right type; what is wrong or missing goes to `found`."""
    known = members_of(meta, verb)
    body: dict[str, Any] = {}
    for member, value in given.items():
        type_, title = _TYPES.get(member, (object, T("", "")))
        if member not in known:
            found.append(unknown(member, known))
        elif not isinstance(value, type_):
            text = T(f"{member} 应为{title.zh}", f"{member} must be {title.en}")
            found.append(Problem("TYPE", f"/{member}", text))
        else:
            body[member] = value
    if verb == "create" and needs_place(meta) and meta.scope not in given:
        found.append(_no_place(meta))
    return body


def _no_place(meta: Meta) -> Problem:
    param = PLACE[meta.scope]
    return Problem("MISSING", f"/{meta.scope}", T(f"缺少{param.title.zh}", f"{param.title.en}, is missing"))


def _behind(kernel: Kernel, caller: Caller, command: Command) -> tuple[Problem, ...]:
    """Problems that the kernel would find behind ours, so that a form is sent back once and not twice."""
    with contextlib.suppress(CloudhallError):
        try:
            kernel.plan(caller, command)
        except Invalid as error:
            return named_as_sent(error).problems
    return ()


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
