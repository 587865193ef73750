"""What an operator wants to know of a replay, watched while it runs: one object of plain figures, and lines over time.

Used hosts are those with a machine on them. Host-hours are compared with the volume bound: at each moment no fewer
hosts than the scarcer of cores and memory demands can be switched on. Stranded is what is free on used hosts and could
not be used by any combination of the trace's flavours.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cloudhall.domains.compute.placement import bounds
from cloudhall.domains.compute.placement import columns as at
from cloudhall.domains.compute.placement.bounds import Floats
from cloudhall.domains.compute.placement.chart import Chart, Line
from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.simulate import NOBODY, Moment, Replay, flavours
from cloudhall.kernel.text import T

SAMPLES = 240
"""How often what is stranded is looked at: each time costs a pass over the hosts."""
HOUR_S = 3600
REFUSALS_TOLD = 20


class Usable:
    """How much of what a host has free the flavours could still use, by a table over (cores, memory)."""

    def __init__(self, sizes: Ints, host_cpu_milli: int, host_memory_mib: int) -> None:
        """`sizes` are the rows of `simulate.flavours`."""
        self.grid = bounds.grid_of(sizes[:, 0], sizes[:, 1], host_cpu_milli, host_memory_mib)
        self.cpu = bounds.fillings(self.grid, self.grid.cpu)
        self.mem = bounds.fillings(self.grid, self.grid.mem)

    def stranded(self, cpu_milli: Ints, memory_mib: Ints) -> tuple[int, int]:
        """Cores in thousandths and MiB that are of no use, of hosts with so much free."""
        cell = cpu_milli // self.grid.cpu_unit, memory_mib // self.grid.mem_unit
        cpu = cpu_milli - self.cpu[cell] * self.grid.cpu_unit
        mem = memory_mib - self.mem[cell] * self.grid.mem_unit
        return int(np.maximum(cpu, 0).sum()), int(np.maximum(mem, 0).sum())


@dataclass
class Lines:
    """Over time, one entry a moment; what is stranded, in thousandths of the used hosts, at `SAMPLES` of them."""

    at_s: list[int] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    sampled_s: list[int] = field(default_factory=list)
    stranded_cpu: list[int] = field(default_factory=list)
    stranded_mem: list[int] = field(default_factory=list)
    needed: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


class Watch:
    """Looks at a replay after each moment, and sums up at its end."""

    def __init__(self, replay: Replay) -> None:
        """The hosts of the fleet must be equal: bound and stranding are told of one shape."""
        self.replay, self.lines = replay, Lines()
        capacity = replay.engine.fleet.capacity[0]
        self.host_cpu_milli, self.host_memory_mib = int(capacity[at.CPU]), int(capacity[at.MEM])
        self.sizes, self.which = flavours(replay.machines)
        self.usable = Usable(self.sizes, self.host_cpu_milli, self.host_memory_mib)
        self._every_s = max(int(replay.timeline.at_s[-1]) // SAMPLES, 1)
        self.lines.needed = bounds.bound(self.usable.grid, self.demand)

    @property
    def demand(self) -> bounds.Demand:
        """What the trace asks for over time, whether or not it was placed."""
        stream = self.replay.timeline.stream
        delta = np.where(stream.class_ >= 0, 1, -1)
        return bounds.Demand(self.which[stream.machine], delta, self.replay.timeline.first[1:])

    def see(self, moment: Moment) -> None:
        """Take down how it stands; a moment in which somebody was refused is not over yet."""
        if moment.machine != NOBODY:
            return
        hosts, lines = self.replay.engine.state.books.hosts, self.lines
        used = hosts[:, at.GUESTS] > 0
        lines.at_s.append(moment.at_s)
        lines.used.append(int(np.count_nonzero(used)))
        if not lines.sampled_s or moment.at_s >= lines.sampled_s[-1] + self._every_s:
            cpu, mem = self.usable.stranded(hosts[used, at.CPU], hosts[used, at.MEM])
            count = max(lines.used[-1], 1)
            lines.sampled_s.append(moment.at_s)
            lines.stranded_cpu.append(1000 * cpu // (self.host_cpu_milli * count))
            lines.stranded_mem.append(1000 * mem // (self.host_memory_mib * count))

    def report(self) -> dict[str, Any]:
        """All figures, as JSON will hold them."""
        replay, lines = self.replay, self.lines
        used, needed = np.array(lines.used), lines.needed
        peak, bound = int(used.max(initial=0)), int(needed.max(initial=0))
        spans_s = np.diff(lines.at_s)
        host_s, volume_s = float(used[:-1] @ spans_s), float(self._volume()[:-1] @ spans_s)
        return {
            "machines": len(replay.ids),
            "hosts": len(replay.engine.fleet),
            "refused": len(replay.refused),
            "first_refused": [self._told(machine) for machine in replay.refused[:REFUSALS_TOLD]],
            "moves": replay.moves,
            "moved_mib": replay.moved_mib,
            "restarted": replay.restarted,
            "lost": replay.lost,
            "hosts_used": peak,
            "hosts_bound": bound,
            "hosts_used_to_bound": round(peak / max(bound, 1), 4),
            "hosts_to_bound": round(len(replay.engine.fleet) / max(bound, 1), 4),
            "bound_at_s": lines.at_s[int(needed.argmax())],
            "host_hours": round(host_s / HOUR_S, 1),
            "host_hours_bound": round(volume_s / HOUR_S, 1),
            "host_hours_ratio": round(host_s / max(volume_s, 1e-9), 4),
            "stranded_cpu_pct": _percent(lines.stranded_cpu),
            "stranded_memory_pct": _percent(lines.stranded_mem),
            "state_hash": replay.engine.state_hash(),
        }

    def _volume(self) -> Floats:
        """Hosts' worth of the scarcer of cores and memory, after each moment."""
        cpu = self.demand.after(self.sizes[:, 0]) / self.host_cpu_milli
        mem = self.demand.after(self.sizes[:, 1]) / self.host_memory_mib
        volume: Floats = np.maximum(cpu, mem)
        return volume

    def _told(self, machine: int) -> dict[str, int]:
        machines = self.replay.machines
        return {
            "machine": machine,
            "at_s": int(machines.arrival_s[machine]),
            "cpu_milli": int(machines.cpu_milli[machine]),
            "memory_mib": int(machines.memory_mib[machine]),
        }


