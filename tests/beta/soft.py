"""Soft programs: every part of every cell a mixture."""

import torch
from torch import Tensor

from neurallambda.beta import NeuralBeta, NeuralLambda


def soft(beta: NeuralBeta, program: NeuralLambda, amount: float, seed: int) -> NeuralLambda:
    """The program with some of each part replaced by a random mixture of symbols."""
    generator = torch.Generator().manual_seed(seed)

    def mixed(part: Tensor) -> Tensor:
        noise = torch.rand(*part.shape[:2], len(beta.codebook), generator=generator, dtype=part.dtype)
        return (1 - amount) * part + amount * (noise / noise.sum(-1, keepdim=True)) @ beta.codebook

    return with_parts(program, tuple(mixed(part) for part in (program.tag, program.first, program.second)))


def with_parts(program: NeuralLambda, parts: tuple[Tensor, ...]) -> NeuralLambda:
    """The program with other parts."""
    tag, first, second = parts
    return NeuralLambda(tag, first, second, program.programs, program.operators)
