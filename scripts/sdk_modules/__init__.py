"""Modules of the SDK, each made from the declarations by functions that answer its text."""
