"""What the tests need of Debian: installed by root, named to everybody else, never in the way of the run."""

import os
from pathlib import Path

import pytest

import debian_packages


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but a stand-in for apt-get, which writes down what it is asked."""
    apt = tmp_path / "apt-get"
    apt.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit ${{APT_FAILS:-0}}\n')
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian_packages, "DPKG", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_root_installs_only_what_is_missing(bare: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (bare / "rclone").symlink_to(bare / "apt-get")
    debian_packages.main()
    asked = (bare / "asked").read_text().splitlines()
    assert asked == ["-qq update", "-qq install --yes --no-install-recommends chromium strace fonts-noto-cjk"]
    assert capfd.readouterr().out == "Cloudhall: installing Debian's chromium strace fonts-noto-cjk for the tests\n"


def test_with_everything_there_nothing_is_asked_or_said(bare: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("chromium", "rclone", "strace"):
        (bare / name).symlink_to(bare / "apt-get")
    (bare / "fonts-noto-cjk.list").touch()
    debian_packages.main()
    assert not (bare / "asked").exists()
    assert capfd.readouterr() == ("", "")


def test_others_are_told_the_command(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    debian_packages.main()
    assert not (bare / "asked").exists()
    assert "sudo apt-get install chromium rclone strace fonts-noto-cjk" in capfd.readouterr().out


def test_a_failing_apt_does_not_fail_the_run(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APT_FAILS", "100")
    debian_packages.main()
    assert (bare / "asked").read_text() == "-qq update\n"
    assert "apt-get update failed" in capfd.readouterr().err
