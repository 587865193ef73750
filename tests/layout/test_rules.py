"""Each rule finds a breach that is planted, and nothing in a house that is right."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.layout import rules

KIND = 'from cloudhall.kernel.kinds import Kind\n\nclass Bucket(Kind[Spec, Status], clauses=("SYS-001",)):\n    pass\n'
HOUSE = {
    "src/cloudhall/domains/__init__.py": "",
    "src/cloudhall/domains/storage/__init__.py": 'DOMAIN = Domain(name="storage", depends_on=("market",))\n',
    "src/cloudhall/domains/storage/bucket.py": KIND + "from cloudhall.domains.market import rules\n",
    "src/cloudhall/domains/storage/README.md": "# Storage\n",
    "src/cloudhall/domains/storage/quality.toml": '[rows]\nSYS-001 = { status = "todo", reason = "no compute" }\n',
    "src/cloudhall/domains/storage/templates/bucket.html": "",
    "src/cloudhall/domains/market/__init__.py": 'DOMAIN = Domain(name="market")\n',
    "src/cloudhall/domains/market/rules.py": "",
    "src/cloudhall/domains/market/README.md": "",
    "src/cloudhall/domains/market/quality.toml": '[rows]\nSYS-072 = { status = "done" }\n',
    "src/cloudhall/kernel/verify.py": "import hashlib\n",
    "tests/domains/storage/test_bucket.py": "",
    "tests/golden/one.txt": "",
    "tests/e2e/test_walk.py": "",
    "docs/decisions/README.md": "[1](0001-kernel.md)\n",
    "docs/decisions/0001-kernel.md": "",
    "docs/decisions/dependencies.md": "",
}
EVERY_RULE = [
    rules.strange_domain_files,
    rules.wrong_quality_files,
    rules.long_code,
    rules.places_of_one_machine,
    rules.unmirrored_tests,
    rules.decisions_out_of_order,
    rules.undeclared_dependencies,
    rules.verifiers_that_lean_on_us,
]
STORAGE = "src/cloudhall/domains/storage"
MARKET = "src/cloudhall/domains/market"
PLANTED = [
    (rules.strange_domain_files, f"{STORAGE}/helpers.py", "x = 1\n", "neither a known name nor a kind"),
    (rules.strange_domain_files, f"{STORAGE}/notes.txt", "", "neither a known name nor a kind"),
    (rules.strange_domain_files, f"{STORAGE}/utils/a.py", "", "neither a known name nor a kind"),
    (rules.strange_domain_files, "src/cloudhall/domains/estate/__init__.py", "", "has no quality.toml"),
    (rules.wrong_quality_files, f"{STORAGE}/quality.toml", "[rows]\n", "SYS-001 is served but has no row"),
    (rules.wrong_quality_files, f"{MARKET}/quality.toml", "[row]\n", "unknown table [row]"),
    (rules.wrong_quality_files, f"{MARKET}/quality.toml", '[rows]\nSYS-1 = { status = "done" }\n', "is no row"),
    (rules.wrong_quality_files, f"{MARKET}/quality.toml", '[rows]\nSYS-001 = { status = "half" }\n', "wants status"),
    (
        rules.wrong_quality_files,
        f"{MARKET}/quality.toml",
        '[rows]\nSYS-001 = { status = "done", why = "" }\n',
        "wants status",
    ),
    (
        rules.wrong_quality_files,
        f"{MARKET}/quality.toml",
        '[rows]\nSYS-001 = { status = "todo" }\n',
        "without a reason",
    ),
    (rules.long_code, "src/cloudhall/long.py", "x = 1\n" * 501, "501 lines, at most 500"),
    (rules.long_code, "src/cloudhall/long.py", "def f() -> None:\n" + "    g()\n" * 70, "f: 71 lines, at most 70"),
    (rules.places_of_one_machine, "README.md", "see https://pypi.org/x\n", "names pypi.org"),
    (rules.places_of_one_machine, "docs/a.md", "cd /work/main\n", "docs/a.md:1"),
    (rules.places_of_one_machine, "src/cloudhall/a.py", "x = '../shared/seeds'\n", "src/cloudhall/a.py:1"),
    (rules.unmirrored_tests, "tests/domains/weather/test_x.py", "", "no src/cloudhall/domains/weather"),
    (rules.decisions_out_of_order, "docs/decisions/0003-gap.md", "", "number 0002 is next"),
    (rules.decisions_out_of_order, "docs/decisions/0002-alone.md", "", "not linked"),
    (rules.decisions_out_of_order, "docs/decisions/notes.md", "", "number 0002 is next"),
    (
        rules.undeclared_dependencies,
        f"{MARKET}/rules.py",
        "def f() -> None:\n    import cloudhall.domains.storage.bucket\n",
        "imports storage",
    ),
    (rules.undeclared_dependencies, f"{MARKET}/rules.py", "from cloudhall.domains import storage\n", "imports storage"),
    (
        rules.undeclared_dependencies,
        f"{MARKET}/__init__.py",
        'D = kernel.Domain(depends_on=("storage",))\n',
        "depends on itself",
    ),
    (
        rules.verifiers_that_lean_on_us,
        "src/cloudhall/kernel/verify.py",
        "from cloudhall.kernel import tlog\n",
        "imports cloudhall.kernel.tlog",
    ),
]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, text in HOUSE.items():
        plant(tmp_path, name, text)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def plant(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, "utf-8")


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule.__name__)
def test_a_house_that_is_right_passes(house: Path, rule: Callable[[Path], Iterator[str]]) -> None:
    assert list(rule(house)) == []


@pytest.mark.parametrize(("rule", "name", "text", "said"), PLANTED)
def test_a_breach_is_found(house: Path, rule: Callable[[Path], Iterator[str]], name: str, text: str, said: str) -> None:
    plant(house, name, text)
    breaches = list(rule(house))
    assert [b for b in breaches if said in b], breaches
    assert all(b.startswith(("src/", "tests/", "docs/", "README.md")) for b in breaches)


def test_a_reason_lets_another_file_in(house: Path) -> None:
    plant(house, f"{STORAGE}/usage.py", "x = 1\n")
    plant(house, f"{STORAGE}/quality.toml", '[files]\n"usage.py" = "reads the engine\'s counters"\n')
    assert list(rules.strange_domain_files(house)) == []
