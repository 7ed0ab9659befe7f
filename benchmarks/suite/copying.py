"""The machine itself: how fast it moves memory, the floor under everything that reads a heap."""

import torch

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.memory import copy_bandwidth, peak_process_memory, peak_tensor_memory

BUFFER_BYTES = 2**26


@benchmark(claim="a copy moves its bytes once in and once out, and needs one buffer more")
def copying(seed: int) -> Case:
    """Bandwidth at several sizes, and what the two measures of memory say of one copy."""
    source = torch.rand(BUFFER_BYTES // 4, generator=torch.Generator().manual_seed(seed))

    def measure() -> Numbers:
        sizes = [2**power for power in (16, 20, 24, 28)]
        return {
            "buffer_bytes": sizes,
            "bytes_per_second": [copy_bandwidth(buffer_bytes=size) for size in sizes],
            "process_peak_over_buffer": peak_process_memory(copy_new_buffer, BUFFER_BYTES) / (2 * BUFFER_BYTES),
            "tensor_peak_over_buffer": peak_tensor_memory(source.clone) / BUFFER_BYTES,
        }

    return Case(verify=lambda: {"a copy equals its source": torch.equal(source.clone(), source)}, measure=measure)


def copy_new_buffer(size: int) -> None:
    """Make a buffer of `size` bytes and copy it."""
    torch.ones(size, dtype=torch.uint8).clone()
