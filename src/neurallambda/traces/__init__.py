"""Runs as records: what every step of every engine did, and what its state stands for."""
