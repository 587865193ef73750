"""Ids that are given as examples are such as the program makes: their check character is right."""

import re
from collections.abc import Iterator
from pathlib import Path

from cloudhall.kernel.ids import ALPHABET, BODY_LENGTH, is_id

ROOT = Path(__file__).resolve().parents[2]
SHOWN = ("README*.md", "docs/**/*.md", "src/**/*.py", "src/**/*.html", "scripts/**/*.tmpl")
ID = re.compile(rf"\b[a-z]{{2}}-[{ALPHABET}]{{{BODY_LENGTH + 1}}}\b")


def shown() -> Iterator[tuple[str, str]]:
    for pattern in SHOWN:
        for path in ROOT.glob(pattern):
            for found in ID.findall(path.read_text("utf-8")):
                yield found, path.relative_to(ROOT).as_posix()


def test_example_ids_have_their_check_character() -> None:
    examples = set(shown())
    assert len({id_ for id_, _ in examples}) > 3
    assert sorted((id_, where) for id_, where in examples if not is_id(id_)) == []
