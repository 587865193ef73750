"""Columns of a terminal."""

import pytest

from cloudhall.cli.width import cut, pad, width, wrap


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("bucket", 6),
        ("存储桶", 6),
        ("桶 a", 4),
        ("ａ", 2),  # full-width Latin
        ("e\u0301", 1),  # a letter and a combining accent
        ("a\u200bb", 2),  # a zero-width space
        ("…", 1),
        ("", 0),
    ],
)
def test_a_text_takes_so_many_columns(text: str, columns: int) -> None:
    assert width(text) == columns


def test_padding_counts_columns_not_characters() -> None:
    assert pad("存储", 6) + "|" == "存储  |"
    assert pad("存储", 6, right=True) == "  存储"


@pytest.mark.parametrize("columns", range(1, 12))
def test_a_cut_text_never_takes_more_than_its_columns(columns: int) -> None:
    text = "a存b储c桶"
    shortened = cut(text, columns)
    assert width(shortened) <= columns
    assert shortened == text if columns >= width(text) else shortened.endswith("…")


def test_a_wide_character_is_not_halved() -> None:
    assert cut("存储桶", 4) == "存…"


def test_lines_break_between_chinese_characters_and_at_spaces() -> None:
    assert wrap("写满后收回写入权，读取不受影响", 12) == ["写满后收回写", "入权，读取不", "受影响"]
    assert wrap("when full, writing ends", 12) == ["when full,", "writing ends"]


def test_no_line_begins_with_closing_punctuation() -> None:
    for columns in range(6, 40):
        for line in wrap("高于“公开”的存储桶不发放密钥（见规定），数据经数据共享的关口读取。", columns):
            assert line[0] not in "，。）”", (columns, line)
            assert width(line) <= columns, (columns, line)


def test_line_ends_stay() -> None:
    assert wrap("a\nb", 10) == ["a", "b"]
