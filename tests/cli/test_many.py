"""Many at once from the command line: files in, plans shown and confirmed, one line an item out."""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cloudhall.cli import files, many
from cloudhall.sdk.errors import Misuse
from tests.cli.shell import Shell


def rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def names(shell: Shell, *query: str) -> set[str]:
    return set(shell.out("box list --all -o name", *query).split())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "boxes"


class TestCreate:
    CSV = "name,size_gib,spec.grade,sealed,labels.team,spec.tags\n"

    def test_from_csv(self, shell: Shell, file: Path) -> None:
        file.write_text(f'\ufeff{self.CSV}csv-1,20,open,,red,"{{""a"":""b""}}"\r\ncsv-2,7,,,,\r\n\r\n', "utf-8")
        made = rows(shell.out("box create --from", str(file)))
        assert [(n, name, result) for n, name, _, result in made] == [("1", "csv-1", "done"), ("2", "csv-2", "done")]
        first = shell.json("box get csv-1")
        assert (first["spec"]["size_gib"], first["spec"]["grade"]) == (20, "open")
        assert (first["labels"], first["spec"]["tags"]) == ({"team": "red"}, {"a": "b"})
        assert shell.json("box get csv-2")["spec"]["grade"] == "internal"

    @pytest.mark.parametrize("array", [True, False])
    def test_from_json(self, shell: Shell, array: bool) -> None:
        items = [{"name": f"json-{array}-{n}".lower(), "spec": {"size_gib": 1}} for n in range(2)]
        text = json.dumps(items, indent=1) if array else "\n\n".join(map(json.dumps, items))
        result = shell.run("box create --from - --atomic -o name", typed=text)
        assert result.stdout.split() == [i["name"] for i in items]

    def test_each_refusal_has_its_line_and_the_exit_code_says_so(self, shell: Shell, file: Path) -> None:
        file.write_text("name,size_gib\nmany-1,5\nMANY,0\nmany-2,much\n")
        result = shell.run("box create --from", str(file), code=1)
        table = rows(result.stdout)
        assert table[0][3] == "done"
        assert table[1][1:] == ["MANY", "", table[1][3]]
        assert "name A name has lower-case letters" in table[1][3]
        assert "spec.size_gib Must be from 1 to 1000 GiB" in table[1][3]
        assert "spec.size_gib" in table[2][3]
        assert "3 items, 2 of them refused" in result.stderr
        assert names(shell, "-q", "many-") == {"many-1"}
        assert [i["status"] for i in json.loads(shell.run("box create --json --from", str(file), code=1).stdout)] == [
            400,
            400,
            400,
        ]

    def test_atomic_makes_nothing_and_names_all(self, shell: Shell, file: Path) -> None:
        file.write_text("name,size_gib\natom-1,5\natom-2,0\natom-3,0\n")
        told = shell.err("box create --atomic --from", str(file), code=2)
        assert "/items/1/spec/size_gib: Must be" in told
        assert "/items/2/spec/size_gib: Must be" in told
        assert names(shell, "-q", "atom-") == set()

    def test_a_dry_run_checks_all(self, shell: Shell, file: Path) -> None:
        file.write_text("name,size_gib\ndry-1,5\n")
        assert rows(shell.out("box create --dry-run --from", str(file))) == [["1", "dry-1", "", "would be done"]]
        assert names(shell, "-q", "dry-") == set()

    def test_more_than_one_request_takes(self, shell: Shell, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(many, "ITEMS_MAX", 2)
        file.write_text("name,size_gib\n" + "".join(f"long-{n},1\n" for n in range(5)))
        assert [row[0] for row in rows(shell.out("box create --from", str(file)))] == ["1", "2", "3", "4", "5"]
        assert "at most 2 items" in shell.err("box create --atomic --from", str(file), code=2)

    def test_a_secret_is_printed_with_its_item(self, shell: Shell) -> None:
        soon = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat()
        items = [
            {"name": name, "organisation": "bureau", "spec": {"scopes": ["*:read"], "expires_at": soon}}
            for name in ("mine", "bad name")
        ]
        result = shell.run("token create --from -", typed=json.dumps(items), code=1)
        assert [row[4].startswith("cht_") for row in rows(result.stdout)] == [True, False]
        assert "keep" in result.stderr

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "nothing in the file"),
            ("name,colur\n", "no column colur"),
            ("name\na,b\n", "line 2: more cells"),
            ('{"name": 1}\n{"name"\n', "line 2: cannot be read as JSON"),
            ("[1]", "line 1: must be a JSON object"),
        ],
    )
    def test_a_file_that_is_none_says_where(self, shell: Shell, file: Path, text: str, said: str) -> None:
        file.write_text(text)
        assert said in shell.err("box create --from", str(file), code=2)

    def test_a_file_that_is_not_there(self, shell: Shell, file: Path) -> None:
        assert "cannot be read" in shell.err("box create --from", str(file), code=2)
        assert "goes with no other" in shell.err("box create name --from", str(file), code=2)
        assert "NAME is missing" in shell.err("box create", code=2)


