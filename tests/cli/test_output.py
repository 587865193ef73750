"""One resource for people: rows inside it are tables of what has a title."""

from typing import Any

import pytest

from cloudhall.cli.declared import catalogue_of
from cloudhall.cli.output import Output, one_lines, print_lines
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
