"""Placement: on which host of a fleet a machine runs. A library; README.md says what is in which module."""
