"""Parts of a cluster die under load: nothing acknowledged is lost, reads go on, and it is mended without a hand.

`CLOUDHALL_CAMPAIGN=whole` does it twenty times at moments drawn from CLOUDHALL_SEED, and kills four of fourteen shard
holders as well. What a single death costs is in `test_cluster`.
"""

import os
import random
import time
from pathlib import Path

import pytest

from cloudhall.drivers.objects.cluster.driver import SeaweedCluster
from cloudhall.drivers.objects.cluster.parts import Shape
from tests.drivers.objects.cluster.faults import at_risk, busiest, kill, leave, tenant, writes_go_on
from tests.drivers.objects.support import until
from tests.kit.postgres import Server

WHOLE = os.environ.get("CLOUDHALL_CAMPAIGN") == "whole"
SEED = int(os.environ.get("CLOUDHALL_SEED", "1"))
PATIENCE_S = 5.0
"""Longest that a client may wait for an answer when a part dies that is not the leading master."""
LEADERLESS_S = 25.0
"""A new leader takes no writes until it has heard three heartbeats, 15 s, in SeaweedFS 4.48; reads need none. Writes
that are on their way when the old one dies may be refused; a client that tries again gets through."""


if WHOLE:  # processes by the dozen, and minutes

    @pytest.mark.parametrize("round_number", range(20))
    def test_nothing_acknowledged_is_lost(cluster: SeaweedCluster, round_number: int) -> None:
        drawn = random.Random(f"{SEED}-{round_number}")  # noqa: S311  moments, not secrets
        load = tenant(cluster, f"load-{round_number}", SEED + round_number)
        with load.running():
            writes_go_on(load, 15)
            time.sleep(drawn.random())
            volume = busiest(cluster)
            killed_s = kill(cluster, volume)
            time.sleep(1 + drawn.random())
            writes_go_on(load, 15)
            assert max(load.longest_s("put", killed_s), load.longest_s("get", killed_s)) <= PATIENCE_S
            killed_s = kill(cluster, cluster.steward.leader())
            time.sleep(drawn.random())
            writes_go_on(load, LEADERLESS_S)
            assert load.longest_s("get", killed_s) <= PATIENCE_S
            assert load.errors_s(killed_s) <= PATIENCE_S
            assert cluster.steward.health().state == "at_risk"
            health = cluster.steward.tend(repair_after_s=0)
            assert (health.state, list(health.silent)) == ("safe", [cluster.steward.estate.part(volume).address])
            writes_go_on(load, 15)
        assert load.lost() == []
        assert load.failed("get") == 0
        for part in cluster.steward.estate.parts:
            cluster.steward.start_part(part.name)
        until(lambda: not cluster.steward.missing(), seconds=15)

    def test_four_of_fourteen_shard_holders_may_die(tmp_path: Path, postgres: Server) -> None:
        database = postgres.make()
        cluster = SeaweedCluster(tmp_path / "cluster", database=postgres.url(database), shape=Shape(volumes=15))
        cluster.start()
        try:
            cold = tenant(cluster, "cold", SEED)
            with cold.running():
                writes_go_on(cold, 15)
                time.sleep(5)
            cluster.steward.encode("cold")
            coded = [volume for volume in cluster.steward.topology().coded if volume.bucket == "cold"]
            assert coded
            assert all(len({s for servers in v.shards.values() for s in servers}) == 14 for v in coded)
            for _ in range(4):
                kill(cluster, busiest(cluster))
                assert cold.lost() == []
            assert min(risk.spare for risk in at_risk(cluster.steward.health(), "cold")) == 0
            assert at_risk(cluster.steward.tend(repair_after_s=0), "cold") == []
            kill(cluster, busiest(cluster))
            assert cold.lost() == []
        finally:
            leave(cluster)
            postgres.drop(database)
