"""The standard kit runs over every kind of the installation; a new kind is in it without a line here."""

from tests.kit.hall import hall

__all__ = ["hall"]
