"""Write the golden files anew: `python -m tests.golden`. Read the difference before you commit it."""

from pathlib import Path

from tests.golden import authority

HERE = Path(__file__).parent

if __name__ == "__main__":
    (HERE / "authority.txt").write_text(authority.render(), encoding="utf-8")
