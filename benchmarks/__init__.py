"""Measurements of the project: `python -m benchmarks` runs them and writes what they find to `benchmarks/results/`."""
