"""Every figure of a plan as a line: title, value, unit, formula. Pure.

Names in formulas are those of assumptions and of other lines; n is the number of parts of a volume, k of its data
parts, m of its parity parts. What ends in `_cell` is of one cell.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from cloudhall.domains.storage.plan.durability import FORMULAS, TITLES
from cloudhall.domains.storage.plan.sizing import MB
from cloudhall.kernel.text import T

if TYPE_CHECKING:
    from cloudhall.domains.storage.plan.planning import Plan

GROUPS = {
    "size": T("规模", "Size"),
    "names": T("元数据", "Metadata"),
    "repair": T("修复", "Repair"),
    "loss": T("每年预计损失", "Expected loss a year"),
    "power": T("用电", "Power"),
    "money": T("费用", "Cost"),
    "cell": T("失去一个单元", "If one cell is lost"),
}
YEAR_DAYS = 365.25
RESTORE_GBIT_S = 100
DAY_S = 86_400
RACK_SERVERS = "min((rack_units − 2)/server_units, rack_kw/(server_w + server_disks · disk_w))"
NODES = "(masters + filers + gateways)"
SUM = T("以上之和", "sum of the above")
Row = tuple[str, T, float, str, T | str]


class Line(NamedTuple):
    """One figure. Money is in fen, bytes in bytes."""

    group: str
    name: str
    title: T
    value: float
    unit: str
    formula: T

    def json(self) -> dict[str, Any]:
        """As programs read it."""
        return {**self._asdict(), "title": self.title.both(), "formula": self.formula.both()}


def lines_of(p: "Plan") -> list[Line]:
    """Every figure, group by group."""
    rows = {
        "size": _size,
        "names": _names,
        "repair": _repair,
        "loss": _loss,
        "power": _power,
        "money": _money,
        "cell": _cell,
    }
    return [
        Line(group, name, title, value, unit, _both(formula))
        for group in GROUPS
        for name, title, value, unit, formula in rows[group](p)
    ]


def _both(formula: T | str) -> T:
    """Names and signs alone are the same in both languages."""
    return formula if isinstance(formula, T) else T(formula, formula)


def _size(p: "Plan") -> Iterator[Row]:
    cells, cell = p.layout.cells, p.layout.cell
    yield "raw_bytes", T("写入的字节", "Bytes written"), p.layout.raw_bytes, "B", "capacity · n/k"
    yield "cells", T("单元", "Cells"), cells, "cells", "⌈capacity / cell_pb⌉"
    disks = "cells · ⌈capacity/cells · n/k / (disk_tb · disk_full_share)⌉"
    yield "disks", T("硬盘", "Disks"), cells * cell.disks, "disks", disks
    servers = "cells · ⌈disks_cell / server_disks⌉"
    yield "servers", T("存储服务器", "Storage servers"), cells * cell.servers, "servers", servers
    racks = T(
        f"cells · max(⌈servers_cell / {RACK_SERVERS}⌉，每个机架一份时为 n)",
        f"cells · max(⌈servers_cell / {RACK_SERVERS}⌉, n if a rack holds one part)",
    )
    yield "racks", T("机架", "Racks"), cells * cell.racks, "racks", racks
    volumes = "cells · ⌈capacity/cells / volume_gb⌉"
    yield "volumes", T("卷", "Volumes"), cells * cell.volumes, "volumes", volumes


def _names(p: "Plan") -> Iterator[Row]:
    layout, cell = p.layout, p.layout.cell
    yield "objects", T("对象", "Objects"), layout.objects, "objects", "capacity / object_mb"
    names = "objects · name_bytes · name_copies"
    yield "metadata_bytes", T("元数据（磁盘）", "Metadata on disk"), layout.metadata_bytes, "B", names
    where = T("索引（内存）", "Index in memory") if p.scheme.data == 1 else T("索引（磁盘）", "Index on disk")
    yield "index_bytes", where, layout.index_bytes, "B", "objects · ⌈object_mb/chunk_mb⌉ · index_bytes · n"
    server = layout.index_bytes / (layout.cells * cell.servers)
    yield "index_server", T("每台服务器的索引", "Index of a server"), server, "B", "index_bytes / servers"
    masters = layout.cells * cell.masters
    yield "masters", T("主节点", "Masters"), masters, "masters", "cells · cell_masters"
    filers = "cells · max(⌈objects/cells / filer_objects⌉, 2)"
    yield "filers", T("文件名节点", "Filers"), layout.cells * cell.filers, "filers", filers
    gateways = "cells · max(⌈capacity/cells / gateway_pb⌉, 2)"
    yield "gateways", T("S3 网关", "S3 gateways"), layout.cells * cell.gateways, "gateways", gateways


def _repair(p: "Plan") -> Iterator[Row]:
    r = p.repair
    daily = r.failures_year / YEAR_DAYS
    yield "failures_day", T("每天坏几块", "Disks that fail a day"), daily, "disks", "disks · disk_afr / 365.25"
    moved = "capacity/cells · n/k / disks_cell · (k + 1)"
    yield "moved_bytes", T("换一块搬多少", "Moved to replace one"), r.moved_bytes, "B", moved
    rate = T(
        "min(disks_cell · (repair_mb_s，为 0 时 disk_mb_s), servers_cell · server_gbit_s)",
        "min(disks_cell · (repair_mb_s, or disk_mb_s where 0), servers_cell · server_gbit_s)",
    )
    yield "repair_rate", T("单元的修复速率", "Repair rate of a cell"), r.rate_bytes_s, "B/s", rate
    yield "rebuild_h", T("重建一块硬盘", "Rebuild of a disk"), r.rebuild_h, "h", "moved_bytes / repair_rate"
    yield "window_h", T("缺一份的时间 T", "Time T without one part"), r.window_h, "h", "detection_h + rebuild_h"
    yearly = "disks · disk_afr · moved_bytes"
    yield "repair_year", T("每年修复流量", "Moved by repairs"), r.year_bytes, "B/a", yearly
    load = T("平均网络占用", "Mean network load")
    yield "repair_gbit_s", load, r.mean_gbit_s, "Gbit/s", "repair_year · 8 / 31,557,600 s"


def _loss(p: "Plan") -> Iterator[Row]:
    loss = p.loss
    for cause in loss.causes:
        yield f"loss_{cause.name}", TITLES[cause.name], cause.lost_bytes_year, "B/a", FORMULAS[cause.name]
    yield "loss_bytes", T("合计", "In all"), loss.bytes_year, "B/a", SUM
    objects = loss.bytes_year / (p.a["object_mb"] * MB)
    yield "loss_objects", T("合计，对象", "In all, objects"), objects, "1/a", "loss_bytes / object_mb"
    chance = T("一年内有任何损失的概率", "Chance of any loss within a year")
    moments = T("1 − exp(−每年有损失的时刻数)", "1 − exp(−moments a year at which anything is lost)")
    yield "loss_any", chance, loss.any_year, "share", moments
    yield "nines", T("年持久性", "Durability a year"), loss.nines, "nines", "−log₁₀(loss_bytes / capacity)"


def _power(p: "Plan") -> Iterator[Row]:
    c = p.costs
    yield "disks_kw", T("硬盘", "Disks"), c.disks_w / 1000, "kW", "disks · disk_w"
    yield "servers_kw", T("服务器", "Servers"), c.servers_w / 1000, "kW", "servers · server_w"
    yield "nodes_kw", T("其他机器", "Other machines"), c.nodes_w / 1000, "kW", f"{NODES} · node_w"
    yield "site_kw", T("连同制冷", "With cooling"), c.site_w / 1000, "kW", T("以上之和 · pue", "sum of the above · pue")


def _money(p: "Plan") -> Iterator[Row]:
    c = p.costs
    yield "disks_fen", T("硬盘", "Disks"), c.disks_fen, "fen", "disks · disk_fen"
    yield "servers_fen", T("服务器", "Servers"), c.servers_fen, "fen", "servers · server_fen"
    yield "racks_fen", T("机架", "Racks"), c.racks_fen, "fen", "racks · rack_fen"
    yield "nodes_fen", T("其他机器", "Other machines"), c.nodes_fen, "fen", f"{NODES} · node_fen"
    yield "network_fen", T("网络", "Network"), c.network_fen, "fen", "servers · network_fen"
    yield "capital_fen", T("初期投入合计", "Bought at first"), c.capital_fen, "fen", SUM
    yield "energy_fen", T("电费，一年", "Energy, a year"), c.energy_fen, "fen", "site_kw · 8766 h · kwh_fen"
    spares = T("更换硬盘，一年", "Disks replaced, a year")
    yield "spares_fen", spares, c.spares_fen, "fen", "disks · disk_afr · disk_fen"
    yearly = "capital_fen / life_years + energy_fen + spares_fen"
    yield "year_fen", T("一年合计", "In all, a year"), c.year_fen, "fen", yearly
    yield "tb_year_fen", T("每 TB 一年", "For a TB and year"), c.tb_year_fen, "fen", "year_fen · 1 TB / capacity"


def _cell(p: "Plan") -> Iterator[Row]:
    """What stands and falls with one cell: whole buckets, since a bucket never spans cells."""
    cell = p.layout.cell
    share = T("全部数据的几成", "Share of all data")
    buckets = T("1 / cells；都是整个的桶，没有一个跨单元", "1 / cells; whole buckets, none spans cells")
    yield "cell_share", share, 1 / p.layout.cells, "share", buckets
    yield "cell_bytes", T("数据", "Data"), cell.data_bytes, "B", "capacity / cells"
    yield "cell_disks", T("硬盘", "Disks"), cell.disks, "disks", "disks / cells"
    yield "cell_racks", T("机架", "Racks"), cell.racks, "racks", "racks / cells"
    back = T("从另一地区以 100 Gbit/s 取回", "Fetched from another region by 100 Gbit/s")
    days = cell.data_bytes * 8 / (RESTORE_GBIT_S * 1e9) / DAY_S
    yield "cell_restore_d", back, days, "d", "cell_bytes · 8 / 100 Gbit/s"
