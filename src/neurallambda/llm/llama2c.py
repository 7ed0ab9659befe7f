"""Checkpoints of llama2.c, as a model and a tokenizer of transformers.

The file of the weights has seven integers (width, width of the feed-forward layers, layers, heads, heads of keys and values,
tokens, positions) and then the tensors in a fixed order; the tokenizer's has, for each token, a score, a length and bytes.
"""

import struct
from typing import Any

import torch
from torch import Tensor

from neurallambda.errors import ArgumentError
from neurallambda.llm.extras import extra

HEADER = 7 * 4
BYTES = range(3, 259)
"""The tokens that stand for single bytes."""


def model_of(data: bytes) -> Any:
    """The model of a checkpoint.

    Args:
        data: the bytes of the file.

    Returns:
        A `LlamaForCausalLM`.

    Raises:
        ArgumentError: if these are no such bytes.
    """
    if len(data) < HEADER:
        raise ArgumentError(f"data: got {len(data)} bytes, expected a checkpoint of llama2.c")
    dim, hidden, layers, heads, kv_heads, vocabulary, positions = struct.unpack("<7i", data[:HEADER])
    shares, vocabulary = vocabulary > 0, abs(vocabulary)
    width = dim // max(heads, 1)
    sizes: dict[str, tuple[int, ...]] = {
        "embed": (vocabulary, dim),
        "attention_norm": (layers, dim),
        "q": (layers, heads * width, dim),
        "k": (layers, kv_heads * width, dim),
        "v": (layers, kv_heads * width, dim),
        "o": (layers, dim, heads * width),
        "mlp_norm": (layers, dim),
        "gate": (layers, hidden, dim),
        "down": (layers, dim, hidden),
        "up": (layers, hidden, dim),
        "norm": (dim,),
        "rotations": (2, positions, width // 2),
    } | ({} if shares else {"head": (vocabulary, dim)})
    expected = HEADER + 4 * sum(torch.Size(size).numel() for size in sizes.values())
    if min(dim, hidden, layers, heads, kv_heads, positions) < 1 or len(data) != expected:
        raise ArgumentError(f"data: got {len(data)} bytes, expected {expected} by the checkpoint's own header")
    numbers, place = torch.frombuffer(bytearray(data[HEADER:]), dtype=torch.float32), 0
    held = {}
    for name, size in sizes.items():
        count = torch.Size(size).numel()
        held[name] = numbers[place : place + count].view(size)
        place += count
    transformers = extra("transformers")
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=dim,
            intermediate_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            max_position_embeddings=positions,
            rms_norm_eps=1e-5,
            tie_word_embeddings=shares,
            bos_token_id=1,
            eos_token_id=2,
        )
    )
    model.load_state_dict(_named(held, heads, kv_heads, layers), strict=not shares)
    return model.eval()


def tokenizer_of(data: bytes, size: int) -> Any:
    """The tokenizer that belongs to a checkpoint.

    Args:
        data: the bytes of its file.
        size: how many tokens it has.

    Returns:
        A fast tokenizer, which begins a text with the token that begins one.

    Raises:
        ArgumentError: if these are no such bytes.
    """
    tokenizers, transformers = extra("tokenizers"), extra("transformers")
    pieces = _pieces(data, size)
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    if len(vocabulary) != size:
        raise ArgumentError(f"data: got {len(vocabulary)} different tokens, expected {size}")
    model = tokenizers.models.BPE(
        vocab=vocabulary, merges=_merges(vocabulary), unk_token="<unk>", fuse_unk=True, byte_fallback=True
    )
    backend = tokenizers.Tokenizer(model)
    backend.normalizer = tokenizers.normalizers.Sequence(
        [tokenizers.normalizers.Prepend("▁"), tokenizers.normalizers.Replace(" ", "▁")]
    )
    backend.decoder = tokenizers.decoders.Sequence(
        [
            tokenizers.decoders.Replace("▁", " "),
            tokenizers.decoders.ByteFallback(),
            tokenizers.decoders.Fuse(),
            tokenizers.decoders.Strip(" ", 1, 0),
        ]
    )
    backend.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    )


def _named(held: dict[str, Tensor], heads: int, kv_heads: int, layers: int) -> dict[str, Tensor]:
    """The tensors by the names that the model has for them."""
    named = {"model.embed_tokens.weight": held["embed"], "model.norm.weight": held["norm"]}
    named["lm_head.weight"] = held.get("head", held["embed"])
    for layer in range(layers):
        parts = {
            "self_attn.q_proj": _in_halves(held["q"][layer], heads),
            "self_attn.k_proj": _in_halves(held["k"][layer], kv_heads),
            "self_attn.v_proj": held["v"][layer],
            "self_attn.o_proj": held["o"][layer],
            "mlp.gate_proj": held["gate"][layer],
            "mlp.up_proj": held["up"][layer],
            "mlp.down_proj": held["down"][layer],
            "input_layernorm": held["attention_norm"][layer],
            "post_attention_layernorm": held["mlp_norm"][layer],
        }
        named |= {f"model.layers.{layer}.{name}.weight": tensor for name, tensor in parts.items()}
    return named


def _in_halves(weight: Tensor, heads: int) -> Tensor:
    """Rotary positions turn pairs of neighbours there, and the first half with the second here."""
    size, dim = weight.shape
    return weight.view(heads, size // heads // 2, 2, dim).transpose(1, 2).reshape(size, dim)


def _pieces(data: bytes, size: int) -> list[str]:
    """The text of each token, a space written as in the tokenizer's own vocabulary."""
    pieces, place = [], 4  # the first number is the length of the longest
    try:
        for index in range(size):
            _, length = struct.unpack_from("<fi", data, place)
            place += 8 + length
            if index in BYTES:
                pieces.append(f"<0x{index - BYTES.start:02X}>")
            else:
                pieces.append(data[place - length : place].decode().strip("\n" if index < 3 else "").replace(" ", "▁"))
    except (struct.error, UnicodeDecodeError) as error:
        raise ArgumentError(f"data: this is no tokenizer of llama2.c ({error})") from None
    if place != len(data):
        raise ArgumentError(f"data: got {len(data)} bytes, expected {place} for {size} tokens")
    return pieces


def _merges(vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """Which two tokens become one, the first ones first: tokens are numbered in the order in which they were learned."""
    found = []
    for piece, index in vocabulary.items():
        if index >= BYTES.stop:
            halves = ((piece[:cut], piece[cut:]) for cut in range(1, len(piece)))
            ways = [pair for pair in halves if pair[0] in vocabulary and pair[1] in vocabulary]
            found += [
                (index, *pair) for pair in sorted(ways, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
            ]
    return [(left, right) for _, left, right in sorted(found, key=lambda one: one[0])]
