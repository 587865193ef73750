"""Makes the folder of a new domain: `make new-domain NAME=weather`.

What it writes works as it stands: one kind that the kernel serves, its tests, what the domain answers and how far it
is. Whoever runs it then says what the domain knows. The files are in `scripts/domain_template/`; `$name`, `$word` (the
name as addresses have it), `$Title` and `$prefix` are filled in.
"""

import keyword
import re
import string
import subprocess
import sys
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "scripts/domain_template"
DOMAINS = ROOT / "src/cloudhall/domains"


def main(name: str) -> None:
    """Write the files and say where to go on."""
    if trouble := trouble_with(name):
        sys.exit(f"make new-domain NAME=weather: {trouble}")
    written = files(name)
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
    modules = [path for path in written if path.suffix == ".py"]
    # A longer name breaks lines elsewhere than the template's.
    subprocess.run([Path(sys.executable).with_name("ruff"), "format", "--quiet", *modules], check=True)
    print(f"next: say what {name} answers in its __init__.py and README.md, then rename its first kind; make test")


def trouble_with(name: str) -> str:
    """Why a domain cannot have this name; empty where it can."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{2,19}", name) or keyword.iskeyword(name):
        return f"{name!r} is no name of a package: 3 to 20 small letters, digits and _"
    if (DOMAINS / name).exists():
        return f"there is a domain {name} already"
    return ""


def files(name: str) -> dict[Path, str]:
    """Every file of the new domain with its text."""
    title, word = name.replace("_", " ").capitalize(), name.replace("_", "-")
    values = {"name": name, "word": word, "Title": title, "prefix": free_prefix(name)}
    homes = {"domain": DOMAINS / name, "tests": ROOT / "tests/domains" / name}
    return {
        homes[file.parent.name] / file.stem: string.Template(file.read_text("utf-8")).substitute(values)
        for file in sorted(TEMPLATE.glob("*/*.tmpl"))
    }


def free_prefix(name: str) -> str:
    """Two letters for ids that no kind has: out of the name where it can be, else the first free pair."""
    texts = (module.read_text("utf-8") for module in DOMAINS.parent.rglob("*.py"))
    taken = {prefix for text in texts for prefix in re.findall(r'prefix="([a-z]{2})"', text)}
    letters = [c for c in name if c.isalpha()]
    own = (name[0] + c for c in letters[1:])
    others = (a + b for a in string.ascii_lowercase for b in string.ascii_lowercase)
    return next(pair for pair in chain(own, others) if pair not in taken)


if __name__ == "__main__":
    main(sys.argv[1])
