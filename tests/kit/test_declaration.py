"""A declaration says all that faces and readers need: both languages, a clause, a demo, a reason for each rule."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from cloudhall.kernel.fields import FieldInfo, fields_of, problems
from cloudhall.kernel.metering import METERS
from cloudhall.kernel.registry import AnyKind
from cloudhall.kernel.text import T
from tests.kit.conftest import KINDS
from tests.kit.demos import Demos

HAN = re.compile("[㐀-鿿]")
SAME_IN_BOTH = {"S3", "GiB", "B", "API", "URL"}
OF_THE_KERNEL = {"conditions", "observed_generation"}


def texts_of_field(at: str, info: FieldInfo) -> Iterator[tuple[str, T]]:
    yield f"{at} title", info.title
    if info.f.help:
        yield f"{at} help", info.f.help
    for choice in info.choices:
        if choice:
            yield f"{at} choice {choice}", info.f.choices.get(choice, T("", ""))
    inner = info.item if info.item and info.item.struct else info
    if inner.struct:
        yield from texts_of_struct(at, inner.struct)


def texts_of_struct(at: str, struct: type[msgspec.Struct]) -> Iterator[tuple[str, T]]:
    for name, info in fields_of(struct).items():
        if name not in OF_THE_KERNEL:
            yield from texts_of_field(f"{at}.{name}", info)


def texts(kind: AnyKind) -> Iterator[tuple[str, T]]:
    """Every text of a declaration, with where it stands."""
    meta = kind.meta
    yield from (("title", meta.title), ("doc", meta.doc))
    yield from texts_of_struct("spec", meta.spec)
    for name, info in fields_of(meta.status).items():  # what lies deeper is shown by pages, in words of their own
        if name not in OF_THE_KERNEL:
            yield from texts_of_field(f"status.{name}", msgspec.structs.replace(info, item=None, struct=None))
    for quota in meta.quotas:
        yield f"quota {quota.key}", quota.title
    for meter in meta.meters:
        for part in ("title", "scale", "precision", "method"):
            yield f"meter {meter.key} {part}", getattr(METERS[meter.key], part)
    for action in meta.actions.values():
        yield from ((f"{action.name} title", action.title), (f"{action.name} why_not", action.why_not))
        yield from texts_of_struct(action.name, action.args)


def test_every_text_is_there_in_both_languages(kind: AnyKind) -> None:
    for where, text in texts(kind):
        assert text.zh, f"{where}: no Chinese"
        assert text.en, f"{where}: no English"
        if text.zh not in SAME_IN_BOTH:
            assert HAN.search(text.zh), f"{where}: {text.zh} is no Chinese"
        assert not HAN.search(text.en), f"{where}: {text.en} is no English"


def test_it_says_what_it_is_and_whom_it_serves(kind: AnyKind) -> None:
    assert kind.__doc__
    assert re.match(r"[A-Z].*\.$", kind.__doc__.strip(), re.DOTALL)
    assert kind.meta.clauses
    assert all(re.fullmatch(r"SYS-\d{3}", clause) for clause in kind.meta.clauses)
    assert kind.meta.allow, "nobody may do anything"
    assert kind.meta.icon


def test_every_rule_and_deed_says_why(kind: AnyKind) -> None:
    meta = kind.meta
    rules: list[Any] = [*meta.checks, *meta.delete_checks, *meta.previews, *(a.run for a in meta.actions.values())]
    rules += [run for run in (meta.controller, meta.finalizer) if run]
    for rule in rules:
        assert rule.__doc__, f"{rule.__name__} has no docstring"
    for struct in (meta.spec, meta.status, *(a.args for a in meta.actions.values())):
        assert struct.__doc__, f"{struct.__name__} has no docstring"


def test_fields_are_named_by_the_house(kind: AnyKind) -> None:
    for struct in (kind.meta.spec, kind.meta.status):
        for name, info in fields_of(struct).items():
            assert not name.endswith("_id"), f"{name}: a reference is the kind's name"
            assert info.shape != "datetime" or name.endswith(("_at", "_from", "_to")), f"{name}: times end in _at"


def test_whoever_may_change_it_may_see_it(kind: AnyKind) -> None:
    """A role that may only write would be told 404 of what it wrote."""
    writers = {r for verb, allowed in kind.meta.allow.items() if verb != "read" for r in allowed}
    writers |= {r for a in kind.meta.actions.values() for r in a.allow}
    readers = set(kind.meta.allow.get("read", ()))
    public = any(f'"{kind.meta.key}:read", resource);' in d.policies for d in _domains())
    assert public or {w for w in writers if not w.startswith("service:")} <= readers


def _domains() -> list[Any]:
    from cloudhall.installation import DOMAINS

    return list(DOMAINS)


def test_a_field_of_an_action_has_a_default(kind: AnyKind) -> None:
    for name, info in fields_of(kind.meta.spec).items():
        assert not info.f.by or info.has_default, f"{name}: nobody could create it"


def test_the_demo_is_valid(kind: AnyKind, demos: Demos) -> None:
    assert kind.meta.demo, "no demo"
    given = demos.input(kind)
    assert problems(kind.meta.spec, given["spec"]) == []
    command = demos.create(kind)
    caller = demos.who(command)
    assert caller is not None, "nobody may create it"
    assert demos.kernel.plan(caller, command).new.name == given["name"]


def test_examples_are_values_that_their_fields_take(kind: AnyKind) -> None:
    for name, info in fields_of(kind.meta.spec).items():
        if info.f.example is not None:
            found = problems(kind.meta.spec, {name: info.f.example}, partial=True)
            assert found == [], f"{name}: the example {info.f.example!r} is refused"


@pytest.mark.parametrize("attribute", ["title", "prefix", "plural"])
def test_no_two_kinds_are_called_alike(attribute: str) -> None:
    names = [getattr(k.meta, attribute) for k in KINDS]
    assert len(names) == len(set(names))