def _percent(thousandths: list[int]) -> dict[str, float]:
    """Mean over the samples, and the last of them."""
    mean = sum(thousandths) / max(len(thousandths), 1)
    return {"mean": round(mean / 10, 2), "end": thousandths[-1] / 10 if thousandths else 0.0}


USED, NEEDED = T("使用中的主机", "Hosts in use"), T("可证明的下界", "Proven lower bound")
STRANDED_CPU, STRANDED_MEM = T("滞留的核", "Stranded cores"), T("滞留的内存", "Stranded memory")
FIGURES = {
    "machines": T("虚拟机", "Machines"),
    "hosts": T("主机", "Hosts"),
    "refused": T("被拒", "Refused"),
    "moves": T("迁移次数", "Moves"),
    "moved_mib": T("迁移内存（MiB）", "Memory moved (MiB)"),
    "restarted": T("故障后另行启动", "Restarted after a failure"),
    "lost": T("故障后无处可去", "Lost to a failure"),
    "hosts_used": T("最多同时使用的主机", "Hosts used at once"),
    "hosts_bound": T("所需主机的可证明下界", "Proven least hosts"),
    "hosts_used_to_bound": T("使用 / 下界", "Used / bound"),
    "host_hours": T("主机时", "Host-hours"),
    "host_hours_ratio": T("主机时 / 总量下界", "Host-hours / volume bound"),
    "stranded_cpu_pct": T("滞留的核（%，平均）", "Stranded cores (%, mean)"),
    "stranded_memory_pct": T("滞留的内存（%，平均）", "Stranded memory (%, mean)"),
    "state_hash": T("状态哈希", "State hash"),
}


def figures(report: dict[str, Any]) -> list[tuple[T, str]]:
    """Figures of a report for people, in order."""
    return [(title, _shown(report[name])) for name, title in FIGURES.items()]


def charts(lines: Lines) -> list[Chart]:
    """Hosts in use over the bound, and what is stranded."""
    percent = T("用不上的份额（占使用中主机的 %）", "Of no use to anybody (% of the hosts in use)")
    cpu, mem = ([value / 10 for value in column] for column in (lines.stranded_cpu, lines.stranded_mem))
    return [
        Chart(T("主机", "Hosts"), lines.at_s, [Line(USED, lines.used), Line(NEEDED, lines.needed.tolist())]),
        Chart(percent, lines.sampled_s, [Line(STRANDED_MEM, mem), Line(STRANDED_CPU, cpu)]),
    ]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        value = value["mean"]
    return f"{value:,}" if isinstance(value, int | float) else str(value)
