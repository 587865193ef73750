"""An installation to attach documents in."""

from tests.kit.hall import hall

__all__ = ["hall"]
