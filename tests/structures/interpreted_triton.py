"""Whether the Triton kernels give what the chunked form gives; run with TRITON_INTERPRET=1 and a capacity."""

import sys

import torch

from neurallambda.structures.superposition.chunked.stack import scan_chunked
from neurallambda.structures.superposition.triton import scan_triton


def check(capacity: int, width: int, time: int, *, device: str, dtype: torch.dtype) -> None:
    """Compare reads, last states, gradients and second gradients."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64).to(device, dtype)

    occupied = random(2, capacity).sort(1, descending=True).values
    inputs = [random(2, time, 3), random(2, time, width), random(2, capacity, width), occupied, random(2)]
    inputs[0] = inputs[0] / inputs[0].sum(-1, keepdim=True)
    found = []
    for scan in (scan_triton, scan_chunked):
        tracked = [tensor.clone().requires_grad_() for tensor in inputs]
        outputs = scan(*tracked)
        scale = sum((output.square().sum() for output in outputs), torch.zeros((), device=device, dtype=dtype))
        gradients = torch.autograd.grad(scale, tracked, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in gradients), tracked[:4])  # type: ignore[arg-type]
        plain = torch.autograd.grad(
            sum(output.square().sum() for output in scan(*tracked)),  # type: ignore[arg-type]
            tracked,
        )
        found.append([*outputs, *gradients, *plain, *second])
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


if __name__ == "__main__":
    for dtype in (torch.float32, torch.float64):
        check(int(sys.argv[1]), 3, 19, device="cpu", dtype=dtype)
