"""A storage cluster on this machine while parts of it die: what it costs, what clients see, what is lost.

Three masters, two filers on PostgreSQL, two gateways, and the volume servers that `--volumes` says on three racks; each
is a process of its own. Writers and readers go on all the time and remember the MD5 of every object that they were told
is written. A volume server is killed, then the leading master, each `--rounds` times; what is missing is copied by our
controller. With 15 volume servers a bucket is then encoded 10+4, and four of the fourteen that hold its shards are
killed one after another.
Its last line is one JSON object:

    start_s stop_s resident_mib     of all parts; `processes` says how many
    put_p50_ms put_p99_ms get_…     under the load of the faults, 1 to 200 kB; this is no throughput figure, and a new
                                    leader takes no writes for 15 s: the 99th percentile of so short a run
    acknowledged lost               objects that were told to be written, and of those how many differ or are missing
    volume_put_longest_s leader_get_longest_s …
                                    longest wait for an answer after a volume server or the leading master was killed
    failed                          requests that failed, of `requests`; a client waits 30 s
    repair_s                        from the order until every volume has its copies again
    encode_s read_s rebuild_s       10+4: encoding, reading everything with four holders dead, computing shards anew
"""

import argparse
import collections
import json
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from cloudhall.drivers.objects.cluster.driver import SeaweedCluster
from cloudhall.drivers.objects.cluster.parts import Shape
from tests.drivers.objects.cluster.faults import at_risk, busiest, kill, tenant, writes_go_on
from tests.drivers.objects.cluster.load import Load
from tests.drivers.objects.support import until
from tests.kit.postgres import running

PATIENCE_S = 30.0
EQUAL = 15
"""Volume servers: with racks of equal size each of the 14 shards gets a server of its own."""


def timed(began_s: float) -> float:
    """Seconds since, to the hundredth."""
    return round(time.monotonic() - began_s, 2)


def milliseconds(load: Load, kind: str) -> dict[str, float]:
    """Median and 99th percentile of one kind of request that was answered well."""
    took = [(a.answered_s - a.sent_s) * 1_000 for a in load.asked if a.ok and a.kind == kind]
    at = statistics.quantiles(took, n=100)
    return {f"{kind}_p50_ms": round(at[49], 1), f"{kind}_p99_ms": round(at[98], 1)}


def faults(cluster: SeaweedCluster, rounds: int) -> dict[str, object]:
    """Kill a volume server and the leading master again and again under load."""
    load = tenant(cluster, "load")
    waited = collections.defaultdict[str, list[float]](list)
    repairs = list[float]()
    with load.running():
        for _ in range(rounds):
            writes_go_on(load, PATIENCE_S)
            for kind, victim in (("volume", busiest(cluster)), ("leader", cluster.steward.leader())):
                killed_s = kill(cluster, victim)
                time.sleep(1)
                writes_go_on(load, PATIENCE_S)
                waited[f"{kind}_put_longest_s"].append(load.longest_s("put", killed_s))
                waited[f"{kind}_get_longest_s"].append(load.longest_s("get", killed_s))
            began_s = time.monotonic()
            until(lambda: cluster.steward.tend(repair_after_s=0).state == "safe", seconds=PATIENCE_S)
            repairs.append(timed(began_s))
            for part in cluster.steward.estate.parts:
                cluster.steward.start_part(part.name)
            until(lambda: not cluster.steward.missing(), seconds=PATIENCE_S)
    return {
        "acknowledged": len(load.written),
        "lost": len(load.lost()),
        "requests": len(load.asked),
        "failed": load.failed("put") + load.failed("get"),
        **{name: round(max(times), 2) for name, times in waited.items()},
        "repair_s": max(repairs),
        **milliseconds(load, "put"),
        **milliseconds(load, "get"),
    }


def cold(cluster: SeaweedCluster) -> dict[str, object]:
    """Encode a bucket, and kill four of the fourteen that hold its shards."""
    load = tenant(cluster, "cold")
    with load.running():
        writes_go_on(load, PATIENCE_S)
        time.sleep(10)
    began_s = time.monotonic()
    cluster.steward.encode("cold")
    encode_s, lost = timed(began_s), list[str]()
    for _ in range(4):
        kill(cluster, busiest(cluster))
        began_s = time.monotonic()
        lost += load.lost()
    read_s, began_s = timed(began_s), time.monotonic()
    until(lambda: not at_risk(cluster.steward.tend(repair_after_s=0), "cold"), seconds=PATIENCE_S)
    return {
        "cold_objects": len(load.written),
        "cold_lost": len(lost),
        "encode_s": encode_s,
        "read_s": read_s,
        "rebuild_s": timed(began_s),
    }


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--volumes", type=int, default=EQUAL)
    options = parser.parse_args(list(arguments) if arguments is not None else None)
    with running() as postgres, tempfile.TemporaryDirectory() as root:
        if postgres is None:
            raise SystemExit("no PostgreSQL: see bench/README.md")
        database, shape = postgres.url(postgres.make()), Shape(volumes=options.volumes)
        cluster = SeaweedCluster(Path(root) / "cluster", database=database, shape=shape)
        began_s = time.monotonic()
        cluster.start()
        figures: dict[str, object] = {"start_s": timed(began_s)}
        try:
            states = cluster.steward.states().values()
            figures |= {"processes": len(states), "resident_mib": sum(s.resident_bytes for s in states) >> 20}
            figures |= faults(cluster, options.rounds)
            if options.volumes >= EQUAL:
                figures |= cold(cluster)
        finally:
            began_s = time.monotonic()
            cluster.stop()
        print(json.dumps(figures | {"stop_s": timed(began_s)}))


if __name__ == "__main__":
    main()
