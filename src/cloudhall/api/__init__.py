"""The HTTP interface: every kind of the registry under `/api/v1`, and nothing per kind by hand."""
