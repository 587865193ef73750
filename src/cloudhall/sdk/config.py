"""Where the command line keeps what it must remember: one file with the log-in and default places of each server.

A log-in belongs to the address it was made at and is never sent to another. The file is readable by its owner alone,
from the moment it exists. The environment wins over the file: `CLOUDHALL_URL`, `CLOUDHALL_TOKEN`, `CLOUDHALL_PROJECT`,
`CLOUDHALL_ORGANISATION`, `CLOUDHALL_CA`.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple, TypedDict

from cloudhall.sdk.errors import Misuse
from cloudhall.sdk.language import T, say

DEFAULT_PORT = "8800"
BAD_CA, NO_CERTIFICATE = T("读不了 {}：{}", "{} cannot be read: {}"), T("里面没有 PEM 证书", "no PEM certificate in it")
CA_FROM = T(
    "在服务器上用 cloudhall certificate > root.pem 取得",
    "Get one on the server: cloudhall certificate > root.pem",
)


class Remembered(TypedDict, total=False):
    """What is known of one server: the session secret, who that is, the default places, and whom to trust (PEM)."""

    token: str
    person: str
    project: str
    organisation: str
    ca: str


class Stored(TypedDict):
    """The file: the server in use, and what is remembered of each."""

    current: str
    servers: dict[str, Remembered]


class Settings(NamedTuple):
    """What holds for this run. Empty texts where nothing is known."""

    url: str
    token: str
    project: str
    organisation: str


def config_file() -> Path:
    """Where the log-in and the default places are."""
    return _folder("XDG_CONFIG_HOME", ".config") / "config.json"


def cache_file(name: str) -> Path:
    """Where something may lie that can be made again."""
    return _folder("XDG_CACHE_HOME", ".cache") / name


def trusted(url: str) -> str:
    """Certificates (PEM) that alone are trusted for a server; empty where those of the machine are."""
    if named := os.environ.get("CLOUDHALL_CA"):
        return certificates(Path(named))
    return stored()["servers"].get(url, Remembered()).get("ca", "")


def certificates(file: Path) -> str:
    """Read a file of certificates; raises `Misuse`."""
    try:
        text = file.read_text("ascii")
        if "-----BEGIN CERTIFICATE-----" in text:
            return text
        why = say(NO_CERTIFICATE)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "") or say(NO_CERTIFICATE)
    raise Misuse(say(BAD_CA, file, why), CA_FROM)


def settings() -> Settings:
    """Put environment and file together."""
    known, url = stored(), url_in_use()
    server = known["servers"].get(url, Remembered())
    return Settings(
        url=url,
        token=os.environ.get("CLOUDHALL_TOKEN") or server.get("token", ""),
        project=os.environ.get("CLOUDHALL_PROJECT") or server.get("project", ""),
        organisation=os.environ.get("CLOUDHALL_ORGANISATION") or server.get("organisation", ""),
    )


def url_in_use() -> str:
    """Address of the server: named by the environment, else logged in to last, else the one on this machine."""
    port = os.environ.get("CLOUDHALL_PORT")
    here = f"http://127.0.0.1:{port or DEFAULT_PORT}"
    url = os.environ.get("CLOUDHALL_URL") or (port and here) or stored()["current"] or here
    return url.rstrip("/")


def stored() -> Stored:
    """Read the file; an absent or broken one says nothing."""
    try:
        known = json.loads(config_file().read_text("utf-8"))
        return Stored(current=known["current"], servers=known["servers"])
    except (OSError, ValueError, KeyError, TypeError):
        return Stored(current="", servers={})


def remember(url: str, changes: Remembered) -> None:
    """Change what is known of a server and make it the one in use; an empty text forgets."""
    known = stored()
    known["servers"][url] = known["servers"].get(url, Remembered()) | changes
    known["current"] = url
    write_private(config_file(), json.dumps(known, ensure_ascii=False, indent=2))


def write_private(path: Path, text: str) -> None:
    """Replace a file at once; nobody else can read it, not even while it is being written."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _folder(variable: str, below_home: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / below_home) / "cloudhall"
