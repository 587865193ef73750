"""What share of the graphics processors of a real cluster is in use once more tasks came than fit.

    allocated_pct       mean over the seeds of the thousandths allocated, of all there are
    allocated_pct_min   the worst seed; `allocated_pct_max` the best
    run_cpu_s           CPU time of the slowest run: placing alone, without compiling
    peers               published means of ten seeds of the same protocol, for the lists that have some

Tasks are drawn with replacement until they ask for `--inflate` times the processors there are, and placed in that
order; who does not fit is dropped, nobody leaves. The expected mix is the list itself, its most frequent types. Ties
go to the lowest host in the order of the list of nodes; on a host, to the fullest processor that suffices, then to the
lowest.
"""

import argparse
import json
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.engine import Engine, Stream
from cloudhall.domains.compute.placement.fleet import Fleet
from cloudhall.domains.compute.placement.labels import Labels
from cloudhall.domains.compute.placement.request import Request
from cloudhall.domains.compute.placement.traces import Nodes, Tasks, read_nodes, read_tasks

NODES = "openb_node_list_gpu_node.csv"
TASKS = "openb_pod_list_{}.csv"
PUBLISHED = {
    "default": {"random": 87.47, "dot product": 90.85, "packing": 92.00, "best fit": 93.08, "FGD": 95.39},
    "gpuspec10": {"random": 87.43, "dot product": 90.39, "packing": 92.46, "best fit": 93.30, "FGD": 94.95},
}


def fleet_of(nodes: Nodes) -> Fleet:
    """One host a node, its model as a label."""
    labels = Labels(f"gpu={model}" for model in nodes.models)
    bits = np.array([labels.bits([f"gpu={model}"]) for model in nodes.models] + [0], np.int64)
    return Fleet.from_arrays(
        cpu_milli=nodes.cpu_milli,
        memory_mib=nodes.memory_mib,
        gpus=nodes.gpus,
        labels=labels,
        label_bits=bits[nodes.model],
    )


def requests_of(tasks: Tasks, models: tuple[str, ...], profile: str) -> list[Request]:
    """What each task asks for; of the models it allows, those that the cluster has."""
    specs = [tuple(model for model in dict.fromkeys(spec) if model in models) for spec in tasks.specs]
    columns = (tasks.cpu_milli, tasks.memory_mib, tasks.gpus, tasks.gpu_milli, tasks.spec)
    return [
        Request(
            cpu_milli=cpu,
            memory_mib=memory,
            gpus=gpus,
            gpu_milli=milli if gpus else 1000,
            gpu_models=specs[spec] if gpus else (),
            profile=profile,
        )
        for cpu, memory, gpus, milli, spec in zip(*(column.tolist() for column in columns), strict=True)
    ]


def drawn(tasks: Tasks, wanted_milli: int, seed: int) -> Ints:
    """Tasks with replacement until they ask for so much."""
    chance = np.random.default_rng(seed)
    asked = tasks.gpus * tasks.gpu_milli
    order = chance.integers(0, len(asked), 2 * int(wanted_milli / max(float(asked.mean()), 1.0)))
    return order[: int(np.searchsorted(asked[order].cumsum(), wanted_milli)) + 1]


def one_run(nodes: Nodes, tasks: Tasks, given: argparse.Namespace, seed: int) -> tuple[float, float]:
    """Per cent allocated, and CPU seconds of placing."""
    engine = Engine(fleet_of(nodes), compiled=True)
    requests = requests_of(tasks, nodes.models, given.score)
    engine.expect(Counter(requests).most_common(given.types))
    order = drawn(tasks, int(given.inflate * 1000 * nodes.gpus.sum()), seed)
    numbers = np.arange(len(order), dtype=np.int32)
    classes = np.array([engine.class_of(requests[task]) for task in order], np.int32)
    ids = np.full(len(order), -1, np.int64)
    began = time.process_time()
    engine.run(Stream(classes, numbers, np.full(len(order), -1, np.int32)), ids)
    took_s = time.process_time() - began
    taken = order[ids >= 0]
    return 100 * float((tasks.gpus * tasks.gpu_milli)[taken].sum() / (1000 * nodes.gpus.sum())), took_s


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """All seeds; the first run is done twice, since it compiles."""
    nodes, tasks = read_nodes(given.trace / NODES), read_tasks(given.trace / TASKS.format(given.list))
    one_run(nodes, tasks, given, 0)
    shares, times = zip(*(one_run(nodes, tasks, given, seed) for seed in range(given.seeds)), strict=True)
    return {
        "list": given.list,
        "allocated_pct": round(statistics.mean(shares), 2),
        "allocated_pct_min": round(min(shares), 2),
        "allocated_pct_max": round(max(shares), 2),
        "run_cpu_s": round(max(times), 2),
        "seeds": given.seeds,
        "types": given.types,
        "peers": PUBLISHED.get(given.list, {}),
    }


def main() -> None:
    """Print the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", type=Path, required=True, metavar="DIR")
    parser.add_argument("--list", default="default", metavar="NAME", help="of openb_pod_list_NAME.csv")
    parser.add_argument("--inflate", type=float, default=1.3, metavar="FACTOR")
    parser.add_argument("--seeds", type=int, default=10, metavar="N")
    parser.add_argument("--score", default="gpu", metavar="PROFILE")
    parser.add_argument("--types", type=int, default=1_000, metavar="N", help="of the mix: the most frequent ones")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
