"""Checkpoints of rwkv.cpp with RWKV-7, as a model of rwkv7-hf."""

import struct
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError
from neurallambda.llm.extras import extra

MAGIC = 0x67676D66
TYPES = {0: torch.float32, 1: torch.float16}
SHIFTS = "rwkvag"
"""The order in which the six mixes of the token shift lie in one tensor."""


@checked
def load_rwkv_cpp(path: Path | str) -> Any:
    """The model of a file of rwkv.cpp that is not quantized.

    Args:
        path: the file.

    Returns:
        An `RWKV7ForCausalLM` in evaluation, of float32.

    Raises:
        ArgumentError: if the file is no such checkpoint, or not of RWKV-7.
    """
    rwkv7, converter = extra("rwkv7_hf"), extra("rwkv7_hf.converter")
    held = _read(Path(path))
    if "blocks.0.att.x_rwkvag" not in held:
        raise ArgumentError(f"{path}: this is no RWKV-7; it has no blocks.0.att.x_rwkvag")
    weights = _official(held)
    dim = weights["emb.weight"].shape[1]
    heads, width = weights["blocks.0.att.r_k"].shape
    config = rwkv7.RWKV7Config(
        vocab_size=weights["emb.weight"].shape[0],
        hidden_size=dim,
        num_hidden_layers=converter.infer_num_layers(weights),
        num_heads=heads,
        head_dim=width,
        intermediate_size=weights["blocks.0.ffn.key.weight"].shape[0],
        decay_low_rank_dim=weights["blocks.0.att.w1"].shape[0],
        a_low_rank_dim=weights["blocks.0.att.a1"].shape[0],
        gate_low_rank_dim=weights["blocks.0.att.g1"].shape[0],
        v_low_rank_dim=weights["blocks.1.att.v1"].shape[0],
    )
    model = rwkv7.RWKV7ForCausalLM(config)
    wanted = model.state_dict()
    named = {}
    for name, tensor in weights.items():
        translated, _ = converter.translate_name(
            name, config.num_hidden_layers
        )  # rwkv.cpp has turned what is to be turned
        if translated:
            named[translated] = tensor.reshape(wanted[translated].shape) if translated in wanted else tensor
    try:
        model.load_state_dict(named)
    except RuntimeError as error:
        raise ArgumentError(f"{path}: its tensors are not those of an RWKV-7 ({error})") from None
    return model.eval()


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, by name."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArgumentError(f"{path}: {error.strerror}") from None
    try:
        magic, *_ = struct.unpack_from("<6i", data)
        if magic != MAGIC:
            raise ArgumentError(f"{path}: this is no checkpoint of rwkv.cpp")
        held, place = {}, 24
        while place < len(data):
            axes, length, kind = struct.unpack_from("<3i", data, place)
            shape = struct.unpack_from(f"<{axes}i", data, place + 12)[::-1]
            place += 12 + 4 * axes
            name, place = data[place : place + length].decode(), place + length
            if kind not in TYPES:
                raise ArgumentError(f"{path}: {name} is quantized; expected float32 or float16")
            size = torch.Size(shape).numel() * TYPES[kind].itemsize
            numbers = torch.frombuffer(bytearray(data[place : place + size]), dtype=TYPES[kind])
            held[name], place = numbers.view(shape).float(), place + size
    except (struct.error, ValueError, RuntimeError) as error:
        raise ArgumentError(f"{path}: the file ends too soon or is damaged ({error})") from None
    return held


def _official(held: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by the names of the published checkpoints, where each mix has one of its own."""
    weights = {}
    for name, tensor in held.items():
        prefix, found, _ = name.partition("x_rwkvag")
        if found:
            mixes = tensor.reshape(len(SHIFTS), -1)
            weights |= {f"{prefix}x_{letter}": mix for letter, mix in zip(SHIFTS, mixes, strict=True)}
        else:
            weights[name] = tensor
    return weights
