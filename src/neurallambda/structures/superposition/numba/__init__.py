"""Scans and steps as fused loops on the CPU, compiled by Numba (the `fast` extra)."""
