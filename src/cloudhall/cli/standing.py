"""How a resource stands, for people: what it waits for, since when, on whom, what was tried, what would free it."""

from collections.abc import Iterator, Mapping
from typing import Any

from cloudhall.cli.catalogue import Field
from cloudhall.cli.output import aligned
from cloudhall.cli.values import moment, shown
from cloudhall.sdk.language import T, say

REASON, SINCE, ON, DEADLINE = T("原因", "Reason"), T("自", "Since"), T("等待", "Waits for"), T("期限", "Deadline")
TRIED, FAILED, NEXT, FREES = (
    T("试过", "Tried"),
    T("连续失败", "Failed in a row"),
    T("下次", "Next try"),
    T("怎样解除", "What frees it"),
)
NOT_BEFORE = T("有变化或有人处理之后", "when something changes or somebody acts")
RUNNING, NOW = T("正在进行", "running now"), T("{} 次", "{} times")
ENGINE, PROGRAM, PEOPLE = (
    T("引擎 {}", "the engine {}"),
    T("程序自己", "the program itself"),
    T("有人处理", "somebody to act"),
)
ANOTHER = T("另一个你无权查看的资源", "another resource, not yours to see")
AS_WISHED = T("一切符合要求", "Everything is as it was decided")
Wire = Mapping[str, Any]


def standing_lines(standing: Wire, nouns: Mapping[str, str], states: Field, indent: str = "") -> list[str]:
    """Lines about one resource, and below it about the one that it waits for; `states` is the field `state`."""
    state = shown(standing["state"], states)
    lines = [f"{indent}{nouns.get(standing['kind'], standing['kind'])} {standing['name']}  {state}"]
    if "reason" not in standing:
        return [*lines, f"{indent}  {say(AS_WISHED)}"]
    lines += aligned(_facts(standing, nouns), f"{indent}  ")
    because = standing.get("because")
    return [*lines, *standing_lines(because, nouns, states, f"{indent}  ")] if because else lines


def _facts(standing: Wire, nouns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    attempts = standing["attempts"]
    yield say(REASON), f"{say(standing['message'])} ({standing['reason']})"
    yield say(SINCE), moment(standing["since"])
    yield say(ON), _whom(standing["waits_for"], nouns)
    if "deadline" in standing:
        yield say(DEADLINE), moment(standing["deadline"])
    for tried in reversed(attempts["tried"]):
        yield say(TRIED), f"{moment(tried['at'])}  {tried['call']}  {tried['outcome']}"
    if attempts["failed"]:
        yield say(FAILED), say(NOW, attempts["failed"])
    yield say(NEXT), _next(standing)
    for frees in standing["frees"]:
        yield say(FREES), say(frees)


def _next(standing: Wire) -> str:
    if standing["attempts"]["running"]:
        return say(RUNNING)
    return moment(standing["next_at"]) if "next_at" in standing else say(NOT_BEFORE)


def _whom(waits_for: Wire, nouns: Mapping[str, str]) -> str:
    match waits_for["type"]:
        case "resource":
            named = "name" in waits_for
            return f"{nouns.get(waits_for['kind'], waits_for['kind'])} {waits_for['name']}" if named else say(ANOTHER)
        case "engine":
            return say(ENGINE, waits_for["name"])
        case "people":
            roles = ", ".join(f"{say(w['title'])} {_holders(w)}".strip() for w in waits_for["who"])
            return f"{say(PEOPLE)}{': ' if roles else ''}{roles}"
    return say(PROGRAM)


def _holders(who: Wire) -> str:
    names = ", ".join(h["name"] or h["id"] for h in who["holders"])
    return f"({names})" if names else ""
