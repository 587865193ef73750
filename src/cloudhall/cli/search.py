"""Searching everything that one may see."""

from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.common import output_of, output_options
from cloudhall.cli.output import note, show_rows
from cloudhall.cli.parts import Argument, Command
from cloudhall.cli.tables import Column
from cloudhall.sdk.language import T, say

MORE = T("还有更多：{}", "There are more: {}")


def search(*, words: str, **given: Any) -> None:
    """Print hits kind by kind."""
    app, output = current(), output_of(given)
    found = app.client.look("search", {"q": words})
    rows = [hit | {"noun": app.words.get(hit["kind"], hit["kind"])} for hit in found["items"]]
    states = next(iter(app.catalogue["nouns"].values()))["common"]["state"]
    columns = [
        Column(say(T("种类", "Kind")), "noun"),
        Column(say(T("名称", "Name")), "name"),
        Column(say(T("编号", "Id")), "id"),
        Column(say(T("状态", "State")), "state", states),
    ]
    show_rows(columns, rows, output.style)
    if found["more"]:
        note(say(MORE, ", ".join(found["more"])))


SEARCH = Command(
    "search",
    search,
    T("在你能看到的一切中，按名称、编号、标签搜索。", "Search names, ids and labels of everything you may see."),
    examples=["search stats", "search bk-2kfbgwvb0tj3pmym7"],
    params=[Argument("words", metavar="TEXT", text=T("要找的字或编号", "Word or id to look for")), *output_options()],
)
