"""Files of a log and a snapshot as a crash or a bad disk leaves them."""

from pathlib import Path

import numpy as np
import pytest

from cloudhall.domains.compute.placement import snapshot
from cloudhall.domains.compute.placement.engine import Decision, Engine
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.grow import join
from cloudhall.domains.compute.placement.log import Log, replay
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.shards import Scheduler
from cloudhall.kernel.errors import Conflict, Invalid

SMALL = Request(cpu_milli=1_000, memory_mib=64)


def new() -> Engine:
    return Engine(Fleet.of("64c256g", 6), compiled=False)


@pytest.fixture
def logged(tmp_path: Path) -> tuple[Path, str]:
    engine, path = new(), tmp_path / "log"
    log = Log(engine, path)
    engine.place(SMALL)
    log.flush()
    first = engine.state_hash()
    engine.place(SMALL)
    log.close()
    return path, first


def test_a_torn_tail_is_dropped(logged: tuple[Path, str]) -> None:
    path, first = logged
    path.write_bytes(path.read_bytes()[:-3])
    engine = new()
    assert replay(engine, path) == 1
    assert engine.state_hash() == first


def test_a_log_goes_on_behind_a_torn_tail(logged: tuple[Path, str]) -> None:
    path, first = logged
    path.write_bytes(path.read_bytes()[:-1])
    engine = new()
    replay(engine, path)
    assert engine.state_hash() == first
    log = Log(engine, path)
    engine.place(SMALL)
    log.close()
    again = new()
    assert replay(again, path) == 2
    assert again.state_hash() == engine.state_hash()


def test_damage_further_up_is_an_error(logged: tuple[Path, str]) -> None:
    path, _ = logged
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(Invalid, match="byte 0"):
        replay(new(), path)


def test_a_log_on_another_state_is_refused(logged: tuple[Path, str]) -> None:
    engine = new()
    engine.place(SMALL)
    with pytest.raises(Conflict):
        replay(engine, logged[0])


def test_hosts_do_not_join_while_decisions_are_logged(tmp_path: Path) -> None:
    engine = new()
    log = Log(engine, tmp_path / "log")
    with pytest.raises(Conflict):
        join(engine, ["new"], like=0)
    log.close()


@pytest.mark.parametrize("kept", [0, 10, -40])
def test_a_damaged_snapshot_is_refused(tmp_path: Path, kept: int) -> None:
    snapshot.save(new(), tmp_path / "state.npz")
    (tmp_path / "state.npz").write_bytes((tmp_path / "state.npz").read_bytes()[:kept])
    with pytest.raises(Invalid):
        snapshot.load(tmp_path / "state.npz")


def test_rows_alone_lead_to_the_same_state() -> None:
    engine = new()
    ids = [answer.id for answer in (engine.place(SMALL) for _ in range(90)) if isinstance(answer, Decision)]
    for id in ids[::4]:
        engine.free(id)
    found = [engine.allocation(id) for n, id in enumerate(ids) if n % 4]
    again = new()
    word = again.class_of(SMALL)
    snapshot.rebuild(again, np.array([(a.id, a.host, word, a.group) for a in found], np.int64))
    assert again.state_hash() == engine.state_hash()
    assert [a.host for a in map(again.allocation, (f.id for f in found))] == [f.host for f in found]
    assert again.free(found[0].id) == found[0].host


def test_schedulers_with_shards_do_not_collide_and_a_stale_view_does() -> None:
    cell = Engine(Fleet.of("4c8g", 80, rack_hosts=10), compiled=False)
    for count, conflicts in ((4, 0), (1, 12)):
        schedulers = [Scheduler(cell, number if count > 1 else 0, count) for number in range(4)]
        decided = [(s, s.decide([SMALL] * 4)) for s in schedulers]
        left = [s.commit([SMALL] * 4, hosts) for s, hosts in decided]
        assert sum(map(len, left)) == sum(s.conflicts for s in schedulers) == conflicts
        schedulers[3].renew()
        again = schedulers[3].decide(left[3])
        assert not schedulers[3].commit(left[3], again)
    assert sum(len(cell.guests(host)) for host in range(80)) == 16 + 4 + 4
