"""Modules that need an optional package are not looked through for examples where it is missing."""

from importlib.util import find_spec

NEEDS = {"numba": "*numba*", "triton": "*triton.py"}
"""How the files and folders of kernels are named that a package compiles."""

collect_ignore_glob = [
    f"neurallambda/structures/**/{pattern}" for package, pattern in NEEDS.items() if not find_spec(package)
]
