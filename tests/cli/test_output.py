"""One resource for people: rows inside it are tables of what has a title."""

from typing import Any

import pytest

from cloudhall.cli.declared import catalogue_of
from cloudhall.cli.output import Output, one_lines, print_lines
from cloudhall.cli.tables import Column, fitted, table
from cloudhall.installation import build_registry

LINE = {
    "meter": "storage.requests_a",
    "title": {"zh": "写入与列举请求", "en": "Write and list requests"},
    "plan": "object-storage-2026",
    "reckoning": {"zh": "3,000 次 × 0.01 元/千次", "en": "3,000 requests × CNY 0.01 per 1,000 requests"},
    "pieces": [{"quantity_micro": 3_000_000}],
    "amount_fen": 3,
}
STATEMENT: dict[str, Any] = {"name": "2026-11", "status": {"total_fen": 3, "lines": [LINE]}, "conditions": []}


def test_the_lines_of_a_statement_are_what_price_times_quantity(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    print_lines(one_lines(catalogue_of(build_registry())["nouns"]["statement"], STATEMENT, Output("table")))
    shown = capsys.readouterr().out.splitlines()
    head, line = shown[shown.index("Lines") + 1 :]
    assert head.split() == ["Item", "Quantity", "×", "price", "Amount"]
    assert line.split("  ")[1:4:2] == ["Write and list requests", "CNY 0.03"]
    assert "3,000 requests × CNY 0.01 per 1,000 requests" in line


@pytest.mark.parametrize(("room", "widths"), [(60, [20, 30, 9]), (40, [20, 11, 9]), (30, [14, 8, 8]), (10, [8, 8, 8])])
def test_the_name_gives_way_last(room: int, widths: list[int]) -> None:
    assert fitted([20, 30, 9], room) == widths


def test_when_it_was_made_is_left_out_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"name": "a" * 30, "created_at": "2026-11-22T14:00:00Z"}
    columns = [Column("Name", "name"), Column("Created", "created_at", spare=True)]
    for terminal, heads in (("80", ["Name", "Created"]), ("40", ["Name"])):
        monkeypatch.setenv("COLUMNS", terminal)
        assert table(columns, [row])[0].split() == heads
