"""What the commands of a kind show: a list, one resource, and either as it changes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cloudhall.cli.app import current
from cloudhall.cli.catalogue import Noun
from cloudhall.cli.common import PLACES, output_of
from cloudhall.cli.output import NOTHING, Output, list_lines, note, one_lines, print_lines
from cloudhall.cli.watching import Look, watch
from cloudhall.sdk.language import T, say

PAGE_SIZE_MAX = 1_000
MORE = T("只显示了前 {} 条；加 --all 查看全部", "These are the first {}; --all shows every one")
Wire = dict[str, Any]


def list_(noun: Noun, **given: Any) -> None:
    """Print resources, the first `--limit` of them or all."""
    app, output = current(), output_of(given, noun)
    limit = None if given["all"] else given["limit"]
    place = app.place(noun, given)
    asked = place | {"q": given["matching"], "sort": given["sort"], "label": given["selector"]} | _filters(noun, given)
    asked |= {"page_size": str(min(limit or PAGE_SIZE_MAX, PAGE_SIZE_MAX))}

    def lines(items: list[Wire]) -> list[str]:
        if output.style == "yaml":
            return _manifests(noun, items)
        everywhere = noun["scope"] in PLACES and not place
        return list_lines(noun, _readable(items, output), output, everywhere=everywhere)

    if given["watch"]:
        of = {"place": place.get(noun["scope"], "")}
        watch(app, noun, of, lambda: Look(*first(app.client.pages(noun["plural"], asked), limit)[:2]), lines, output)
        return
    items, _, more = first(app.client.pages(noun["plural"], asked), limit)
    if items or output.style != "table":
        print_lines(lines(items))
    else:
        note(NOTHING)
    if more:
        note(say(MORE, len(items)))


def first(pages: Iterable[Wire], limit: int | None) -> tuple[list[Wire], int, bool]:
    """Items of as many pages as it takes, the revision that the first of them is from, and whether there are more."""
    items: list[Wire] = []
    revision = None
    for page in pages:
        items += page["items"]
        revision = page.get("revision", 0) if revision is None else revision
        if limit is not None and len(items) >= limit:
            return items[:limit], revision, len(items) > limit or "next_page_token" in page
    return items, revision or 0, False


def get(noun: Noun, **given: Any) -> None:
    """Print one resource."""
    app, output = current(), output_of(given, noun)
    item = app.read(noun, given["target"], given)
    if not given["watch"]:
        print_lines(shown(noun, item, output))
        return

    def look() -> Look:
        seen = app.read(noun, item["id"], {})
        return Look([seen], seen["revision"])

    def lines(items: list[Wire]) -> list[str]:
        return [line for one in items for line in shown(noun, one, output)]

    watch(app, noun, {"id": item["id"]}, look, lines, output)


def shown(noun: Noun, item: Wire, output: Output) -> list[str]:
    """One resource as it was asked for."""
    if output.style == "yaml":
        return _manifests(noun, [item])
    return one_lines(noun, _readable([item], output)[0], output)


def _manifests(noun: Noun, items: Sequence[Wire]) -> list[str]:
    """Resources as `apply` takes them."""
    from cloudhall.cli import manifests, yaml_text  # as in `_readable`, and YAML beside

    written = [yaml_text.written(document) for document in manifests.documents_of(current(), noun, items)]
    return "---\n".join(written).splitlines()


def _readable(items: Sequence[Wire], output: Output) -> Sequence[Wire]:
    """Names for ids where people read."""
    if output.style != "table":
        return items
    from cloudhall.cli import names  # brings the kernel's ids, for which a pipe need not wait

    return names.told(current(), items)


def _filters(noun: Noun, given: Mapping[str, Any]) -> dict[str, list[str]]:
    """Query parameters that were given; of one field any of several values."""
    wanted = {name: given[f"filter_{i}"] for i, name in enumerate(noun["filters"])}
    return {n: [str(v).lower() if isinstance(v, bool) else str(v) for v in _several(w)] for n, w in wanted.items()}


def _several(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
