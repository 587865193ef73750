"""How few hosts a whole trace needs, against what is proven that it must need.

    hosts               smallest fleet of equal hosts on which nothing is refused
    bound               hosts that are needed at the worst moment, whatever one does (configuration linear programme)
    hosts_to_bound      hosts / bound
    refusals, moves     of the replay on that fleet; `moves_per_1000` of all machines
    host_hours_ratio    host-hours of the hosts in use / those of the scarcer of cores and memory demanded

The smallest fleet is found by halving between the bound and a fleet that is large enough, then by looking `LOOK_BELOW`
fleets further down, because a smaller fleet may by chance do where a larger one does not.
"""

import argparse
import json
import resource
from pathlib import Path
from typing import Any

from cloudhall.domains.compute.placement.engine import Engine
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.report import Watch
from cloudhall.domains.compute.placement.simulate import Replay
from cloudhall.domains.compute.placement.traces import Machines, read_machines

LOOK_BELOW = 6


def replayed(machines: Machines, given: argparse.Namespace, hosts: int) -> Replay:
    """A replay that has not begun."""
    engine = Engine(Fleet.of(given.host, hosts))
    return Replay(engine, machines, profile=given.score, moves=given.moves, in_order=given.in_order)


def refuses(machines: Machines, given: argparse.Namespace, hosts: int) -> bool:
    """Whether a fleet of so many hosts refuses anybody."""
    return any(moment.machine >= 0 for moment in replayed(machines, given, hosts))


def smallest(machines: Machines, given: argparse.Namespace, bound: int) -> int:
    """Fewest hosts that refuse nobody."""
    low, high = bound, bound + bound // 4
    while refuses(machines, given, high):
        low, high = high + 1, 2 * high
    while low < high:
        middle = (low + high) // 2
        if refuses(machines, given, middle):
            low = middle + 1
        else:
            high = middle
    below = [hosts for hosts in range(max(low - LOOK_BELOW, bound), low) if not refuses(machines, given, hosts)]
    return below[0] if below else low


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    machines = read_machines(given.trace)
    bound = int(Watch(replayed(machines, given, 1)).lines.needed.max())
    hosts = smallest(machines, given, bound)
    replay = replayed(machines, given, hosts)
    watch = Watch(replay)
    for moment in replay:
        watch.see(moment)
    report = watch.report()
    return {
        "hosts": hosts,
        "in_order": given.in_order,
        "bound": bound,
        "hosts_to_bound": report["hosts_to_bound"],
        "refusals": report["refused"],
        "moves": report["moves"],
        "moves_per_1000": round(1000 * report["moves"] / report["machines"], 3),
        "host_hours_ratio": report["host_hours_ratio"],
        "state_hash": report["state_hash"],
        "cpu_s": round(resource.getrusage(resource.RUSAGE_SELF).ru_utime, 1),
    }


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", type=Path, required=True, metavar="DIR")
    parser.add_argument("--host", default="48c120g", metavar="SHAPE")
    parser.add_argument("--moves", type=int, default=0, metavar="N", help="at most so many for one refused machine")
    parser.add_argument("--in-order", action="store_true", help="take who comes at once as in the file, not by size")
    parser.add_argument("--score", default="pack", metavar="NAME")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
