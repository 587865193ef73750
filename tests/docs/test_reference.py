"""The reference is what the program is: no page is stale, and nothing that a person can meet is without a heading.

What must have a heading is looked up here, not asked of the generator, so that a generator that forgets is found.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

import reference
from cloudhall.cli import commands, main, topics
from cloudhall.cli.declared import catalogue_of
from cloudhall.installation import build_registry
from cloudhall.kernel.errors import CloudhallError
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.roles import ROLES

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/reference"
SOURCES = sorted((ROOT / "src/cloudhall").rglob("*.py"))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return build_registry()


def headings(page: str) -> set[str]:
    return set(re.findall(r"^#+ (.+)$", (FOLDER / page).read_text("utf-8"), re.MULTILINE))


@pytest.fixture(scope="module")
def made() -> Mapping[str, str]:
    return reference.rendered()


def test_no_page_is_stale(made: Mapping[str, str]) -> None:
    assert reference.stale(made) == [], "write them anew: make docs"


def test_a_stale_page_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    (tmp_path / "old.md").write_text("x", "utf-8")
    (tmp_path / "same.md").write_text("x", "utf-8")
    (tmp_path / "new.md").write_text("x", "utf-8")
    assert reference.stale({"same.md": "x", "new.md": "y", "absent.md": "z"}) == ["absent.md", "new.md", "old.md"]


def test_every_kind_has_a_heading(registry: Registry) -> None:
    for domain in registry.domains.values():
        assert {kind.meta.key for kind in domain.kinds} <= headings(f"kinds/{domain.name}.md"), domain.name


def test_every_event_has_a_heading(registry: Registry) -> None:
    for kind in registry:
        named = {h for h in headings("events.md") if h.startswith(f"{kind.meta.key}.")}
        assert len(named) >= len(kind.meta.actions) + ("create" in kind.meta.verbs), kind.meta.key
    assert {"storage.bucket.created", "storage.bucket.emptied", "storage.bucket.removed"} <= headings("events.md")


def test_every_role_has_a_heading() -> None:
    assert set(ROLES) <= headings("roles.md")


def test_every_meter_has_a_heading(registry: Registry) -> None:
    assert set(registry.meters) <= headings("meters.md")


def test_every_error_has_a_heading_at_the_anchor_that_it_names() -> None:
    declared = set(re.findall(r"^    code(?:: ClassVar\[str\])? = \"([A-Z_]+)\"$", _source(), re.MULTILINE))
    assert {"INTERNAL", "QUOTA_EXCEEDED", "KEYRING"} <= declared <= headings("errors.md")
    anchors = {h.lower() for h in headings("errors.md")}
    for error in _tree(CloudhallError):
        page, _, anchor = error.docs.fget(error).partition("#")  # type: ignore[attr-defined]  # the property, asked of the class
        assert page == "/docs/reference/errors"
        assert anchor in anchors or not error.__module__.startswith("cloudhall.")


def test_every_problem_of_a_field_has_a_heading() -> None:
    raised = set(re.findall(r"(?:\bProblem|_report|_known)\(\s*\"([A-Z][A-Z_]+)\"", _source()))
    assert {"MISSING", "UNKNOWN", "GRADE", "RETAINED"} <= raised <= headings("errors.md")


def test_every_setting_has_a_heading() -> None:
    read = set(re.findall(r"\bCLOUDHALL_[A-Z0-9_]+\b", _source()))
    assert "CLOUDHALL_HOME" in read
    assert read | set(topics.VARIABLES) <= headings("settings.md")


def test_every_command_has_a_heading(registry: Registry) -> None:
    known = headings("commands.md")
    for name in main.BUILT_IN:
        assert any(h.startswith(f"cloudhall {name}") for h in known), name
    for noun in catalogue_of(registry, "", frozenset(main.BUILT_IN))["nouns"].values():
        verbs = commands.group_of(noun).list_commands(click.Context(click.Command("cloudhall")))
        assert {f"cloudhall {noun['noun']} {verb}" for verb in verbs} <= known


def test_every_address_is_there(registry: Registry) -> None:
    page = (FOLDER / "http.md").read_text("utf-8")
    for kind in registry:
        assert f"`/api/v1/{kind.meta.plural}`" in page
        for action in kind.meta.actions:
            assert f"`/api/v1/{kind.meta.plural}/{{id}}:{action}`" in page


def test_check_ends_well_where_nothing_is_stale(made: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "rendered", lambda: made)
    monkeypatch.setattr(sys, "argv", ["reference.py", "--check"])
    with pytest.raises(SystemExit) as ended:
        reference.main()
    assert not ended.value.code


def _source() -> str:
    return "\n".join(path.read_text("utf-8") for path in SOURCES)


def _tree(root: type[CloudhallError]) -> Iterator[type[CloudhallError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)
