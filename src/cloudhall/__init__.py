"""Cloudhall: one program that runs a public-sector cloud."""

__version__ = "0.1.0"
