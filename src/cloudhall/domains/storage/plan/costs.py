"""What it draws and costs: power and capital by part, energy a year. Pure; the parts add up to the whole."""

from typing import NamedTuple

from cloudhall.domains.storage.plan.assumptions import Assumptions
from cloudhall.domains.storage.plan.repair import YEAR_H
from cloudhall.domains.storage.plan.sizing import TB, Layout


class Costs(NamedTuple):
    """Power in watts at the plug of each part, capital in fen, energy in kilowatt-hours and fen a year."""

    disks_w: float
    servers_w: float
    nodes_w: float
    site_w: float
    disks_fen: int
    servers_fen: int
    racks_fen: int
    nodes_fen: int
    network_fen: int
    energy_kwh: float
    energy_fen: int
    spares_fen: int
    year_fen: int
    tb_year_fen: int

    @property
    def parts_w(self) -> float:
        """Power of all machines, without cooling."""
        return self.disks_w + self.servers_w + self.nodes_w

    @property
    def capital_fen(self) -> int:
        """Price of everything that is bought at first."""
        return self.disks_fen + self.servers_fen + self.racks_fen + self.nodes_fen + self.network_fen


def costs_of(layout: Layout, failures_year: float, a: Assumptions) -> Costs:
    """Power and money of a layout, disks that are replaced included."""
    cells, cell = layout.cells, layout.cell
    disks, servers, racks, nodes = (cells * n for n in (cell.disks, cell.servers, cell.racks, cell.nodes))
    watts = (disks * a["disk_w"], servers * a["server_w"], nodes * a["node_w"])
    site_w = sum(watts) * a["pue"]
    kwh = site_w / 1000 * YEAR_H
    bought = (
        disks * a.whole("disk_fen"),
        servers * a.whole("server_fen"),
        racks * a.whole("rack_fen"),
        nodes * a.whole("node_fen"),
        servers * a.whole("network_fen"),
    )
    energy_fen, spares_fen = round(kwh * a["kwh_fen"]), round(failures_year * a["disk_fen"])
    year_fen = round(sum(bought) / a["life_years"]) + energy_fen + spares_fen
    per_tb = round(year_fen * TB / layout.capacity_bytes)
    return Costs(*watts, site_w, *bought, kwh, energy_fen, spares_fen, year_fen, per_tb)
