"""The benchmarks, a module for each thing measured; every module here is imported by `python -m benchmarks`."""
