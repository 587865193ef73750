"""pip's index settings, said again for uv.

A house with its own package index has told pip about it, in environment variables or configuration files. uv reads
neither, so what pip was told is translated here; whatever the person told uv itself is left alone.

Source: pip's user guide, "Configuration": files are read from the general to the particular, the section `[install]`
goes before `[global]`, the environment before both, and `PIP_CONFIG_FILE=/dev/null` switches the files off.
Nothing here runs a program or touches the network.
"""

import configparser
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

# pip takes several addresses apart at white space; uv wants this between them.
_LISTS = {
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
}
_PLAIN = {"index-url": "UV_DEFAULT_INDEX", "proxy": "ALL_PROXY"}


def config_files(environ: Mapping[str, str], prefix: str) -> list[Path]:
    """Where pip looks, the most particular last: site-wide, the person's, the Python's (`prefix`), the named one."""
    named = environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    home = Path(environ.get("HOME", "/"))
    site_wide = [Path(d) / "pip/pip.conf" for d in reversed(environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")) if d]
    own = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
    files = [*site_wide, Path("/etc/pip.conf"), home / ".pip/pip.conf", own, Path(prefix) / "pip.conf"]
    return [*files, Path(named)] if named else files


def pip_settings(environ: Mapping[str, str], texts: Iterable[str]) -> dict[str, str]:
    """Settings as pip sees them for an install, by their long option (`index-url`); `texts` are the files' contents."""
    parser = configparser.RawConfigParser()
    for text in texts:
        parser.read_string(text)
    told: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            told |= {_option(key): value for key, value in parser.items(section)}
    return told | {_option(key[4:]): value for key, value in environ.items() if key.startswith("PIP_") and value}


def uv_environment(told: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that make uv look where pip would; one that is already in `environ` is not among them."""
    said = {ours: told[key] for key, ours in _PLAIN.items() if told.get(key)}
    said |= {ours: glue.join(told[key].split()) for key, (ours, glue) in _LISTS.items() if told.get(key, "").split()}
    if told.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        said["UV_NO_INDEX"] = "true"
    if told.get("timeout"):
        said["UV_HTTP_TIMEOUT"] = told["timeout"].partition(".")[0]  # whole seconds
    if told.get("cert"):
        said["SSL_CERT_DIR" if Path(told["cert"]).is_dir() else "SSL_CERT_FILE"] = told["cert"]
    if "UV_INDEX" in said:
        # pip weighs all indexes together; uv by itself stops at the first that knows a name, and an index that
        # mirrors a few versions would hide the others.
        said["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {key: value for key, value in said.items() if key not in environ}


def for_uv(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Read pip's files of this machine and translate: the one call that the installer makes."""
    texts = [path.read_text(encoding="utf-8") for path in config_files(environ, prefix) if path.is_file()]
    return uv_environment(pip_settings(environ, texts), environ)


def _option(key: str) -> str:
    """One spelling of an option: `PIP_DEFAULT_TIMEOUT`, `default_timeout` and `timeout` are the same to pip."""
    return key.lower().replace("_", "-").removeprefix("default-")
