"""One cluster for all tests of a file that leave it whole."""

from collections.abc import Iterator

import pytest

from cloudhall.drivers.objects.cluster.driver import SeaweedCluster
from tests.drivers.objects.cluster.faults import leave
from tests.kit.postgres import Server


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[SeaweedCluster]:
    """Three masters, six volume servers on three racks, two filers on PostgreSQL, two gateways."""
    database = postgres.make()
    running = SeaweedCluster(tmp_path_factory.mktemp("cluster"), database=postgres.url(database))
    running.start()
    yield running
    leave(running)
    postgres.drop(database)
