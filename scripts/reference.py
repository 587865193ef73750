"""Writes docs/reference anew from the declarations and the source: `make docs`.

`--check` writes nothing and ends with 1 where a page is stale. No page is written by hand, and none holds anything that
differs from machine to machine or from day to day.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from cloudhall.installation import build_registry
from cloudhall.kernel.registry import Registry
from cloudhall.kernel.text import T
from reference_pages import commands, errors, events, http, kinds, meters, policy, roles, sdk, settings
from reference_pages.markdown import both, page, table

FOLDER = Path(__file__).resolve().parents[1] / "docs/reference"
PAGES: Mapping[str, tuple[T, Callable[[Registry], str]]] = {
    "commands.md": (commands.TITLE, commands.render),
    "http.md": (http.TITLE, http.render),
    "sdk.md": (sdk.TITLE, sdk.render),
    "errors.md": (errors.TITLE, errors.render),
    "events.md": (events.TITLE, events.render),
    "roles.md": (roles.TITLE, roles.render),
    "meters.md": (meters.TITLE, meters.render),
    "policy.md": (policy.TITLE, policy.render),
    "settings.md": (settings.TITLE, settings.render),
}
TITLE = T("参考", "Reference")
ABOUT = T(
    "由声明和源码生成，两种语言并列；`make docs` 重写。",
    "Made from the declarations and the source, both languages side by side; `make docs` writes it anew.",
)


def main() -> None:
    """Write every page, or with `--check` name those that are stale."""
    made = rendered()
    if "--check" in sys.argv[1:]:
        wrong = stale(made)
        sys.exit("\n".join([*wrong, "write them anew: make docs"]) if wrong else 0)
    for path in stale(made):
        (FOLDER / path).unlink(missing_ok=True)
        if path in made:
            (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / path).write_text(made[path], "utf-8")
        print(f"docs/reference/{path}")


def rendered() -> dict[str, str]:
    """Every page by its path below docs/reference."""
    registry = build_registry()
    by_domain = {path: render(registry) for path, render in kinds.pages(registry).items()}
    return {
        "README.md": _index(registry),
        **{path: render(registry) for path, (_, render) in PAGES.items()},
        **by_domain,
    }


def stale(made: Mapping[str, str]) -> list[str]:
    """Pages that are missing, different, or left over."""
    there = {p.relative_to(FOLDER).as_posix(): p.read_text("utf-8") for p in FOLDER.rglob("*.md")}
    return sorted(path for path in made.keys() | there.keys() if made.get(path) != there.get(path))


def _index(registry: Registry) -> str:
    domains = [(f"[{both(d.title)}](kinds/{d.name}.md)", both(d.question)) for d in registry.domains.values()]
    pages = [(f"[{both(title)}]({path})", "") for path, (title, _) in PAGES.items()]
    return page(TITLE, ABOUT, table(("", ""), [*pages, *domains]))


if __name__ == "__main__":
    main()
