"""The commands of a kind, typed at a real server."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloudhall.cli.width import width
from tests.api.town import Town
from tests.cli.shell import Shell


def rows(text: str) -> list[list[str]]:
    """Lines of a pipe, split."""
    return [line.split("\t") for line in text.splitlines()]


def test_a_resource_is_created_read_changed_and_deleted(shell: Shell) -> None:
    made = shell.run("box create first --size-gib 20 --grade open --tags k=v --tags l=w --label team=a")
    facts = dict(rows(made.stdout))
    assert facts["name"] == "first"
    assert facts["spec.size_gib"] == "20"
    assert json.loads(facts["spec.tags"]) == {"k": "v", "l": "w"}
    assert json.loads(facts["labels"]) == {"team": "a"}
    assert made.stderr == "next: cloudhall box get first\n"
    shell.out("box update first --size-gib 30 --note", "two words")
    now = shell.json("box get first")
    assert (now["spec"]["size_gib"], now["spec"]["note"]) == (30, "two words")
    assert shell.json("box get", now["id"]) == now
    shell.run("box delete first --yes")
    shell.run("wait box first --for deleted")
    assert "NOT_FOUND" in shell.err("box get first", code=6)


def test_an_action_takes_its_arguments(shell: Shell) -> None:
    shell.out("box create acting --size-gib 1")
    assert json.loads(shell.out("box resize acting --size-gib 7 --json size_gib,sealed")) == {
        "size_gib": 7,
        "sealed": False,
    }
    shell.out("box seal acting")
    assert "Sealed already (CONFLICT)" in shell.err("box seal acting", code=7)
    assert "  --size-gib /size_gib: Must be from 1 to 1000 GiB" in shell.err("box resize acting --size-gib 0", code=2)


def test_all_mistakes_are_named_at_once_by_their_options(shell: Shell) -> None:
    told = shell.err("box create Wrong_Name --size-gib 0 --colour red --label a=b --note", "x" * 201, code=2)
    assert told.splitlines()[0] == "error: 3 things to change (INVALID)"
    assert "  NAME /name: A name has lower-case letters" in told
    assert "  --size-gib /spec/size_gib: Must be from 1 to 1000 GiB; For example 20" in told
    assert "  --note /spec/note: At most 200 characters" in told
    assert "(request rq-" in told.splitlines()[-1]


def test_the_server_names_unknown_fields_of_a_whole_spec(shell: Shell, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text('{"size_gib": 4, "colur": "blue"}')
    assert "Did you mean colour?" in shell.err("box create whole --spec", f"@{spec}", code=2)
    spec.write_text('{"size_gib": 4, "colour": "blue"}')
    assert json.loads(shell.out("box create whole --json=colour,size_gib --size-gib 5 --spec", f"@{spec}")) == {
        "colour": "blue",
        "size_gib": 5,
    }
    piped = shell.run("box update whole --json=note --spec @-", typed='{"note": "from the pipe"}')
    assert json.loads(piped.stdout) == {"note": "from the pipe"}


def test_a_dry_run_changes_nothing_and_says_what_would_be(shell: Shell) -> None:
    told = shell.out("box create tried --size-gib 12 --dry-run")
    assert "Allowed: town.box:create" in told
    assert "Quota Box space" in told
    assert "+12 now" in told
    assert "Will take 12 GiB" in told
    shell.err("box get tried", code=6)
    assert json.loads(shell.out("box create tried --size-gib 12 --dry-run -o json"))["allowed"] is True


def test_a_stale_change_shows_the_difference(shell: Shell) -> None:
    shell.out("box create guarded --size-gib 1")
    revision = shell.json("box get guarded")["revision"]
    shell.out(f"box update guarded --size-gib 2 --if-match {revision}")
    told = shell.err(f"box update guarded --size-gib 3 --if-match {revision}", code=7)
    assert "size_gib: now 2, you asked for 3" in told


def test_lists_are_filtered_sorted_limited_and_paged(shell: Shell) -> None:
    for n, grade in ((1, "open"), (2, "secret"), (3, "open")):
        shell.out(f"box create listed-{n} --size-gib {n} --grade {grade} --label set=listed")
    found = shell.out("box list -q listed --grade open --grade internal --no-sealed --sort size_gib -o name")
    assert found.split() == ["listed-1", "listed-3"]
    short = shell.run("box list -q listed --limit 2 -o name")
    assert short.stdout.split() == ["listed-3", "listed-2"]
    assert "--all shows every one" in short.stderr
    whole = shell.run("box list -q listed --limit 1 --all -o name")
    assert (len(whole.stdout.split()), whole.stderr) == (3, "")
    assert "sort must be" in shell.err("box list --sort colour", code=2)


def test_every_filter_that_is_offered_is_taken_by_the_server(shell: Shell) -> None:
    typed = {"int": "1", "bool": "true", "datetime": "2026-11-22T00:00:00Z", "str": "x"}
    shell.out("box create filtered --size-gib 1")
    asked = 0
    for noun in shell.catalogue["nouns"].values():
        fields = noun["spec"] | noun["status"]
        for name, path in noun["filters"].items():
            field = fields[path.rpartition(".")[2]]
            if field["ref"] and "box" not in field["ref"]:
                continue  # nothing of that kind is there to be named
            value = "filtered" if field["ref"] else next(iter(field["choices"]), typed.get(field["shape"], ""))
            answer: Any = json.loads(shell.out("api GET", f"{noun['plural']}?{name}={value}"))
            assert "items" in answer
            asked += 1
    assert asked > 5


def test_tables_have_heads_units_and_local_times(shell: Shell) -> None:
    shell.out("box create shown --size-gib 20 --note", "\x1b[31mred")
    head, line = shell.out("box list -q shown -o table").splitlines()
    assert head.split() == ["Name", "State", "Grade", "Size", "Sealed", "Created"]
    assert line.split()[:5] == ["shown", "Ready", "internal", "20", "GiB"]
    assert line.endswith("+08")
    one = shell.out("box get shown -o table")
    assert "Size      20 GiB" in one
    assert "\x1b" not in one
    assert shell.err("box list -q nowhere -o table") == "Nothing to show\n"


def test_tables_in_chinese_line_up(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.out("box create aligned --size-gib 20")
    shell.out("box create b --size-gib 3")
    monkeypatch.setenv("CLOUDHALL_LANG", "zh")
    monkeypatch.setenv("COLUMNS", "120")
    found = shell.out("box list --sort name -o table").splitlines()
    head, line = found[0], next(line for line in found if line.startswith("b "))
    for title, value in (("状态", "就绪"), ("级别", "internal"), ("已封", "否")):
        assert width(head[: head.index(title)]) == width(line[: line.index(value)]), (head, line)


def test_json_stands_alone_or_takes_fields(shell: Shell) -> None:
    shell.out("box create jsonned --size-gib 20")
    assert json.loads(shell.out("box get --json jsonned"))["name"] == "jsonned"
    assert json.loads(shell.out("box get --json name,spec.size_gib jsonned")) == {"name": "jsonned", "size_gib": 20}
    assert "There is no field colur" in shell.err("box get jsonned --json=colur", code=2)


def test_deleting_asks_and_never_guesses(shell: Shell) -> None:
    shell.out("box create kept --size-gib 1")
    for line in ("box delete kept", "box delete kept --no-input"):
        assert "Add --yes to confirm" in shell.err(line, code=2)
    assert shell.json("box get kept")["state"] == "ready"
    assert "Allowed: town.box:delete" in shell.out("box delete kept --dry-run")
    assert shell.json("box get kept")["state"] == "ready"


def test_people_read_names_and_programs_ids(shell: Shell, town: Town) -> None:
    shell.out("box create named --size-gib 1")
    shell.out("lid create top --box named")
    box = shell.json("box get named")["id"]
    facts = dict(line.split(maxsplit=1) for line in shell.out("lid get top -o table").splitlines()[:8])
    assert (facts["Project"], facts["Box"]) == ("census", "named")
    assert facts["Id"].startswith("ld-")
    assert [town.project, box] == [v for k, v in rows(shell.out("lid get top -o tsv")) if k in {"project", "spec.box"}]
    head, *lines = shell.out("lid list -o table --everywhere").splitlines()
    assert head.split()[:3] == ["Name", "Project", "State"]
    assert [line.split()[:2] for line in lines if line.startswith("top ")] == [["top", "census"]]
    assert "Project" not in shell.out("lid list -o table").splitlines()[0]


def test_a_person_has_a_log_in_and_one_name(shell: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_TOKEN", town.token("admin"))
    facts = [line.split()[:2] for line in shell.out("person get dev -o table").splitlines()]
    assert ["Log-in", "dev"] in facts
    assert ["Organisation", "bureau"] in facts
    assert [row for row in facts if row[:1] == ["Name"]] == [["Name", "Dev"]]


def test_waiting_speaks_the_language(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.out("box create patient --size-gib 1")
    monkeypatch.setenv("CLOUDHALL_LANG", "zh")
    assert shell.err("wait box patient") == "box patient：就绪\n"
    assert "没有等到“已删除”" in shell.err("wait box patient --for deleted --timeout 1s", code=3)


def test_references_are_given_by_name_and_waited_for(shell: Shell) -> None:
    shell.out("box create held --size-gib 1")
    shell.out("lid create tight --box held")
    assert shell.err("wait lid tight --timeout 20s") == "lid tight: ready\n"
    assert shell.err("wait lid tight --for Ready") == "lid tight: Ready\n"
    shell.out("lid create loose --box held --no-fits")
    told = shell.err("wait lid loose --timeout 1s", code=3)
    assert "not ready within 1 s" in told
    assert "DoesNotFit does not fit" in told
    explained = shell.out("explain lid loose")
    assert "Needs attention" in explained
    assert "does not fit (DoesNotFit)" in explained


def test_the_default_project_is_left_with_everywhere(shell: Shell, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_TOKEN", town.token("admin"))
    assert shell.out("badge list") == ""
    monkeypatch.setenv("CLOUDHALL_TOKEN", town.token("dev"))
    shell.out("box create here --size-gib 1")
    monkeypatch.setenv("CLOUDHALL_PROJECT", "harbour")
    assert "not yours to see" in shell.err("box list", code=6)
    assert "here" in shell.out("box list --everywhere -o name").split()
    assert "here" in shell.out("box list --project census -o name").split()


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("box create x --size-gib many", 2, "--size-gib: 'many' is not a whole number"),
        ("box create x --size-gib 1 --grade opne", 2, "--grade: 'opne' is none of open, internal, secret"),
        ("box create x --size-gbi 1", 2, "no such option --size-gbi; did you mean --size-gib?"),
        ("box create", 2, "NAME is missing"),
        ("box creat x", 2, "no such command creat; did you mean create?"),
        ("bxo list", 2, "no such command bxo; did you mean box?"),
        ("box get a b", 2, "unexpected extra argument"),
        ("box create x --size-gib", 2, "--size-gib lacks its value, or takes none"),
        ("box create x --opens-at soon", 2, "--opens-at: 'soon' is no time such as"),
        ("box create x --tags alone", 2, "--tags: 'alone' must be KEY=VALUE"),
        ("box update x", 2, "Nothing to change was given"),
        ("explain bxo", 2, "There is no kind called bxo"),
        ("badge create x", 5, "FORBIDDEN"),
        ("box get nothing", 6, "NOT_FOUND"),
    ],
)
def test_each_mistake_has_its_exit_code_and_its_words(shell: Shell, line: str, code: int, text: str) -> None:
    told = shell.err(line, code=code)
    assert text in told
    assert told.startswith("error: ")


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("box create x --size-gbi 1", 2, "错误：没有选项 --size-gbi；是否指 --size-gib？"),
        ("box create", 2, "错误：缺少 NAME"),
        ("box get nothing", 6, "错误：没有名为 nothing 的箱，或你无权查看（NOT_FOUND）"),
    ],
)
def test_mistakes_are_told_in_chinese_too(
    shell: Shell, line: str, code: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDHALL_LANG", "zh")
    assert text in shell.err(line, code=code)


def test_no_log_in_is_its_own_exit_code(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_TOKEN", "chs_" + "0" * 40)
    assert "UNAUTHENTICATED" in shell.err("box list", code=4)


def test_an_expiry_may_be_a_span_from_now(shell: Shell) -> None:
    shell.out("box create timed --size-gib 1 --opens-at 30d")
    assert shell.json("box get timed")["spec"]["opens_at"] > shell.json("box get timed")["created_at"]


def test_a_secret_is_shown_once_with_a_warning(shell: Shell, town: Town) -> None:
    line = f"token create ci --subject {town.people['admin']} --scopes town.* --scopes *:read --expires-at 30d"
    made = shell.run(f"{line} --organisation bureau", env={"CLOUDHALL_TOKEN": town.token("admin")})
    secret = dict(rows(made.stdout))["secret"]
    assert secret.startswith("cht_")
    assert "shown this once" in made.stderr
    again = shell.run("token get ci", env={"CLOUDHALL_TOKEN": secret})
    assert secret not in again.output
    assert json.loads(shell.run("token get ci --json", env={"CLOUDHALL_TOKEN": secret}).stdout)["spec"]["scopes"] == [
        "town.*",
        "*:read",
    ]


def test_what_goes_with_a_deletion_is_told_before(shell: Shell) -> None:
    shell.out("box create covered --size-gib 1")
    shell.out("lid create cover --box covered")
    assert "Goes with it: lid cover" in shell.out("box delete covered --dry-run")
    assert shell.err("box delete covered --yes").startswith("Deleting covered\nnext: cloudhall wait box covered")
