"""What is written from the declarations is in step with them, light, and on the standard library alone."""

import ast
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import sdk
from cloudhall.installation import build_registry
from sdk_modules import kind_module
from tests.api.town import Box

PACKAGE = Path(sdk.__file__).parents[1] / "src/cloudhall/sdk"
IMPORT = "import cloudhall.sdk"
LIMIT_CPU_MS = 60  # above a Python that does nothing


def test_every_module_is_as_its_declaration_says() -> None:
    assert sdk.stale(sdk.rendered(build_registry())) == [], "write them anew: make docs"


def test_what_is_read_has_all_and_what_is_sent_may_leave_out_defaults() -> None:
    text = kind_module.render(Box.meta)
    assert "size_gib: int\n" in text
    assert "note: NotRequired[str]" in text
    assert "opens_at: str | None" in text
    patch = text[text.index("class BoxPatch") : text.index("class Boxes")]
    assert "size_gib: int | None" in patch
    assert "colour" not in patch  # cannot change
    assert "sealed" not in patch  # an action's
    assert "def resize(self, target: str, args: BoxResize, **how: Unpack[How]) -> Box:" in text


def test_nothing_but_the_standard_library_is_imported() -> None:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                known = name.split(".")[0] in sys.stdlib_module_names or name.startswith("cloudhall.sdk")
                assert known, f"{file.name} imports {name}"


def test_importing_it_costs_little(record_property: Callable[[str, object], None]) -> None:
    def cpu_ms(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1_000

    more = min(cpu_ms(IMPORT) for _ in range(4)) - min(cpu_ms("pass") for _ in range(4))
    record_property("sdk_import_cpu_ms", more)
    assert more <= LIMIT_CPU_MS
