"""One module a kind, written by `make docs` from its declaration."""
