"""A rule file that cannot be right is refused with file and line."""

from pathlib import Path

import pytest

from cloudhall.kernel.rule_files import KERNEL_RULES, RuleFileError, read, tables_in

HEAD = """id = "fee"
title = { zh = "费用", en = "Fee" }
[fields.fee_fen]
title = { zh = "金额", en = "Amount" }
[fields.by]
title = { zh = "按", en = "By" }
[fields.by.parts]
km = { zh = "公里", en = "km" }
"""
SOURCE = 'sources = [{ title = { zh = "办法", en = "Regulation" } }]'


def row(begins: str, ends: str | None, *, fee: str = "1", by: str = "{ km = 1 }", more: str = "") -> str:
    until = f"valid_to = {ends}\n" if ends else ""
    value = f"value = {{ fee_fen = {fee}, by = {by} }}"
    return f"[[rule]]\nvalid_from = {begins}\n{until}verified = true\n{value}\n{more or SOURCE}\n"


def refused(folder: Path, text: str) -> str:
    path = folder / "fee.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(RuleFileError) as error:
        read(path)
    return str(error.value).removeprefix(str(folder) + "/")


def test_rows_that_follow_each_other_are_read(tmp_path: Path) -> None:
    (tmp_path / "fee.toml").write_text(HEAD + row("2020-01-01", "2021-01-01") + row("2021-01-01", None), "utf-8")
    assert [r.valid_from.year for r in read(tmp_path / "fee.toml").rules] == [2020, 2021]


@pytest.mark.parametrize(
    ("rows", "line", "what"),
    [
        (row("2020-01-01", "2021-01-02") + row("2021-01-01", None), 15, "in force until 2021-01-02"),
        (row("2020-01-01", None) + row("2021-01-01", None), 14, "in force until further notice"),
        (row("2020-01-01", "2020-12-31") + row("2021-01-01", None), 15, "leaves a gap"),
        (row("2020-01-01", "2020-01-01"), 9, "before it begins"),
        (row("2020-01-01", "2021-01-01") + row("2021-01-01", None, fee='"1"'), 15, "is str, in the row before int"),
        (row("2020-01-01", None, more="sources = []"), 9, "has no source"),
        (row("2020-01-01", None, by="{ mile = 1 }"), 9, "value.by.mile is no part"),
        (row("2020-01-01", None).replace("fee_fen = 1", "fee = 1"), 9, "value.fee is not declared"),
        (row("2020-01-01", None).replace("fee_fen = 1, ", ""), 9, "value.fee_fen is missing"),
        (row("2020-01-01", None).replace("verified = true\n", ""), 9, "verified"),
        (row("2020-01-01", None) + 'ware = "x"\n', 9, "ware"),
        (row("2020-01-01", None).replace("2020-01-01", '"soon"'), 9, "valid_from"),
        (row("2020-01-01", None) + "fee = \n", 14, "Invalid value"),
    ],
)
def test_a_fault_names_file_and_line(tmp_path: Path, rows: str, line: int, what: str) -> None:
    said = refused(tmp_path, HEAD + rows)
    assert said.startswith(f"fee.toml:{line}: ")
    assert what in said


def test_a_file_without_its_titles_is_refused_at_its_top(tmp_path: Path) -> None:
    assert refused(tmp_path, 'id = "fee"\n').startswith("fee.toml:1: ")


def test_a_file_of_the_kernel_is_named_after_its_table() -> None:
    tables = {path.stem for path in KERNEL_RULES.glob("*.toml")}
    assert tables == {t.id.replace(".", "-") for t in tables_in(KERNEL_RULES)}
