"""Programs that are soft in every part, for the tests of gradients and of conservation."""

from dataclasses import replace

import torch
from torch import Tensor

from neurallambda.machine.encode import NeuralLambda

PARTS = ("tag", "operator", "literal", "first", "second", "third")


def soften(part: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Mix each distribution with noise; each still sums to one."""
    noisy = part + amount * torch.rand(part.shape, generator=generator, dtype=part.dtype)
    return noisy / noisy.sum(-1, keepdim=True)


def soft_parts(program: NeuralLambda, amount: float, seed: int) -> tuple[Tensor, ...]:
    """All parts of a program, softened, as leaves that ask for gradients."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(soften(getattr(program, part), amount, generator).requires_grad_() for part in PARTS)


def sharp_parts(program: NeuralLambda) -> tuple[Tensor, ...]:
    """All parts of a program as they are, as leaves that ask for gradients."""
    return tuple(getattr(program, part).clone().requires_grad_() for part in PARTS)


def with_parts(program: NeuralLambda, parts: tuple[Tensor, ...]) -> NeuralLambda:
    """The same program of other parts."""
    return replace(program, **dict(zip(PARTS, parts, strict=True)))
