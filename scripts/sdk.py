"""Writes the typed modules of the SDK anew from the declarations: `make docs`.

`--check` writes nothing and ends with 1 where a module is stale. Formatted by ruff as everything else is.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cloudhall.installation import build_registry
from cloudhall.kernel.registry import Registry
from sdk_modules import kind_module
from sdk_modules.cloud import cloud_module

PACKAGE = Path(__file__).resolve().parents[1] / "src/cloudhall/sdk"


def main() -> None:
    """Write every module, or with `--check` name those that are stale."""
    made = rendered(build_registry())
    wrong = stale(made)
    if "--check" in sys.argv[1:]:
        sys.exit("\n".join([*wrong, "write them anew: make docs"]) if wrong else 0)
    for path in wrong:
        (PACKAGE / path).unlink(missing_ok=True)
        if path in made:
            (PACKAGE / path).write_text(made[path], "utf-8")
        print(f"src/cloudhall/sdk/{path}")


def rendered(registry: Registry) -> dict[str, str]:
    """Every module by its path below `cloudhall/sdk`, formatted."""
    made = {f"kinds/{kind_module.name_of(k.meta)}.py": kind_module.render(k.meta) for k in registry}
    made["kinds/__init__.py"] = '"""One module a kind, written by `make docs` from its declaration."""\n'
    made["cloud.py"] = cloud_module(registry)
    return {path: _formatted(text) for path, text in made.items()}


def stale(made: Mapping[str, str]) -> list[str]:
    """Modules that are missing, different, or left over."""
    there = {p.relative_to(PACKAGE).as_posix(): p.read_text("utf-8") for p in (PACKAGE / "kinds").glob("*.py")}
    there["cloud.py"] = (PACKAGE / "cloud.py").read_text("utf-8") if (PACKAGE / "cloud.py").exists() else ""
    return sorted(path for path in made.keys() | there.keys() if made.get(path) != there.get(path))


def _formatted(text: str) -> str:
    ruff = str(Path(sys.executable).with_name("ruff"))
    command = [ruff, "format", "--stdin-filename", str(PACKAGE / "kinds/made.py"), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
