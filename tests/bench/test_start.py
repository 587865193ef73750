"""`bench/start.py` before stand-ins for `make run`: late, lying and lingering programs are seen for what they are."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import start

SERVER = """
import os, signal, subprocess, sys, time
engine = subprocess.Popen(["sleep", "60"], start_new_session=True)
signal.signal(signal.SIGINT, lambda *_: (time.sleep({linger}), engine.kill(), engine.wait(), sys.exit(0)))
time.sleep({late})
print("Cloudhall is at http://127.0.0.1:" + os.environ["CLOUDHALL_PORT"], flush=True)
time.sleep(60)
"""


def clone_with(folder: Path, server: str) -> Path:
    clone = folder / "clone"
    clone.mkdir()
    (clone / "server.py").write_text(server)
    (clone / "Makefile").write_text(f"run:\n\t@echo installing\n\t@exec {sys.executable} server.py cloudhall run\n")
    return clone


def test_start_stop_and_weight_are_seen_from_outside(tmp_path: Path) -> None:
    clone = clone_with(tmp_path, SERVER.format(late=0.5, linger=0.3))
    running = start.Running(clone, tmp_path / "home", start.free_port())
    family = [running.make.pid, *start.descendants(running.make.pid)]
    server_mib, engines_mib = running.rss_mib()
    stop_s = running.stop()
    assert 0.5 < running.start_s < 10
    assert 0.3 < stop_s < 10
    assert len(family) == 3
    assert not any(map(start.alive, family))
    assert server_mib > 3
    assert list(engines_mib) == ["sleep"]
    assert 0 < engines_mib["sleep"] < server_mib


def test_a_program_that_ends_early_is_told_with_its_words(tmp_path: Path) -> None:
    clone = clone_with(tmp_path, "raise SystemExit('port taken')")
    with pytest.raises(SystemExit, match=r"no line that begins(.|\n)*port taken"):
        start.Running(clone, tmp_path / "home", start.free_port())


def test_an_engine_left_behind_is_found_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "STOP_LIMIT_S", 1)
    clone = clone_with(tmp_path, SERVER.format(late=0, linger=0).replace("engine.kill(), engine.wait(), ", ""))
    running = start.Running(clone, tmp_path / "home", start.free_port())
    engine = next(pid for pid in start.descendants(running.make.pid) if start.command(pid).startswith("sleep"))
    with pytest.raises(SystemExit, match="sleep 60"):
        running.stop()
    os.kill(engine, 9)


def test_cpu_time_is_the_child_s_own() -> None:
    began = time.monotonic()
    busy = start.cpu_ms(sys.executable, "-c", "import time\nwhile time.process_time() < 0.1: pass", runs=1)
    idle = start.cpu_ms("sleep", "0.2", runs=1)
    assert 100 <= busy < (time.monotonic() - began) * 1000
    assert idle < 50


def test_the_script_says_what_it_measures() -> None:
    command = [sys.executable, start.__file__, "--help"]
    assert "first_start_s" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
