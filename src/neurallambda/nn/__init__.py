"""Modules that learn: thin owners of parameters around the functions of the rooms below."""
