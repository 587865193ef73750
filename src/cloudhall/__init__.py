"""Cloudhall: one program that runs a public-sector cloud."""
