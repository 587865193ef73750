"""The version is said once for people and once for installers; they agree."""

import tomllib
from pathlib import Path

from cloudhall import __version__

ROOT = Path(__file__).resolve().parents[1]


def test_the_program_says_the_version_of_its_package() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == __version__
