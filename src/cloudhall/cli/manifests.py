"""Manifests: resources as people wish them, in files.

A document says `kind` (a noun or the full name), `name`, `project` or `organisation` where it is not the default one,
`labels` and `spec`, in YAML or JSON; several are parted by `---`. What `-o yaml` prints is a manifest. Only the form is
read here: what a field allows is the server's to say.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

from cloudhall.cli import yaml_text
from cloudhall.cli.app import App
from cloudhall.cli.catalogue import Noun
from cloudhall.cli.names import names_of
from cloudhall.kernel.ids import is_id
from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, Text, say

ENDINGS = (".yaml", ".yml", ".json")
MEMBERS = ("kind", "name", "labels", "spec")
NO_FILE, NOTHING = T("读不了 {}：{}", "{} cannot be read: {}"), T("{} 里没有清单", "There are no manifests in {}")
AT = T("{} 第 {} 份：{}", "{}, document {}: {}")
NO_OBJECT, MISSING = T("应是键和值", "must be keys and values"), T("缺少 {}", "{} is missing")
NO_MEMBER = T("没有 {}；可用：{}", "there is no {}; known: {}")
NO_KIND, NOT_PLAIN = T("没有种类 {}", "there is no kind {}"), T("{} 应为{}", "{} must be {}")
TWICE = T("{} {} 出现了两次：{} 和 {}", "{} {} is there twice: in {} and {}")
RING = T("互相依赖，排不出顺序：{}", "These need each other, so none can be first: {}")
TYPES: Mapping[str, tuple[type, T]] = {
    "kind": (str, T("文字", "text")),
    "name": (str, T("文字", "text")),
    "labels": (dict, T("文字键值对", "a mapping of text to text")),
    "spec": (dict, T("键值对", "a mapping")),
}


class Manifest(NamedTuple):
    """One resource as wished; `place` is empty where the default one is meant, `labels` None where nothing is said."""

    noun: Noun
    name: str
    place: str
    labels: dict[str, str] | None
    spec: dict[str, Any]
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it this one and no other."""
        return self.noun["noun"], self.place, self.name


def read(app: App, paths: Iterable[str]) -> list[Manifest]:
    """Manifests of files, folders and `-` (standard input), each after what it needs; raises `Misuse`."""
    found = [manifest for path in paths for manifest in _read(app, path)]
    first: dict[tuple[str, str, str], Manifest] = {}
    for manifest in found:
        other = first.setdefault(manifest.key, manifest)
        if other is not manifest:
            raise Misuse(say(TWICE, manifest.noun["noun"], manifest.name, other.source, manifest.source))
    return ordered(found)


def manifest_of(app: App, document: Any, source: str) -> Manifest:
    """Read one document; raises `Misuse` that names where it stands."""
    if not isinstance(document, dict):
        raise Misuse(say(AT, *source.rsplit("#", 1), say(NO_OBJECT)))
    for member in ("kind", "name"):
        if not document.get(member):
            raise _wrong(source, say(MISSING, member))
    noun = _noun(app, str(document["kind"]), source)
    scope = noun["scope"]
    known = (*MEMBERS, *([scope] if scope != "platform" else []))
    for member, value in document.items():
        if member not in known:
            raise _wrong(source, say(NO_MEMBER, member, ", ".join(known)))
        type_, title = TYPES.get(member, (str, T("文字", "text")))
        if value is not None and not isinstance(value, type_):
            raise _wrong(source, say(NOT_PLAIN, member, say(title)))
    place = str(document.get(scope) or app.place(noun, {}, making=True).get(scope, ""))
    return Manifest(noun, document["name"], place, document.get("labels"), document.get("spec") or {}, source)


def documents_of(app: App, noun: Noun, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Resources as manifests: what people decide of them, with names where they name others.

    What actions alone set is left out, and what has no value.
    """
    refs = [name for name, field in noun["spec"].items() if field["ref"]]
    ids = {i.get(noun["scope"]) for i in items} | {i["spec"].get(ref) for i in items for ref in refs}
    names = names_of(app, {id_ for id_ in ids if isinstance(id_, str) and is_id(id_)})
    return [_document(noun, item, names) for item in items]


def _document(noun: Noun, item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    place = {scope: names.get(item[scope], item[scope]) for scope in (noun["scope"],) if item.get(scope)}
    labels = {"labels": item["labels"]} if item["labels"] else {}
    spec = {n: item["spec"].get(n) for n, f in noun["spec"].items() if not f["by"]}
    said = {n: _name(v, names) if noun["spec"][n]["ref"] else v for n, v in spec.items() if v not in (None, "", [], {})}
    return {"kind": noun["noun"], "name": item["name"], **place, **labels, "spec": said}


def _name(id_: Any, names: Mapping[str, str]) -> Any:
    return names.get(id_, id_) if isinstance(id_, str) else id_


def ordered(manifests: list[Manifest]) -> list[Manifest]:
    """Each after the place that it lies in and the resources that it names; else as they were written."""
    by_key = {m.key: m for m in manifests}
    sorter: TopologicalSorter[tuple[str, str, str]] = TopologicalSorter()
    for manifest in manifests:
        sorter.add(manifest.key, *(other.key for other in needed(manifest, manifests)))
    try:
        return [by_key[key] for key in sorter.static_order()]
    except CycleError as ring:
        raise Misuse(say(RING, " → ".join(f"{noun} {name}" for noun, _, name in ring.args[1]))) from None


def needed(manifest: Manifest, manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """Those of the others that must be there first."""
    named = {(field["ref"], manifest.spec.get(name)) for name, field in manifest.noun["spec"].items() if field["ref"]}
    for other in manifests:
        is_place = other.noun["noun"] == manifest.noun["scope"] and other.name == manifest.place
        if other is not manifest and (is_place or (other.noun["kind"], other.name) in named):
            yield other


def _read(app: App, path: str) -> Iterator[Manifest]:
    found = [m for file in _files(path) for m in _of_file(app, file)]
    if not found:
        raise Misuse(say(NOTHING, path))
    yield from found


def _files(path: str) -> list[str]:
    if path == "-" or not Path(path).is_dir():
        return [path]
    return sorted(str(file) for file in Path(path).rglob("*") if file.suffix in ENDINGS and file.is_file())


def _of_file(app: App, file: str) -> Iterator[Manifest]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(say(NO_FILE, file, error)) from None
    for number, document in enumerate(yaml_text.read(text, file), 1):  # JSON is YAML too
        several = document if isinstance(document, list) else [document]
        yield from (manifest_of(app, one, f"{file}#{number}") for one in several)


def _noun(app: App, word: str, source: str) -> Noun:
    nouns = app.catalogue["nouns"]
    by_kind = {noun["kind"]: noun for noun in nouns.values()}
    found = nouns.get(word) or by_kind.get(word) or nouns.get(word.replace("_", "-"))
    if found is None:
        raise _wrong(source, say(NO_KIND, word))
    return found


def _wrong(source: str, what: Text) -> Misuse:
    return Misuse(say(AT, *source.rsplit("#", 1), say(what)))
