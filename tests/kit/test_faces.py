"""Every kind has its surfaces: API, pages in both languages, commands, all from the declaration."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloudhall.kernel.caller import Caller
from cloudhall.kernel.commands import Command
from cloudhall.kernel.fields import fields_of
from cloudhall.kernel.registry import AnyKind
from tests.cli.shell import Shell
from tests.kit.demos import Demos, Made
from tests.kit.faces import Faces

LANGUAGES = ("zh", "en")


@pytest.fixture
def faces(demos: Demos) -> Iterator[Faces]:
    built = Faces(demos.hall)
    yield built
    built.close()


def reader(demos: Demos, kind: AnyKind, made: Made) -> Caller:
    """A person who sees a resource."""
    tx, row = demos.hall.read(), demos.row(kind, made)
    people = (c for c in demos.callers(kind) if c.type == "Person")
    return next(c for c in people if demos.kernel.authority.may(tx, c, "read", row))


def writer(demos: Demos, command: Command) -> Caller | None:
    """A person who may do something, where it is not for controllers alone."""
    caller = demos.who(command)
    return caller if caller is not None and caller.type == "Person" else None


def body(demos: Demos, kind: AnyKind, suffix: str = "") -> dict[str, Any]:
    """Input as the API takes it."""
    place: dict[str, Any] = {} if kind.meta.scope == "platform" else {kind.meta.scope: demos.place(kind)}
    return {**place, **demos.input(kind, suffix)}


class TestApi:
    def test_it_is_described(self, kind: AnyKind, demos: Demos, faces: Faces) -> None:
        api = faces.api(demos.hall.staff["viewer"])
        paths = api.get("/openapi.json").raise_for_status().json()["paths"]
        own = [path for path in paths if f"/{kind.meta.plural}" in path]
        assert own
        said = {method for path in own for method in paths[path]}
        assert "get" in said
        assert ("post" in said) or not kind.meta.allow.get("create")

    def test_it_is_listed_and_read_by_id_and_name(self, kind: AnyKind, demos: Demos, faces: Faces) -> None:
        made = demos.make(kind)
        api = faces.api(reader(demos, kind, made))
        listed = api.get(f"/{kind.meta.plural}").raise_for_status().json()
        assert made.id in {item["id"] for item in listed["items"]}
        for target in (made.id, made.body["name"]):
            assert api.get(f"/{kind.meta.plural}/{target}").raise_for_status().json()["id"] == made.id

    def test_a_dry_run_over_the_wire_leaves_nothing(self, kind: AnyKind, demos: Demos, faces: Faces) -> None:
        caller = writer(demos, demos.create(kind))
        if caller is None:
            return  # made by controllers alone
        api = faces.api(caller)
        given = body(demos, kind)
        before = demos.hall.counts()
        answer = api.post(f"/{kind.meta.plural}?validate_only=true", json=given)
        assert answer.status_code == 200, answer.text
        assert demos.hall.counts() == before

    def test_it_is_made_edited_and_removed(self, kind: AnyKind, demos: Demos, faces: Faces) -> None:
        caller = writer(demos, demos.create(kind))
        if caller is None:
            return  # made by controllers alone
        answer = faces.api(caller).post(f"/{kind.meta.plural}", json=body(demos, kind))
        assert answer.status_code == 201, answer.text
        made = Made(answer.json()["id"], answer.json(), caller)
        demos.hall.settle()
        at = f"/{kind.meta.plural}/{made.id}"
        for verb, method, given in (("update", "PATCH", {"labels": {"kit": "1"}}), ("delete", "DELETE", None)):
            if not kind.meta.allow.get(verb):
                continue
            who = writer(demos, Command(kind=kind, verb=verb, target=made.id))
            assert who is not None
            answer = faces.api(who).request(method, at, json=given)
            assert answer.status_code in {200, 202}, answer.text


class TestConsole:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_its_pages_show_it(self, kind: AnyKind, demos: Demos, faces: Faces, language: str) -> None:
        made = demos.make(kind)
        browser = faces.console(reader(demos, kind, made), language)
        title = kind.meta.title.zh if language == "zh" else kind.meta.title.en
        for path in (f"/{kind.meta.plural}", f"/{kind.meta.plural}/{made.id}"):
            page = browser.get(path)
            assert page.status_code == 200, f"{path}: {page.status_code}"
            assert f'lang="{language}' in page.text
            assert title.lower() in page.text.lower()
            assert made.id in page.text or made.body["name"] in page.text

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_its_forms_ask_for_every_field(self, kind: AnyKind, demos: Demos, faces: Faces, language: str) -> None:
        caller = writer(demos, demos.create(kind))
        if caller is None:
            return  # made by controllers alone
        page = faces.console(caller, language).get(f"/{kind.meta.plural}:create")
        assert page.status_code == 200
        for name, info in fields_of(kind.meta.spec).items():
            asked = (info.title.zh if language == "zh" else info.title.en) in page.text
            assert asked is not bool(info.f.by), name


class TestCommandLine:
    def test_it_lists_and_gets_it(
        self, kind: AnyKind, demos: Demos, faces: Faces, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        made = demos.make(kind)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.setenv("CLOUDHALL_LANG", "en")
        monkeypatch.setenv("CLOUDHALL_TOKEN", faces.secret(reader(demos, kind, made)))
        monkeypatch.delenv("CLOUDHALL_PROJECT", raising=False)
        shell = Shell(demos.kernel.registry)
        noun = kind.meta.name.replace("_", "-")
        with faces.served() as url:
            monkeypatch.setenv("CLOUDHALL_URL", url)
            everywhere = " --everywhere" if kind.meta.scope == "project" else ""
            assert made.id in shell.out(f"{noun} list{everywhere} --json")
            assert shell.json(f"{noun} get {made.id}")["id"] == made.id
