"""How the house is laid out, as functions over a folder: each answers what breaks its rule, one line a breach.

A breach begins with the file that it is about and says what would be right. The rules are those of CONTRIBUTING.md.
"""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

DOMAIN_FILES = {
    "__init__.py",
    "rules.py",
    "pages.py",
    "reports.py",
    "demo.py",
    "README.md",
    "quality.toml",
    "policies.cedar",
}
DOMAIN_FOLDERS = {"templates", "data", "__pycache__"}
DOMAIN_NEEDS = ("__init__.py", "README.md", "quality.toml")
ROW_STATES = ("done", "todo", "exempt")
MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
SUITES = {"contract", "kit", "e2e", "docs", "layout"}  # test folders that mirror no package
HOLDERS = {"golden", "data", "templates", "__pycache__"}  # folders that hold no tests
UNNUMBERED_DECISIONS = {"README.md", "dependencies.md"}
ELSEWHERE = re.compile(r"pypi\.org|pythonhosted|npmjs\.|deb\.debian|(?<!\w)/work/|/opt/pypi")
BESIDE = re.compile(r"\.\./shared")


def tracked_files(root: Path) -> list[Path]:
    """Files that are or would be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode()
    return [root / name for name in sorted(filter(None, listed.split("\0"))) if (root / name).is_file()]


def domains(root: Path) -> list[Path]:
    """Folders of the domains; one that holds nothing but byte code was left behind by another commit."""
    folders = (root / "src/cloudhall/domains").glob("*/")
    return sorted(p for p in folders if any(inside.name != "__pycache__" for inside in p.iterdir() if p.name[0] != "_"))


def strange_domain_files(root: Path) -> Iterator[str]:
    """A domain's folder holds the known names and a module a kind; `[files]` in quality.toml reasons any other."""
    for domain in domains(root):
        reasons = _quality(domain).get("files", {})
        for path in sorted(domain.iterdir()):
            known = path.name in (DOMAIN_FOLDERS if path.is_dir() else DOMAIN_FILES)
            if not known and not _declares_a_kind(path) and not reasons.get(path.name):
                yield f"{path.relative_to(root)}: neither a known name nor a kind; reason it in quality.toml, [files]"
        yield from (
            f"{domain.relative_to(root)}: has no {name}" for name in DOMAIN_NEEDS if not (domain / name).is_file()
        )


def wrong_quality_files(root: Path) -> Iterator[str]:
    """`[rows]` says of each system row done, todo or exempt, the latter two with a reason; a clause served is a row."""
    for domain in domains(root):
        file = domain / "quality.toml"
        at, quality = file.relative_to(root), _quality(domain)
        rows = quality.get("rows", {})
        yield from (f"{at}: unknown table [{name}]" for name in quality.keys() - {"rows", "files"})
        for name, row in rows.items():
            if not re.fullmatch(r"SYS-\d{3}", name):
                yield f"{at}: {name} is no row such as SYS-001"
            if row.keys() - {"status", "reason"} or row.get("status") not in ROW_STATES:
                yield f"{at}: {name} wants status ({', '.join(ROW_STATES)}) and reason, nothing else"
            elif row["status"] != "done" and not row.get("reason"):
                yield f"{at}: {name} is {row['status']} without a reason"
        served = {c for module in domain.glob("*.py") for c in re.findall(r'"(SYS-\d{3})"', module.read_text("utf-8"))}
        yield from (f"{at}: {clause} is served but has no row" for clause in sorted(served - rows.keys()))


def long_code(root: Path) -> Iterator[str]:
    """A module is read in one sitting, a function on one screen."""
    for path in _python_files(root):
        text = path.read_text("utf-8")
        at, lines = path.relative_to(root), len(text.splitlines())
        if lines > MODULE_LINES_MAX:
            yield f"{at}: {lines} lines, at most {MODULE_LINES_MAX}"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    yield f"{at}:{node.lineno} {node.name}: {length} lines, at most {FUNCTION_LINES_MAX}"


def places_of_one_machine(root: Path) -> Iterator[str]:
    """No committed file names a package registry's host or a folder of somebody's machine."""
    for path in tracked_files(root):
        at = path.relative_to(root)
        if at.parts[:2] == ("tests", "layout"):  # says what is looked for
            continue
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            product = at.parts[0] == "src" and BESIDE.search(line)
            if found := ELSEWHERE.search(line) or product:
                yield f"{at}:{number}: names {found.group()}"


