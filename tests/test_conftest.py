"""The rules of the test run, tried out in a test run of their own."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

def test_skips(): pytest.skip("no browser here")

@pytest.mark.xfail(reason="known")
def test_known(): raise ValueError
"""
SKIPS_WHOLE = 'import pytest\npytest.skip("no database here", allow_module_level=True)\n'


def run_pytest(folder: Path, module: str, ci: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text("utf-8"), "utf-8")
    (folder / "test_it.py").write_text(module, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"CI": ci}, cwd=folder)


@pytest.mark.parametrize("module", [SKIPS, SKIPS_WHOLE], ids=["test", "module"])
def test_a_skip_fails_in_ci_and_only_there(tmp_path: Path, module: str) -> None:
    at_home = run_pytest(tmp_path, module, ci="")
    in_ci = run_pytest(tmp_path, module, ci="true")
    assert "1 skipped" in at_home.stdout
    assert at_home.returncode in (0, 5)
    assert in_ci.returncode not in (0, 5)
    assert "skipped although CI=true: Skipped: no" in in_ci.stdout
    assert ("1 xfailed" in in_ci.stdout) == (module == SKIPS)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_addresses_outside_are_refused(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as s, pytest.raises(Exception, match="loopback only"):
        s.connect((host, 9))


def test_names_outside_are_not_even_looked_up() -> None:
    with pytest.raises(Exception, match="loopback only"):
        socket.getaddrinfo("example.invalid", 443)


def test_loopback_and_unix_sockets_work(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))
