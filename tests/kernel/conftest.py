"""An installation for every test that asks for `hall`."""

from tests.kit.hall import hall

__all__ = ["hall"]
