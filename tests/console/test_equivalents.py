"""The same request for other hands: texts that run as they stand."""

import shlex

import pytest

from cloudhall.cli.commands import group_of
from cloudhall.cli.declared import catalogue_of
from cloudhall.console.equivalents import Call, Equivalents, Target, as_api, as_command
from cloudhall.domains.identity import DOMAIN as IDENTITY
from cloudhall.kernel.registry import Registry
from tests.console.yard import YARD, Shed, Tool

SHED = Target("sx-2kfbn0fnh6gmsjcx9", "zq-one", "north")
MAKE = Equivalents(Registry([IDENTITY, YARD]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (MAKE.get(Shed.meta, SHED), "shed get zq-one --project north"),
        (MAKE.delete(Shed.meta, SHED), "shed delete zq-one --project north"),
        (MAKE.act(Shed.meta, SHED, "lock", {}), "shed lock zq-one --project north"),
        (
            MAKE.create(
                Shed.meta, "north", "zq-two", {"a": "b c"}, {"area_m2": 20, "roofed": False, "keepers": ["x", "y"]}
            ),
            "shed create zq-two --project north --area-m2 20 --no-roofed --keepers x --keepers y --label 'a=b c'",
        ),
        (
            MAKE.update(Shed.meta, SHED, 7, {"name": "zq-new", "spec": {"tags": {"k": "v"}}}),
            "shed update zq-one --project north --rename zq-new --tags k=v --if-match 7",
        ),
        (
            MAKE.list(
                Shed.meta,
                [("project", "north"), ("colour", "red"), ("roofed", "false"), ("sort", "-name"), ("q", "a b")],
            ),
            "shed list --project north --colour red --no-roofed --sort=-name --matching 'a b'",
        ),
        (MAKE.create(Tool.meta, "north", "", {}, {"shed": SHED.id}), f"tool create --project north --shed {SHED.id}"),
    ],
)
def test_commands_use_the_words_of_the_registry(call: Call, words: str) -> None:
    assert " ".join(joined(as_command(call)).split()) == f"cloudhall {words}"
    assert split(as_command(call)) == ["cloudhall", *call.words]


def test_calls_name_method_path_and_body() -> None:
    call = MAKE.update(Shed.meta, SHED, 7, {"spec": {"note": "it's"}})
    assert split(as_api(call, "http://127.0.0.1:8800")) == [
        *("curl", "-X", "PATCH", f"http://127.0.0.1:8800/api/v1/sheds/{SHED.id}"),
        *("-H", "Authorization: Bearer $CLOUDHALL_TOKEN", "-H", 'If-Match: "7"'),
        *("-H", "Content-Type: application/json", "-d", '{"spec": {"note": "it\'s"}}'),
    ]
    listed = MAKE.list(Shed.meta, [("colour", "red"), ("colour", "blue")])
    assert listed.path == "/sheds?colour=red&colour=blue"


def test_long_commands_break_before_their_options() -> None:
    call = MAKE.create(Shed.meta, "north", "zq-two", {}, {"area_m2": 20, "note": "a long remark about the shed"})
    lines = as_command(call).split(" \\\n")
    assert lines[0] == "cloudhall shed create zq-two"
    assert all(line.startswith("  --") for line in lines[1:])


def joined(text: str) -> str:
    """Take lines together as a shell does."""
    return text.replace("\\\n", "")


def split(text: str) -> list[str]:
    return shlex.split(joined(text))


@pytest.mark.parametrize(
    "call",
    [
        MAKE.list(Shed.meta, [("project", "north"), ("colour", "red"), ("roofed", "true"), ("sort", "-area_m2")]),
        MAKE.get(Shed.meta, SHED),
        MAKE.create(Shed.meta, "north", "zq-two", {"a": "b"}, {"area_m2": 20, "roofed": True, "tags": {"k": "v"}}),
        MAKE.create(Tool.meta, "north", "", {}, {"shed": SHED.id}),
        MAKE.update(Shed.meta, SHED, 7, {"name": "x", "labels": {"a": "b"}, "spec": {"keepers": ["x"]}}),
        MAKE.delete(Shed.meta, SHED),
        MAKE.act(Shed.meta, SHED, "paint", {"colour": "red", "coats": 2}),
    ],
)
def test_the_command_line_takes_every_word(call: Call) -> None:
    nouns = catalogue_of(Registry([IDENTITY, YARD]))["nouns"]
    noun, verb, *rest = call.words
    command = group_of(nouns[noun]).make[verb]()
    command.make_context(verb, rest)  # raises click.UsageError for a word that it does not know
