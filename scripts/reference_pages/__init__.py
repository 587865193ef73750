"""Pages of docs/reference, one module a page; see `reference.py`."""
