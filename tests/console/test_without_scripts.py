"""The console as a person without scripts has it: every form is sent as the page holds it."""

import pytest

from cloudhall.kernel.text import LANGUAGES, Language
from tests.console.plain import Page, Plain
from tests.console.yard import Yard


@pytest.fixture
def devon(yard: Yard) -> Plain:
    return Plain(yard.visitor("devon").client)


@pytest.mark.parametrize("language", LANGUAGES)
def test_something_is_made_acted_on_edited_and_deleted(yard: Yard, language: Language) -> None:
    devon = Plain(yard.visitor("devon", language).client)
    devon.open("/").open("/sheds:create")
    devon.press("/sheds:create", "check", name="zq-plain", spec__area_m2="40")
    devon.press("/sheds:create", "confirm")
    yard.settle()
    assert devon.status == 200
    at = devon.path.partition("?")[0]
    devon.open(f"{at}:update").press(":update", spec__area_m2="45", spec__note="zq-note")
    assert "45" in devon.html
    assert "zq-note" in devon.html
    devon.press(":lock")
    devon.open(f"{at}:paint").press(":paint", args__colour="blue", args__coats="2")
    devon.open(f"{at}:delete").press(":delete", name="zq-plain")
    yard.settle()
    assert devon.path == "/sheds?done=delete"
    assert devon.open(at).status == 404


def test_a_check_leads_back_to_the_form_with_everything_in_it(devon: Plain) -> None:
    devon.open("/sheds:create").press("/sheds:create", "check", name="zq-back", spec__area_m2="70", spec__colour="red")
    devon.press("/sheds:create", "form")
    (form,) = (f for f in Page(devon.html).forms if f.action == "/sheds:create")
    assert (form.fields["name"], form.fields["spec.area_m2"]) == (["zq-back"], ["70"])
    assert form.fields["spec.colour"] == ["red"]


def test_many_are_labelled_and_deleted_by_what_the_list_holds(yard: Yard, devon: Plain) -> None:
    for name in ("zq-a", "zq-b"):
        yard.shed(name)
    devon.open("/sheds")
    (way,) = (x for x in Page(devon.html).links if "bulk_delete" in x)
    devon.open(way)
    (form,) = (f for f in Page(devon.html).forms if "bulk_delete" in f.action)
    (typed,) = form.names - set(form.fields) | {n for n in form.names if form.fields.get(n) == [""]}
    devon.press(form.action, **{typed.replace(".", "__"): "2"})
    yard.settle()
    assert "zq-a" not in devon.open("/sheds").html


def test_a_secret_is_shown_once(yard: Yard, devon: Plain) -> None:
    shed = yard.shed("zq-one")
    devon.open(f"/tools:create?spec.shed={shed}").press("/tools:create", "check")
    devon.press("/tools:create", "confirm")
    assert "Shown only now" in devon.html
    (on,) = {x for x in Page(devon.html.partition("<main")[2]).links if x.startswith("/tools/")}
    assert "Shown only now" not in devon.open(on).html