def unmirrored_tests(root: Path) -> Iterator[str]:
    """A test's folder says what it tests: a package of src, `scripts` or `bench`, or one of the named suites."""
    tests = root / "tests"
    for folder in sorted(p for p in tests.rglob("*/") if not HOLDERS & set(p.relative_to(tests).parts)):
        inside = folder.relative_to(tests)
        mirrored = [
            root / "src/cloudhall" / inside,
            root / inside if inside.parts[0] in ("scripts", "bench") else tests / "?",
        ]
        if inside.parts[0] not in SUITES and not any(p.is_dir() for p in mirrored):
            yield f"tests/{inside}: there is no src/cloudhall/{inside}"


def decisions_out_of_order(root: Path) -> Iterator[str]:
    """Decision records are `NNNN-title.md`, numbered from 0001 without a gap, each named in the list."""
    folder = root / "docs/decisions"
    names = sorted(p.name for p in folder.iterdir() if p.name not in UNNUMBERED_DECISIONS)
    listed = (folder / "README.md").read_text("utf-8")
    for number, name in enumerate(names, 1):
        if not re.fullmatch(rf"{number:04}-[a-z0-9-]+\.md", name):
            yield f"docs/decisions/{name}: number {number:04} is next, as in {number:04}-title.md"
        if f"({name})" not in listed:
            yield f"docs/decisions/{name}: not linked from docs/decisions/README.md"


def undeclared_dependencies(root: Path) -> Iterator[str]:
    """A domain imports another only if its declaration says `depends_on`, and no two depend on each other in a ring."""
    declared = {d.name: depends_on(d / "__init__.py") for d in domains(root)}
    for domain in domains(root):
        for module in sorted(domain.rglob("*.py")):
            for other in sorted(imported_domains(module) - {domain.name} - declared[domain.name]):
                yield f"{module.relative_to(root)}: imports {other}, which depends_on of {domain.name} does not name"
    for name in declared:
        if name in _reachable(name, declared):
            yield f"src/cloudhall/domains/{name}: depends on itself in a ring"


def depends_on(init: Path) -> set[str]:
    """Names in `depends_on=(…)` of the `Domain(…)` that a domain's `__init__.py` declares; read, not run."""
    if not init.is_file():
        return set()
    calls = (
        n for n in ast.walk(ast.parse(init.read_text("utf-8"))) if isinstance(n, ast.Call) and _name(n.func) == "Domain"
    )
    given = [k.value for call in calls for k in call.keywords if k.arg == "depends_on"]
    return {name for value in given for name in ast.literal_eval(value)}


def imported_domains(module: Path) -> set[str]:
    """Domains that a module imports from, at its top or anywhere within."""
    found: set[str] = set()
    for name in imports(module):
        parts = name.split(".")
        if parts[:2] == ["cloudhall", "domains"] and len(parts) > 2:
            found.add(parts[2])
    return found


def imports(module: Path) -> set[str]:
    """Every dotted name that a module imports; `from a import b` counts as `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def verifiers_that_lean_on_us(root: Path) -> Iterator[str]:
    """A verifier is one file that an auditor can read and run without this program."""
    for path in (root / "src").rglob("verify.py"):
        for name in sorted(n for n in imports(path) if n.split(".")[0] == "cloudhall"):
            yield f"{path.relative_to(root)}: imports {name}"


def _python_files(root: Path) -> list[Path]:
    return [p for p in tracked_files(root) if p.suffix == ".py"]


def _quality(domain: Path) -> dict[str, dict[str, dict[str, str]]]:
    file = domain / "quality.toml"
    return tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}


def _declares_a_kind(path: Path) -> bool:
    if path.suffix != ".py":
        return False
    classes = (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.ClassDef))
    return any(isinstance(b, ast.Subscript) and _name(b.value) == "Kind" for c in classes for b in c.bases)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _reachable(start: str, arrows: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    todo = set(arrows[start])
    while todo:
        seen |= (step := {todo.pop()})
        todo |= {n for s in step for n in arrows.get(s, set())} - seen
    return seen
