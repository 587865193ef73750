"""The standard kit runs over every kind of the installation; a new kind is in it without a line here."""

from collections.abc import Iterator

import pytest

from cloudhall import installation
from cloudhall.kernel.registry import Registry
from tests.kit.demos import Demos
from tests.kit.hall import Hall, opened

KINDS = list(Registry(installation.DOMAINS))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever asks for a kind on each; for one that can be deleted, that the bin keeps, that lasts, on those."""
    asked = {
        "kind": KINDS,
        "mortal": [k for k in KINDS if k.meta.allow.get("delete")],
        "recoverable": [k for k in KINDS if k.meta.recoverable_days],
        "lasting": [k for k in KINDS if not k.meta.allow.get("delete")],
    }
    for name, kinds in asked.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, kinds, ids=[k.meta.key for k in kinds])


@pytest.fixture
def hall() -> Iterator[Hall]:
    """An installation of its own for each test."""
    with opened(installation.DOMAINS) as built:
        yield built


@pytest.fixture
def demos(hall: Hall) -> Demos:
    """What demos need, in it."""
    return Demos(hall)
