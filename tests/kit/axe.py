"""What axe-core finds on a page that a browser shows; the file is the one of tests/console/data and its manifest."""

from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parents[1] / "console/data/axe.min.js"
VIOLATIONS = """async (rules) => {
  const options = {resultTypes: ["violations"], ...(rules ? {runOnly: {type: "rule", values: rules}} : {})};
  const found = await axe.run(document, options);
  return found.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | "));
}"""


def violations(page: Page, *rules: str) -> list[str]:
    """Each rule that is broken with the first elements that break it; every rule, where none is named."""
    if page.evaluate("typeof window.axe") == "undefined":
        page.evaluate(AXE.read_text("utf-8"))
    found: list[str] = page.evaluate(VIOLATIONS, list(rules) or None)
    return found
