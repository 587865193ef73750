"""The command line: one face of the registry, on Click and the standard library alone."""
