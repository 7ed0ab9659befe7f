"""How kernels are compiled and run with Numba. Import this module only where Numba is installed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from inspect import unwrap
from itertools import pairwise
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from torch import Tensor

LIKE = {torch.float32: np.empty(0, np.float32), torch.float64: np.empty(0, np.float64)}
"""An array of each type that kernels know, by which they tell what lies at an address."""


def compiled(function: Callable[..., object]) -> Any:
    """Compile a function, without any wrappers that an import hook may have put around it.

    What is compiled is kept beside its file until that file changes. Numba does not see that a function of another file,
    which is called, has changed; so it is kept under a name that changes with any file of kernels.
    """
    kernel = unwrap(function)
    kernel.__qualname__ = f"{kernel.__qualname__}_{_digest()}"
    fast = {"reassoc", "contract", "nsz", "arcp"}
    return numba.njit(cache=True, nogil=True, fastmath=fast, error_model="numpy")(kernel)


@cache
def _digest() -> str:
    """What all files of kernels come to."""
    here = Path(__file__)
    files = sorted(file for file in here.parent.rglob("*.py") if "numba" in str(file.relative_to(here.parent)))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def over_rows(kernel: Callable[..., object], batch: int, *arguments: object) -> None:
    """Run kernel(first, last, *arguments) on all of the batch's rows, on as many threads as PyTorch may use."""
    threads = min(torch.get_num_threads(), batch)
    if threads == 1:
        kernel(0, batch, *arguments)
        return
    edges = [batch * part // threads for part in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(kernel, *pair, *arguments) for pair in pairwise(edges)]:
            done.result()


def array(tensor: Tensor) -> np.ndarray:
    """The tensor's numbers, end to end, without its gradient."""
    return tensor.detach().contiguous().numpy()


def _intrinsic(function: Callable[..., object]) -> Any:
    return intrinsic(unwrap(function))


@_intrinsic
def pointer_to(_context: Any, address: Any, like: Any) -> Any:
    """In a kernel: the address, an integer, as a pointer to numbers of the type of the array `like`.

    Handing over an address costs a tenth of handing over an array, which is what a single step is too short for.
    """
    pointer = types.CPointer(like.dtype)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(pointer))

    return pointer(address, like), generate


@_intrinsic
def _prefetch(_context: Any, address: Any) -> Any:
    """In a kernel: ask for the cache line at an address, which need not exist."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.PointerType(ir.IntType(8)))
        to_read, keep, of_data = (ir.IntType(32)(number) for number in (0, 3, 1))
        declared = ir.FunctionType(ir.VoidType(), [pointer.type, *(ir.IntType(32),) * 3])
        call = cgutils.get_or_insert_function(builder.module, declared, "llvm.prefetch.p0")
        builder.call(call, (pointer, to_read, keep, of_data))

    return types.void(address), generate


@compiled
def fetch(numbers: Any, ahead: Any) -> None:
    """In a kernel: ask for what lies `ahead` bytes after these numbers, so that it is near when its turn comes."""
    address = numbers.ctypes.data + ahead
    for line in range(0, numbers.size * numbers.itemsize, 64):
        _prefetch(address + line)


def addresses(tensors: tuple[Tensor, ...]) -> tuple[int, ...]:
    """Where the numbers of contiguous tensors lie; the tensors must outlive the use of the addresses."""
    return tuple(map(Tensor.data_ptr, tensors))


def contiguous(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The tensors with their numbers end to end."""
    return tuple(map(Tensor.contiguous, tensors))
