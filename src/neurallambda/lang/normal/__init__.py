"""Reduction to normal form: weak head reduction with sharing, writing down, and the choice of names."""
