"""The kit's installation, for the tests of notices."""

from tests.kit.hall import hall

__all__ = ["hall"]
