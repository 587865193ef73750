"""What is remembered between two commands."""

import stat
from pathlib import Path

import pytest

from cloudhall.sdk import config
from cloudhall.sdk.config import Remembered
from cloudhall.sdk.errors import Misuse

ONE, OTHER = "http://127.0.0.1:1", "https://cloud.example.cn"


def test_nothing_is_known_at_first() -> None:
    assert config.settings() == config.Settings("http://127.0.0.1:8800", "", "", "")


def test_only_the_owner_can_read_the_log_in(tmp_path: Path) -> None:
    config.remember(ONE, {"token": "chs_1"})
    file = tmp_path / "config/cloudhall/config.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [p.name for p in file.parent.iterdir()] == ["config.json"]


def test_a_file_that_others_could_read_is_closed_with_the_next_change(tmp_path: Path) -> None:
    config.remember(ONE, {"token": "chs_1"})
    file = tmp_path / "config/cloudhall/config.json"
    file.chmod(0o644)
    config.remember(ONE, {"project": "census"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_log_in_stays_with_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    config.remember(ONE, {"token": "chs_1", "project": "census"})
    config.remember(OTHER, {"token": "chs_2"})
    assert config.settings() == config.Settings(OTHER, "chs_2", "", "")
    monkeypatch.setenv("CLOUDHALL_URL", ONE + "/")
    assert config.settings() == config.Settings(ONE, "chs_1", "census", "")
    monkeypatch.setenv("CLOUDHALL_URL", "http://127.0.0.1:2")
    assert config.settings().token == ""


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    config.remember(ONE, {"token": "chs_1", "project": "census", "organisation": "bureau"})
    for name in ("TOKEN", "PROJECT", "ORGANISATION"):
        monkeypatch.setenv(f"CLOUDHALL_{name}", name.lower())
    assert config.settings() == config.Settings(ONE, "token", "project", "organisation")


def test_a_port_means_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    config.remember(OTHER, {})
    monkeypatch.setenv("CLOUDHALL_PORT", "8801")
    assert config.settings().url == "http://127.0.0.1:8801"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"current": "x"}'])
def test_a_broken_file_says_nothing(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config/cloudhall/config.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    assert config.settings().url == "http://127.0.0.1:8800"
    config.remember(ONE, Remembered(person="dev"))
    assert config.stored()["servers"] == {ONE: {"person": "dev"}}


PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


def test_whom_to_trust_is_remembered_for_each_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.remember(OTHER, {"ca": PEM})
    assert (config.trusted(OTHER), config.trusted(ONE)) == (PEM, "")
    (tmp_path / "root.pem").write_text(PEM + PEM)
    monkeypatch.setenv("CLOUDHALL_CA", str(tmp_path / "root.pem"))
    assert config.trusted(OTHER) == config.trusted(ONE) == PEM + PEM


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"-----BEGIN PRIVATE KEY-----"])
def test_a_file_without_certificates_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "root.pem").write_bytes(content)
    with pytest.raises(Misuse):
        config.certificates(tmp_path / "root.pem")