@pytest.fixture
def stocked(shell: Shell, request: pytest.FixtureRequest) -> tuple[Shell, str]:
    """Three boxes of the test's own, two of them open; and the label that only they have."""
    mark = f"t{abs(hash(request.node.name)) % 10**9}"
    items = [
        {"name": f"{mark}-{n}", "labels": {mark: "yes"}, "spec": {"size_gib": 5, "grade": grade}}
        for n, grade in enumerate(("open", "open", "secret"))
    ]
    shell.run("box create --from -", typed=json.dumps(items))
    shell.run("lid create", f"{mark}-lid", "--box", shell.json(f"box get {mark}-0")["id"])
    return shell, mark


def left(stocked: tuple[Shell, str]) -> set[str]:
    shell, mark = stocked
    items: Sequence[Any] = shell.json(f"box list --label {mark}")
    return {i["name"].removeprefix(f"{mark}-") for i in items if i["state"] != "deleting"}


class TestBulk:
    def test_a_dry_run_shows_the_plan_and_its_token_does_it(self, stocked: tuple[Shell, str]) -> None:
        shell, mark = stocked
        told = shell.out(f"box delete --where grade=open --label {mark} --dry-run")
        assert told.splitlines()[0] == "2 resources: town.box:delete"
        assert f"    Goes with it: lid {mark}-lid" in told
        assert "Quota given back, Box space: 10 GiB" in told
        token = told.splitlines()[-1].split()[1]
        assert left(stocked) == {"0", "1", "2"}
        table = rows(shell.out(f"box delete --where grade=open --label {mark} --plan {token}"))
        assert {(row[1], row[3]) for row in table} == {(f"{mark}-0", "done"), (f"{mark}-1", "done")}
        assert left(stocked) == {"2"}
        again = shell.err(f"box delete --where grade=open --label {mark} --plan {token}", code=7)
        assert "Things have changed since the plan" in again

    def test_yes_does_not_ask_and_without_it_somebody_must(self, stocked: tuple[Shell, str]) -> None:
        shell, mark = stocked
        assert "Add --yes" in shell.err(f"box delete --label {mark}=yes", code=2)
        assert left(stocked) == {"0", "1", "2"}
        shell.out(f"box delete --label {mark}=yes --yes")
        assert left(stocked) == set()
        assert "Nothing fits" in shell.err(f"box delete --label {mark}=yes --yes")

    def test_labels_are_put_on_and_taken_off(self, stocked: tuple[Shell, str]) -> None:
        shell, mark = stocked
        shell.out(f"box label --label {mark} --where grade=secret --set {mark}-new=a=b --unset {mark} --yes")
        assert [i["name"] for i in shell.json(f"box list --label {mark}-new=a=b")] == [f"{mark}-2"]
        assert left(stocked) == {"0", "1"}

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("box delete", "No filter was given"),
            ("box delete --yes", "No filter was given"),
            ("box delete --where grade", "must be FIELD=VALUE"),
            ("box delete --where colour=red --yes", "no index"),
            ("box delete some --where grade=open", "goes with no other"),
            ("box delete --where grade=open --if-match 3", "goes with no other"),
            ("box label --where grade=open", "Nothing to change"),
            ("box list --label =x", "KEY=VALUE"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, shell: Shell, line: str, said: str) -> None:
        assert said in shell.err(line, code=2)


def test_cells_are_read_by_the_shape_of_their_field(shell: Shell, tmp_path: Path) -> None:
    noun = shell.catalogue["nouns"]["box"]
    file = tmp_path / "x.csv"
    file.write_text("name,size_gib,sealed,note,opens_at\nn,12x,TRUE,7,2026-01-01\n")
    spec = {"size_gib": "12x", "sealed": True, "note": "7", "opens_at": "2026-01-01"}
    assert files.read(str(file), noun) == [{"name": "n", "spec": spec}]
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Misuse):
        files.read(str(file), noun)
