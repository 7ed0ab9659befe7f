"""Arithmetic on distributions over integers: exact marginals, forward and backward."""
