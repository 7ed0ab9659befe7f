"""Runs of machines on strings."""
