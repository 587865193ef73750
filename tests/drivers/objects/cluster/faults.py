"""What is done to a cluster under load, for the tests and for `bench/run storage-cluster`."""

import os
import signal
import time

from cloudhall.drivers.objects import Key
from cloudhall.drivers.objects.cluster.driver import SeaweedCluster
from cloudhall.drivers.objects.cluster.health import Health, Risk
from tests.drivers.objects.cluster.load import Load
from tests.drivers.objects.support import ALL, SECRET, identity, until


def tenant(cluster: SeaweedCluster, bucket: str, seed: int = 1) -> Load:
    """Clients of a new bucket, whose key is the only one that is valid."""
    cluster.ensure_bucket(bucket)
    assert cluster.set_identities([identity(bucket, {bucket: ALL})]).in_step
    return Load(cluster.endpoints, Key(f"KEY{bucket}", SECRET), bucket, seed)


def kill(cluster: SeaweedCluster, name: str) -> float:
    """Kill a part as a machine that loses power would take it away: it stays down. Answers when."""
    pid = cluster.steward.states()[name].pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    killed_s = time.monotonic()
    cluster.steward.stop_part(name)
    return killed_s


def leave(cluster: SeaweedCluster) -> None:
    """Kill all parts, which is sooner than to stop them in order."""
    for name in cluster.steward.states():
        if cluster.steward.states()[name].pid:
            kill(cluster, name)
    cluster.stop()


def busiest(cluster: SeaweedCluster) -> str:
    """The running volume server with the most volumes and shards."""
    at = {part.address: part.name for part in cluster.steward.estate.of("volume")}
    return at[max(cluster.steward.topology().servers, key=lambda s: (s.volumes + s.shards, s.address)).address]


def at_risk(health: Health, bucket: str) -> list[Risk]:
    """Volumes of one bucket that have less than they should; others may have lost both copies with the four."""
    return [risk for risk in health.risks if risk.bucket == bucket]


def writes_go_on(load: Load, patience_s: float) -> None:
    """Wait until more is written than now."""
    before = len(load.written)
    until(lambda: len(load.written) > before + 20, seconds=patience_s)
