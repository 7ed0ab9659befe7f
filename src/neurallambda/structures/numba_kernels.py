"""How kernels are compiled and run with Numba. Import this module only where Numba is installed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from inspect import unwrap
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor


def compiled(function: Callable[..., object]) -> Any:
    """Compile a function, without any wrappers that an import hook may have put around it."""
    fast = {"reassoc", "contract", "nsz", "arcp"}
    return numba.njit(cache=True, nogil=True, fastmath=fast, error_model="numpy")(unwrap(function))


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
