"""What README, tutorials and guides tell a reader to type is typed against a running city, and prints what they say.

A page and its translation have the same commands (`test_readme`), so each is typed in one language, in turns; the
campaign (`make soak`) types both.
"""

import contextlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.docs.terminal import PAUSE_S, REPEAT_S, Step, Terminal, alike, steps_of
from tests.e2e.api import Api, until
from tests.e2e.server import Server

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("tutorials", "how-to")
PAGES = sorted([*ROOT.glob("README*.md"), *(p for f in FOLDERS for p in (ROOT / "docs" / f).glob("*.md"))])
OWN_TEST = "your-first-domain"  # changes the house; see test_first_domain.py
WHOLE = os.environ.get("CLOUDHALL_CAMPAIGN") == "whole"
TYPED = [p for p in PAGES if steps_of(p.read_text("utf-8")) and not p.name.startswith(OWN_TEST)]
IN_TURNS = sorted(p for p in TYPED if ".zh-CN." not in p.name)[1::2]  # README in English
TESTED = [
    p
    for p in sorted(TYPED, key=lambda p: ".zh-CN." in p.name)
    if WHOLE or (".zh-CN." in p.name) == (p.with_name(p.name.replace(".zh-CN.", ".")) in IN_TURNS)
]
ADDRESS = "127.0.0.1:8800"  # as pages say it; the city listens elsewhere
pytestmark = pytest.mark.timeout(240)  # the first test waits for all of them
RENTED = re.compile(r"(?:cloudhall bucket create |^kind: bucket\nname: )([a-z0-9-]+)", re.MULTILINE)
WRITTEN = re.compile(r"^`([\w-]+\.(?:py|yaml))`\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)  # a file of the page
AT_ONCE = 2  # pages in a city; they rent buckets of different names
# What pages ask of the operator who starts the city.
OF_THE_OPERATOR = {"CLOUDHALL_WEBHOOK_NETWORKS": "127.0.0.0/8", "CLOUDHALL_SIGN_UP": "economy-information"}
SEEN_S = 3  # an object that was put in is counted by then
Typed = Callable[[str], tuple[str, int]]
PROGRAMS = ("aws", "rclone", "curl")


@pytest.fixture(scope="module")
def said_wrong(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, list[str]]:
    """What each page said that did not come out so. Both languages at once: most of the time is waiting."""
    home = tmp_path_factory.mktemp("docs")
    with ThreadPoolExecutor() as pool:
        found = [pool.submit(walk, home, lang, [p for p in TESTED if lang_of(p) == lang]) for lang in ("en", "zh")]
        return {page: wrong for city in found for page, wrong in city.result().items()}


@pytest.mark.parametrize("page", TESTED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_does_what_it_says(said_wrong: dict[Path, list[str]], page: Path) -> None:
    if said_wrong[page] and not_installed(page):
        pytest.skip(f"needs {', '.join(not_installed(page))}")
    assert said_wrong[page] == [], "\n\n".join(said_wrong[page])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_whoever_signs_is_told_of_empty_files(page: Path) -> None:
    """AWS command line and boto3 hang after one without the variable (boto/botocore#3755)."""
    text = page.read_text("utf-8")
    assert text.count("AWS_ACCESS_KEY_ID") == text.count("BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE=true")


def lang_of(page: Path) -> str:
    return "zh" if ".zh-CN." in page.name else "en"


def not_installed(page: Path) -> list[str]:
    """Programs that a page types and that are not here."""
    words = {word for step in steps_of(page.read_text("utf-8")) for word in re.split(r"[\s|(]+", step.command)}
    return [program for program in PROGRAMS if program in words and not _found(program)]


def walk(home: Path, lang: str, pages: list[Path]) -> dict[Path, list[str]]:
    """Do what pages say in a city of their language; what did not come out so, by page."""
    city = Server(home / lang, environ={"CLOUDHALL_LANG": lang, **OF_THE_OPERATOR})
    try:
        city.start()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(lambda page: _walk_page(city, home / lang / "pages" / page.stem, page), pages)
            return dict(zip(pages, found, strict=True))
    finally:
        city.end()


def _walk_page(city: Server, folder: Path, page: Path) -> list[str]:
    looks_like_a_checkout(folder)
    text = page.read_text("utf-8")
    for name, content in WRITTEN.findall(text):
        (folder / name).write_text(content, "utf-8")
    steps = steps_of(text)
    terminal = Terminal(folder, environ_of(folder, city.port, lang_of(page)))
    by_tls = {"CLOUDHALL_LANG": lang_of(page), "CLOUDHALL_TLS": "1"}
    own = Server(folder / ".local/share/cloudhall", demo=False, environ=by_tls, origin="https://127.0.0.1")
    try:
        return follow(typing(terminal, city, own), steps)
    finally:
        terminal.close()
        own.end()
        give_back(city, set(RENTED.findall(text)))


def looks_like_a_checkout(folder: Path) -> None:
    """Make a folder that has everything of ours and takes what a page writes."""
    folder.mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.name != ".git":
            (folder / path.name).symlink_to(path)


def typing(terminal: Terminal, city: Server, own: Server) -> Typed:
    """Type a command; what it printed, and its exit code. A server stays in a terminal of its own.

    `own` is what a page founds where whoever reads it would, by TLS; from its start on, commands go to it.
    """

    def typed(command: str) -> tuple[str, int]:
        if command == "make run":
            return f"…\n{city.said()}", 0
        if command == "cloudhall run --tls":
            own.start()
            terminal.run(f"export CLOUDHALL_PORT={own.port}")
            return own.said(), 0
        founded = command.replace(f"https://{ADDRESS}", own.url)
        return terminal.run(founded.replace(ADDRESS, f"127.0.0.1:{city.port}"))

    return typed


def follow(typed: Typed, steps: list[Step]) -> list[str]:
    """Type block by block, and again what is to be repeated until it comes out so; what is wrong with the first."""
    for number in dict.fromkeys(step.block for step in steps):
        block = [step for step in steps if step.block == number]
        deadline = time.monotonic() + (REPEAT_S if block[0].repeat else 0)
        while (found := wrong(typed, block)) and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
        if found:
            return found
    return []


def wrong(typed: Typed, block: list[Step]) -> list[str]:
    """What did not come out as a block says: a command that printed something else, or failed unannounced."""
    found = []
    for step, after in zip(block, [*block[1:], None], strict=True):
        printed, code = typed(step.command)
        if not alike(step.printed, printed):
            found.append(f"$ {step.command}\nshould print\n{step.printed}\nand printed\n{printed}")
        if code and (after is None or after.command != "echo $?"):
            found.append(f"$ {step.command}\nended with {code}")
    return found


def give_back(city: Server, rented: set[str]) -> None:
    """Leave no bucket that a page has rented and not given back itself."""
    with contextlib.closing(Api.of(city.url, "chen-xiaolan")) as api:
        left = [b["name"] for b in api.items("buckets") if b["name"] in rented]
        time.sleep(SEEN_S if left else 0)
        for name in left:
            _give_back(api, f"buckets/{name}")


def _give_back(api: Api, address: str) -> None:
    def withdrawn() -> bool:
        return any(item["id"] == id_ and item["withdrawn"] for item in api.items("bin"))

    def gone() -> bool:
        return not any(item["id"] == id_ for item in api.items("bin"))

    id_ = api.get(address)["id"]
    api.send("DELETE", address).ok()
    until(withdrawn, REPEAT_S)
    api.post(f"buckets/{id_}:purge", {}).ok()
    until(gone, REPEAT_S)


def environ_of(home: Path, port: int, lang: str) -> dict[str, str]:
    """What a reader's terminal has set, with this environment's programs."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    locale = {"zh": "zh_CN.UTF-8", "en": "C.UTF-8"}[lang]
    mine = {"PATH": path, "HOME": str(home), "LANG": locale, "NO_COLOR": "1", "TZ": "Asia/Shanghai"}
    return mine | {"CLOUDHALL_PORT": str(port), "CLOUDHALL_LANG": lang}


def _found(program: str) -> bool:
    return bool(shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent)))
