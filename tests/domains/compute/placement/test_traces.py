"""A trace is read whole, or refused with file, line and column."""

import gzip
from pathlib import Path

import pytest

from cloudhall.domains.compute.placement.traces import (
    TO_THE_END,
    read_machines,
    read_nodes,
    read_queue,
    read_starts,
    read_tasks,
)
from cloudhall.kernel.errors import Invalid, NotFound
from tests.domains.compute.placement.kit import HEADER, written

GOOD = (0, 0, 300, 2, 3.5, 600, 900, 0)


def test_a_lifetime_is_the_middle_of_its_bin_and_sizes_are_whole(tmp_path: Path) -> None:
    found = read_machines(written(tmp_path, [GOOD, (1, 0, 300, 1, 0.75, 0, 0, 0), (2, 1, 600, 1, 0.7501, 0, 0, 1)]))
    assert found.life_s.tolist() == [750, 150, TO_THE_END]
    assert found.cpu_milli.tolist() == [2000, 1000, 1000]
    assert found.memory_mib.tolist() == [3584, 768, 769]  # rounded up, never down


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ((1, 0, "soon", 2, 3.5, 600, 900, 0), "arrival_s"),
        ((1, 0, 300, -2, 3.5, 600, 900, 0), "cpu"),
        ((1, 0, 300, 2, "", 600, 900, 0), "mem_gb"),
        ((1, 0, 300, 2, "NaN", 600, 900, 0), "mem_gb"),
        ((1, 0, 300, "inf", 3.5, 600, 900, 0), "cpu"),
        ((1, 0, 300, 2, 3.5, 600, 1 << 40, 0), "life_hi_s"),
        ((1, 0, 300, 2, 3.5, 600, 900, 2), "censored"),
        ((1, 0, 300), ""),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, row: tuple[object, ...], column: str) -> None:
    with pytest.raises(Invalid) as told:
        read_machines(written(tmp_path, [GOOD, row, GOOD]))
    assert told.value.details == {"file": str(tmp_path / "vms.csv"), "line": 3, "column": column}
    assert "line 3" in told.value.text.en
    assert "第 3 行" in told.value.text.zh


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "vms.csv").write_text(",".join(HEADER).replace("mem_gb", "mem_gib") + "\n", "utf-8")
    with pytest.raises(Invalid) as told:
        read_machines(tmp_path)
    assert told.value.details["column"] == "mem_gb"
    assert "mem_gib" in told.value.how.en


def test_a_cut_archive_is_refused_as_a_whole(tmp_path: Path) -> None:
    whole = gzip.compress((",".join(HEADER) + "\n" + "0,0,300,2,3.5,600,900,0\n" * 9_999).encode())
    (tmp_path / "vms.csv.gz").write_bytes(whole[:-20])
    with pytest.raises(Invalid):
        read_machines(tmp_path)


def test_no_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_machines(tmp_path)


def test_starts_lie_within_the_trace(tmp_path: Path) -> None:
    (tmp_path / "vms.csv").write_text("vmid,cpu,mem,at,lt\na,2,8,0,60\nb,4,12.5,5.2,60\n", "utf-8")
    queue = read_queue(tmp_path)
    assert queue.arrival_s.tolist() == [0, 6]
    (tmp_path / "starts").write_text("0\n1\n2\n", "utf-8")
    with pytest.raises(Invalid) as told:
        read_starts(tmp_path / "starts", len(queue.arrival_s))
    assert told.value.details["line"] == 3


def test_models_and_specs_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "nodes").write_text("sn,cpu_milli,memory_mib,gpu,model\nn0,8000,1024,2,T4\nn1,8000,1024,0,\n", "utf-8")
    (tmp_path / "tasks").write_text(
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\na,1,1,1,500,\nb,1,1,1,500,T4|P100\n", "utf-8"
    )
    nodes, tasks = read_nodes(tmp_path / "nodes"), read_tasks(tmp_path / "tasks")
    assert (nodes.models, nodes.model.tolist()) == (("T4",), [0, -1])
    assert [tasks.specs[spec] for spec in tasks.spec] == [(), ("T4", "P100")]
