"""Modules that need an optional package are not looked through for examples where it is missing."""

from importlib.util import find_spec

NEEDS = {
    "numba": [
        "cells_numba",
        "deque_numba",
        "line_numba",
        "numba_kernels",
        "occupancy_numba",
        "stack_step_numba",
        "superposition_numba",
        "weights_numba",
    ],
    "triton": ["stack_triton"],
}

collect_ignore = [
    f"neurallambda/structures/{module}.py"
    for package, modules in NEEDS.items()
    if not find_spec(package)
    for module in modules
]
