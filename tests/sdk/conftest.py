"""The town of the command line's tests, and a client of its developer."""

from collections.abc import Iterator

import pytest

from cloudhall.sdk import Cloudhall
from tests.api.town import Town
from tests.cli.conftest import own_home, served, town

__all__ = ["own_home", "served", "town"]


@pytest.fixture
def cloud(served: tuple[Town, str]) -> Iterator[Cloudhall]:
    with Cloudhall(served[1], served[0].token("dev"), project="census", organisation="bureau", lang="en") as cloud:
        yield cloud
