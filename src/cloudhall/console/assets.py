"""Files under `static/`, at addresses that change with their content, and the icons drawn from one of them."""

import functools
import hashlib
from pathlib import Path

from markupsafe import Markup

STATIC = Path(__file__).parent / "static"


@functools.cache
def static(name: str) -> str:
    """Address of a file under `static/`; it changes with the content, so browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:8]
    return f"/static/{name}?v={digest}"


def icon(name: str) -> Markup:
    """Draw an icon; the word beside it carries the meaning."""
    return Markup('<svg class="i" aria-hidden="true"><use href="{}#{}"/></svg>').format(static("icons.svg"), name)
