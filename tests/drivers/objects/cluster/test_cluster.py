"""A cluster of real processes: one store to its clients and to us, closed to everybody else."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudhall.drivers.objects import Key, weed_binary
from cloudhall.drivers.objects.cluster import durability, fleet
from cloudhall.drivers.objects.cluster.driver import SeaweedCluster
from cloudhall.kernel.errors import Conflict, Unavailable
from tests.drivers.objects.cluster.faults import kill
from tests.drivers.objects.cluster.load import client
from tests.drivers.objects.support import ALL, SECRET, alive, bare, identity, refused, until

DOORS = ("/col/delete?collection=closed", "/dir/assign?collection=closed", "/buckets/closed/key", "/buckets/closed/")


def admins(cluster: SeaweedCluster) -> list[Any]:
    """A client a gateway, with our own key."""
    return [client(endpoint, cluster._up.keys.admin) for endpoint in cluster.endpoints]


def owners(cluster: SeaweedCluster, name: str) -> list[Any]:
    """A client a gateway, as a tenant."""
    return [client(endpoint, Key(f"KEY{name}", SECRET)) for endpoint in cluster.endpoints]


def answered(ask: Callable[[Any], Any], about: Any) -> Any:
    """What it answers; None in the moment in which nobody serves."""
    with contextlib.suppress(Unavailable):
        return ask(about)
    return None


@contextlib.contextmanager
def watched(cluster: SeaweedCluster, log: Path) -> Iterator[Callable[[], int]]:
    """Count calls that force bytes to disk, of all volume servers; the count is there once the block ended."""
    states = cluster.steward.states()
    pids = [str(states[part.name].pid) for part in cluster.steward.estate.of("volume")]
    command = ["strace", "-f", "-e", "trace=fsync,fdatasync", "-o", str(log), "-p", ",".join(pids)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr
        for line in tracer.stderr:
            if "attached" in line:
                break
        else:
            pytest.skip("this machine does not let strace attach")
        time.sleep(0.5)
        yield lambda: log.read_text(encoding="utf-8").count("sync(")
        tracer.terminate()


def test_every_part_runs_and_is_seen(cluster: SeaweedCluster) -> None:
    states = cluster.steward.states()
    assert len(states) == 13
    assert all(state.pid and state.resident_bytes > 1 << 20 and state.since_us for state in states.values())
    assert cluster.steward.leader().startswith("master-")
    assert {server.rack for server in cluster.steward.topology().servers} == {"rack-1", "rack-2", "rack-3"}
    assert cluster.steward.health().state == "safe"


def test_either_gateway_serves_what_the_other_took(cluster: SeaweedCluster) -> None:
    cluster.ensure_bucket("shared")
    one, two = admins(cluster)
    for number, (writer, reader) in enumerate(((one, two), (two, one))):
        body = os.urandom(10_000)
        writer.put_object(Bucket="shared", Key=f"key{number}", Body=body)
        assert reader.get_object(Bucket="shared", Key=f"key{number}")["Body"].read() == body


def test_keys_are_valid_and_refused_at_every_gateway(cluster: SeaweedCluster) -> None:
    cluster.ensure_bucket("keys")
    owner = identity("keys-owner", {"keys": ALL})
    for identities, code in (([owner], ""), ([], "InvalidAccessKeyId"), ([owner], "")):
        assert cluster.set_identities(identities).in_step
        assert [refused(s3.list_objects_v2, Bucket="keys") for s3 in owners(cluster, "keys-owner")] == [code] * 2
    cluster.set_identities([])


def test_a_gateway_that_was_down_honours_no_key_that_went_meanwhile(cluster: SeaweedCluster) -> None:
    cluster.ensure_bucket("keys")
    cluster.set_identities([identity("goes", {"keys": ALL})])
    cluster.steward.stop_part("gateway-2")
    began = time.monotonic()
    done = cluster.set_identities([identity("comes", {"keys": ALL})])
    assert done.in_step
    assert time.monotonic() - began < 1
    cluster.steward.start_part("gateway-2")
    assert refused(owners(cluster, "goes")[1].list_objects_v2, Bucket="keys") == "InvalidAccessKeyId"
    assert refused(owners(cluster, "comes")[1].list_objects_v2, Bucket="keys") == ""
    cluster.set_identities([])


def test_usage_is_summed_over_gateways_and_never_falls(cluster: SeaweedCluster) -> None:
    cluster.ensure_bucket("metered")
    for number, s3 in enumerate(admins(cluster)):
        s3.put_object(Bucket="metered", Key=f"key{number}", Body=b"x" * 1_000)
        s3.get_object(Bucket="metered", Key=f"key{number}")["Body"].read()
    before = cluster.counters()
    counted = before.buckets["metered"]
    assert (counted.requests_a, counted.requests_b, counted.received_bytes, counted.sent_bytes) == (2, 2, 2_000, 2_000)
    cluster.steward.stop_part("gateway-2")
    assert cluster.counters().buckets["metered"] == counted
    cluster.steward.start_part("gateway-2")
    admins(cluster)[1].get_object(Bucket="metered", Key="key0")["Body"].read()
    after = cluster.counters()
    assert after.process_start_us == before.process_start_us
    assert (after.buckets["metered"].requests_a, after.buckets["metered"].requests_b) == (2, 3)


def test_a_bucket_that_is_made_again_counts_on_at_every_gateway(cluster: SeaweedCluster) -> None:
    for turn in (1, 2):
        cluster.ensure_bucket("again")
        for s3 in admins(cluster):
            s3.put_object(Bucket="again", Key="key", Body=b"12345")
            s3.delete_object(Bucket="again", Key="key")
        counted = cluster.counters().buckets["again"]
        assert (counted.requests_a, counted.received_bytes) == (4 * turn, 10 * turn)
        cluster.remove_bucket("again")


def test_changes_through_both_gateways_and_filers_come_once(cluster: SeaweedCluster) -> None:
    cluster.ensure_bucket("changes")
    written = 0
    for number in range(30):
        for s3 in admins(cluster):
            written += 1
            s3.put_object(Bucket="changes", Key=f"{number}-{written}", Body=b"x" * written)
    found, cursor, deadline = list[int](), 0, time.monotonic() + 15
    while len(found) < written and time.monotonic() < deadline:
        batch = cluster.changes(cursor)
        cursor = batch.cursor
        found += [change.bytes_delta for change in batch.items if change.bucket == "changes"]
    assert sorted(found) == list(range(1, written + 1))
    assert cluster.stored("changes").bytes == sum(found)


def test_a_filer_that_dies_may_have_lost_changes_and_the_other_serves(cluster: SeaweedCluster) -> None:
    cluster.ensure_bucket("filers")
    before = time.time_ns()
    os.kill(cluster.steward.states()["filer-1"].pid, 9)
    until(lambda: answered(cluster.seen, "filers"))
    until(lambda: (told := answered(cluster.changes, before)) and told.lost)
    until(lambda: fleet.serves(cluster.steward.estate.part("filer-1")))
    admins(cluster)[0].put_object(Bucket="filers", Key="key", Body=b"1")


@pytest.mark.parametrize("role", ["master", "filer"])
def test_no_part_answers_without_our_certificate_or_key(cluster: SeaweedCluster, role: Any) -> None:
    cluster.ensure_bucket("closed")
    admins(cluster)[0].put_object(Bucket="closed", Key="key", Body=b"secret")
    for part in cluster.steward.estate.of(role):
        for path in (
            "/col/delete?collection=closed",
            "/dir/assign?collection=closed",
            "/buckets/closed/key",
            "/buckets/",
        ):
            assert bare("GET", f"http://{part.address}{path}") >= 400
    for part in cluster.steward.estate.of("volume"):
        assert bare("POST", f"http://{part.address}/1,01637037d6", b"forged") >= 400
        assert bare("DELETE", f"http://{part.address}/1,01637037d6") >= 400
    assert admins(cluster)[1].get_object(Bucket="closed", Key="key")["Body"].read() == b"secret"


def test_the_shell_gets_no_answer_without_our_certificate(cluster: SeaweedCluster, tmp_path: Path) -> None:
    masters = ",".join(part.address for part in cluster.steward.estate.of("master"))
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(
            [weed_binary.locate(), "shell", f"-master={masters}"],
            input=b"fs.ls /buckets\n",
            env={"HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            timeout=2,
            check=False,
        )


def test_a_volume_server_is_replaced_without_losing_an_object(cluster: SeaweedCluster) -> None:
    cluster.ensure_bucket("moved")
    bodies = {f"key{number}": os.urandom(20_000) for number in range(20)}
    one, two = admins(cluster)
    for key, body in bodies.items():
        one.put_object(Bucket="moved", Key=key, Body=body)
    old = cluster.steward.estate.of("volume")[0]
    new = cluster.steward.replace(old.name)
    until(lambda: not cluster.steward.missing())
    pid = cluster.steward.states()[old.name].pid
    deadline = time.monotonic() + 30
    while any(part.name == old.name for part in cluster.steward.estate.parts):
        assert time.monotonic() < deadline
        cluster.steward.tend()
    assert not alive(pid)
    assert new.rack == old.rack
    assert cluster.steward.health().state == "safe"
    assert {key: two.get_object(Bucket="moved", Key=key)["Body"].read() for key in bodies} == bodies


def test_only_volume_servers_are_drained(cluster: SeaweedCluster) -> None:
    with pytest.raises(Conflict):
        cluster.steward.drain("master-1")


def test_a_flipped_bit_is_found_never_served_and_mended(cluster: SeaweedCluster) -> None:
    cluster.ensure_bucket("bits")
    body = os.urandom(50_000)
    one, two = admins(cluster)
    one.put_object(Bucket="bits", Key="key", Body=body)
    [broken, *_] = [p for p in cluster._home.glob("volume-*/bits_*.dat") if body[100:200] in p.read_bytes()]
    at = broken.read_bytes().index(body[100:200])
    with broken.open("r+b") as file:
        file.seek(at)
        file.write(bytes([body[100] ^ 1]))
    for s3 in (one, two) * 5:
        assert s3.get_object(Bucket="bits", Key="key")["Body"].read() == body
    found = cluster.steward.scrub()
    assert [server for _, server in found.broken] == [cluster.steward.estate.part(broken.parent.name).address]
    until(lambda: cluster.steward.health().state == "at_risk")
    assert cluster.steward.tend(repair_after_s=0).state == "safe"
    assert cluster.steward.scrub().broken == ()


def test_one_copy_outlives_its_process_and_not_its_server(cluster: SeaweedCluster) -> None:
    cluster.ensure_bucket("single")
    cluster.steward.keep("single", durability.ONE)
    one, two = admins(cluster)
    one.put_object(Bucket="single", Key="key", Body=b"written once")
    [holder] = [p.parent.name for p in cluster._home.glob("volume-*/single_*.dat") if b"written once" in p.read_bytes()]
    os.kill(cluster.steward.states()[holder].pid, 9)
    until(lambda: not refused(one.get_object, Bucket="single", Key="key"))
    until(lambda: cluster.steward.health().state == "safe")
    kill(cluster, holder)
    until(lambda: cluster.steward.health().state == "unreadable")
    assert {risk.bucket for risk in cluster.steward.health().risks if risk.spare < 0} == {"single"}
    cluster.steward.start_part(holder)
    until(lambda: cluster.steward.health().state == "safe")
    assert two.get_object(Bucket="single", Key="key")["Body"].read() == b"written once"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_bytes_are_forced_to_disk_where_that_is_asked_for(cluster: SeaweedCluster, tmp_path: Path) -> None:
    forced = dict[str, int]()
    for scheme in (durability.TWO, durability.TWO_FORCED):
        cluster.ensure_bucket(scheme.name)
        cluster.steward.keep(scheme.name, scheme)
        one, _ = admins(cluster)
        one.put_object(Bucket=scheme.name, Key="first", Body=b"makes its volumes")
        with watched(cluster, tmp_path / scheme.name) as calls:
            for number in range(20):
                one.put_object(Bucket=scheme.name, Key=f"{number}", Body=os.urandom(5_000))
        forced[scheme.name] = calls()
    assert forced["two"] == 0
    assert forced["two-forced"] >= 40  # each of two copies


def test_what_a_scheme_claims_is_shown_by_tests_that_are_there() -> None:
    for scheme in durability.SCHEMES:
        for shown in scheme.shown_by:
            file, _, name = shown.partition("::")
            assert f"def {name}(" in Path(file).read_text(encoding="utf-8")


def test_a_stopped_cluster_leaves_nothing_running_and_goes_on_with_everything(cluster: SeaweedCluster) -> None:
    cluster.ensure_bucket("kept")
    admins(cluster)[0].put_object(Bucket="kept", Key="key", Body=b"kept")
    cluster.set_identities([identity("user", {"kept": ALL})])
    pids = [state.pid for state in cluster.steward.states().values()]
    estate, endpoints = cluster.steward.estate, cluster.endpoints
    began = time.monotonic()
    cluster.stop()
    assert time.monotonic() - began < 25
    assert not any(map(alive, pids))
    assert not cluster.healthy()
    sockets = [f"seaweedfs-*-{part.grpc}.sock" for part in estate.parts]
    assert not [p for pattern in sockets for p in Path("/tmp").glob(pattern)]  # noqa: S108  the engine's own place
    with pytest.raises(Unavailable):
        cluster.seen("kept")
    cluster.start()
    assert (cluster.steward.estate, cluster.endpoints) == (estate, endpoints)
    assert cluster.healthy()
    assert refused(owners(cluster, "user")[0].list_objects_v2, Bucket="kept") == "InvalidAccessKeyId"
    assert admins(cluster)[1].get_object(Bucket="kept", Key="key")["Body"].read() == b"kept"
