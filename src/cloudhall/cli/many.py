"""Many at once: create what a file lists, delete or label what a filter finds, and tell what became of each."""

from collections.abc import Iterator, Mapping
from typing import Any

from cloudhall.cli import files
from cloudhall.cli.app import current
from cloudhall.cli.catalogue import Noun
from cloudhall.cli.common import confirm, output_of
from cloudhall.cli.line import Line, bar
from cloudhall.cli.output import Output, note, print_json, print_lines, show_rows
from cloudhall.cli.preview import GOES, price_lines
from cloudhall.cli.tables import Column
from cloudhall.cli.values import printable
from cloudhall.sdk.errors import Failure, Misuse
from cloudhall.sdk.language import T, say

ITEMS_MAX = 500  # of one request
Wire = dict[str, Any]
Query = dict[str, Any]
AND = T("；", "; ")
NUMBER, NAME, ID = T("序号", "No."), T("名称", "Name"), T("编号", "Id")
RESULT, SECRET = T("结果", "Result"), T("密钥", "Secret")
OK, CHECKED = T("成功", "done"), T("检查通过", "would be done")
EMPTY = T("文件中没有内容", "There is nothing in the file")
ATOMIC_MAX = T("--atomic 一次最多 {} 项，文件中有 {} 项", "--atomic takes at most {} items, the file has {}")
SHOWN_ONCE = T("密钥只显示这一次，请现在保存", "Secrets are shown this once; keep them now")
PARTLY = T("{} 项中有 {} 项被拒绝", "{} items, {} of them refused")
NOTHING = T("没有符合的内容", "Nothing fits")
HEAD, REFUSED = T("{} 项：{}", "{} resources: {}"), T("{}：不能，{}", "{}: refused, {}")
BACK, MONTH = (
    T("归还配额 {}：{:,} {}", "Quota given back, {}: {:,} {}"),
    T("按现价每月少付：", "A month less, at today's prices:"),
)
TOKEN = T("计划 {}（--plan {} 只做上面这些）", "Plan {} (--plan {} does exactly this)")
TYPE_COUNT = T("输入数目 {} 以确认：", "Type their number, {}, to confirm: ")
NO_WHERE, NO_PAIR = T("没有写明筛选什么", "No filter was given"), T("“{}”应写作 字段=值", "{!r} must be FIELD=VALUE")


def create(noun: Noun, given: Mapping[str, Any]) -> None:
    """Create what a file lists; raises `Failure` where any was refused."""
    place = current().place(noun, given, making=True)
    items = [place | item for item in files.read(given["from_file"], noun)]
    if not items:
        raise Misuse(EMPTY)
    if given["atomic"] and len(items) > ITEMS_MAX:
        raise Misuse(say(ATOMIC_MAX, ITEMS_MAX, len(items)))
    query = {"validate_only": "true"} if given["dry_run"] else {}
    results: list[Wire] = []
    with Line() as line:
        for start in range(0, len(items), ITEMS_MAX):
            line.show(bar(len(results), len(items)))
            body = {"items": items[start : start + ITEMS_MAX], "atomic": given["atomic"]}
            results += current().client.change("POST", f"{noun['plural']}:batch_create", query, body)["items"]
    _report(results, output_of(given, noun))


def selected(noun: Noun, given: Mapping[str, Any]) -> Query:
    """Query that `--where`, `--label` and `--matching` make; raises `Misuse` where there is none of them."""
    query: Query = {"label": given["selector"], "q": given["matching"] or ""}
    for text in given["where"]:
        name, equals, value = text.partition("=")
        if not equals:
            raise Misuse(say(NO_PAIR, text))
        query.setdefault(name, []).append(value)
    if not any(query.values()):
        raise Misuse(NO_WHERE)
    return current().place(noun, given) | query


def change(noun: Noun, verb: str, given: Mapping[str, Any], body: Wire) -> None:
    """Delete or label what a filter finds: as the plan says that was given, or after it was shown and confirmed."""
    query, path, output = selected(noun, given), f"{noun['plural']}:{verb}", output_of(given, noun)
    client, token = current().client, given["plan"]
    if not token or given["dry_run"]:
        plan = client.change("POST", path, query | {"validate_only": "true"}, body)
        if given["dry_run"]:
            _show(plan, output)
            return
        if not plan["items"]:
            note(NOTHING)
            return
        confirm(str(len(plan["items"])), given, lambda: told(plan, current().words), TYPE_COUNT)
        token = plan["plan"]
    answer = client.change("POST", path, query, body | {"plan": token})
    _report(answer["items"], output)


def told(plan: Wire, words: Mapping[str, str]) -> Iterator[str]:
    """Tell a plan: each resource with what goes along or why it is refused, and what is given back."""
    yield say(HEAD, len(plan["items"]), plan["operation"])
    for item in plan["items"]:
        refused = item.get("problem")
        yield f"  {say(REFUSED, item['name'], _why(refused)) if refused else item['name']}"
        for thing in item.get("goes_too", ()):
            yield f"    {say(GOES, words.get(thing['kind'], thing['kind']), thing['name'])}"
    yield from (say(BACK, say(q["title"]), q["given_back"], q["unit"]) for q in plan.get("quota", ()))
    if plan.get("price", {}).get("lines"):
        yield say(MONTH)
        yield from price_lines(plan["price"])
    yield say(TOKEN, plan["plan"], plan["plan"])


def _show(plan: Wire, output: Output) -> None:
    if output.style == "json":
        print_json(plan)
    else:
        print_lines(map(printable, told(plan, current().words)))


def _report(results: list[Wire], output: Output) -> None:
    """One line an item, on the terminal as in a pipe; raises `Failure` where any was refused."""
    rows = [_row(n, result) for n, result in enumerate(results, 1)]
    if output.style == "json":
        print_json(results)
    elif output.style == "name":
        print_lines(r["name"] for r in results if "problem" not in r)
    else:
        secret = [Column(say(SECRET), "secret")] if any(row["secret"] for row in rows) else []
        columns = ((NUMBER, "number"), (NAME, "name"), (ID, "id"), (RESULT, "result"))
        show_rows([*(Column(say(title), path) for title, path in columns), *secret], rows, output.style)
    if any(row["secret"] for row in rows):
        note(SHOWN_ONCE)
    refused = sum("problem" in result for result in results)
    if refused:
        raise Failure(say(PARTLY, len(results), refused))


def _row(n: int, result: Wire) -> Wire:
    made = result.get("resource", {})
    said = _why(result["problem"]) if "problem" in result else say(OK if made else CHECKED)
    named = {"name": result["name"], "id": result.get("id", "")}
    return {"number": n, **named, "result": said, "secret": made.get("secret", "")}


def _why(problem: Wire) -> str:
    """Say in one line why, field by field where fields are named."""
    fields = [f"{_pointer(p['pointer'])} {p['detail']}".strip() for p in problem.get("problems", ())]
    return say(AND).join(fields) or str(problem["detail"])


def _pointer(pointer: str) -> str:
    """Where within the item: `/items/3/spec/quota_gib` is `spec.quota_gib`."""
    words = pointer.split("/")[1:]
    return ".".join(words[2:] if words[:1] == ["items"] else words)
