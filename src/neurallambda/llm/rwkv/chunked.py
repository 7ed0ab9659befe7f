"""The recurrence of RWKV-7 in chunks: what `rwkv7-hf` computes token by token and row by row, in matrix products.

A token writes into the state `S`, a matrix of keys by values, as the delta rule of RWKV-7 says (Peng et al., "RWKV-7 Goose",
2025), with decays `w`, and `r` reads it:

    u_t = S_{t-1}' a_t
    S_t = diag(w_t) S_{t-1} + b_t u_t' + k_t v_t'
    o_t = S_t' r_t

With the product `W_t` of the decays of a chunk up to token t, and the state `S_0` before the chunk, that is

    S_t = diag(W_t) (S_0 + sum over i <= t of (b_i u_i' + k_i v_i') / W_i)

so the `u` of a chunk solve a unit lower triangular system, `(I - A_ab) U = A S_0 + A_ak V`, where row t of `A` is
`W_{t-1} a_t`, and `A_ab` and `A_ak` are its products with `b_i / W_i` and `k_i / W_i` for the earlier tokens i < t (as in
Yang et al., "Parallelizing Linear Transformers with the Delta Rule over Sequence Length", 2024). Systems and products of all chunks
are computed at once; only the state goes from chunk to chunk.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, wraps
from threading import Lock
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from neurallambda.errors import ArgumentError
from neurallambda.llm.extras import extra

CHUNK = 16
"""How many tokens are computed at once. RWKV-7's decays are above exp(-exp(-1/2)) = 0.545, so their products stay above 6e-5."""
LEAST_DECAY = 1 / 64
"""The product of a chunk of these, 1e-29, can be divided by in float32."""
KNOWN = ("0.9.0",)
"""The versions of rwkv7-hf whose recurrence this is known to compute."""

Keys = Float[Tensor, "batch time heads key"]
Values = Float[Tensor, "batch time heads value"]
States = Float[Tensor, "batch heads key value"]


def chunked_recurrence(
    receptance: Keys,
    decay: Keys,
    key: Keys,
    value: Values,
    a: Keys,
    b: Keys,
    initial_state: States,
    attention_mask: Bool[Tensor, "batch time"] | None = None,
) -> tuple[Values, States]:
    """What `rwkv7_hf.ops_rwkv7.rwkv7_recurrent` gives, by its arguments, but for rounding.

    It computes in the precision of the state, also where `torch.autocast` says otherwise.

    Args:
        receptance: what reads the state after each token.
        decay: what each row of the state is multiplied by at each token, at least 1/64.
        key: under which a value is added to the state.
        value: what is added.
        a: what reads the state before each token, for the delta rule.
        b: under which what `a` has read is added to the state.
        initial_state: before the first token.
        attention_mask: where there is a token; elsewhere the output is zero and the state stays what it was.

    Returns:
        The outputs, in the precision of the values, and the state after the last token.

    Raises:
        ArgumentError: if a decay is too small.
    """
    batch, time, heads, _ = receptance.shape
    precision, size = initial_state.dtype, min(CHUNK, time)
    with torch.autocast(receptance.device.type, enabled=False):
        decay = decay.to(precision)
        parts = [part.to(precision) for part in (receptance, key, value, a, b)]
        if attention_mask is not None and not bool(attention_mask.all()):
            real = attention_mask.to(receptance.device)[:, :, None, None]
            decay = decay.where(real, 1.0)
            parts = [part.where(real, 0.0) for part in parts]
        if not bool((decay >= LEAST_DECAY).all()):
            raise ArgumentError(f"decay: got {float(decay.detach().min()):.3g}, expected at least {LEAST_DECAY}")
        r, k, v, a, b = (_chunks(part, size, 0.0) for part in parts)
        outputs, state = _over_chunks(_chunks(decay, size, 1.0), r, k, v, a, b, initial_state.flatten(0, 1))
    together = outputs.unflatten(1, (batch, heads)).permute(1, 0, 3, 2, 4).flatten(1, 2)
    return together[:, :time].to(value.dtype), state.unflatten(0, (batch, heads))


@contextmanager
def fast_rwkv7() -> Iterator[None]:
    """Let the models of rwkv7-hf compute in chunks, and their linear layers all rows at once, while the context lasts.

    The package gives its linear layers 128 rows at a time, so that a text is rounded alike beside whatever others.

    Raises:
        ArgumentError: if the package is of another version than those this is known to compute the same as.
        MissingExtraError: if it is not installed.

    Example:
        >>> from rwkv7_hf import modeling_rwkv7
        >>> with fast_rwkv7():
        ...     modeling_rwkv7.rwkv7_recurrent is chunked_recurrence
        True
        >>> modeling_rwkv7.rwkv7_recurrent is chunked_recurrence
        False
    """
    if not is_known():
        raise ArgumentError(
            f"rwkv7-hf: its version is {extra('rwkv7_hf').__version__}, and chunks are known to compute what "
            f"{' or '.join(KNOWN)} does; pip install rwkv7-hf=={KNOWN[-1]}, or do without"
        )
    modeling = extra("rwkv7_hf.modeling_rwkv7")  # whose layers look both names up each time
    with _LOCK:
        if not _BEFORE:
            _BEFORE.extend(getattr(modeling, name) for name in _FAST)
            for name, function in _FAST.items():
                setattr(modeling, name, function)
        _INSIDE.append(None)
    try:
        yield
    finally:
        with _LOCK:
            _INSIDE.pop()
            if not _INSIDE:  # the last of several that may run side by side
                for name, function in zip(_FAST, _BEFORE, strict=True):
                    setattr(modeling, name, function)
                _BEFORE.clear()


_FAST = {"rwkv7_recurrent": chunked_recurrence, "_linear_reference": functional.linear}
_LOCK = Lock()
_BEFORE: list[Any] = []
_INSIDE: list[None] = []


def is_known() -> bool:
    """Whether rwkv7-hf is of a version that this is known to compute the same as."""
    return extra("rwkv7_hf").__version__ in KNOWN


@cache
def register_rwkv7() -> None:
    """Make RWKV-7 known to the `Auto` classes of transformers: one that computes in chunks, where that is known to be the same.

    Raises:
        MissingExtraError: if rwkv7-hf is not installed.
    """
    transformers, rwkv7 = extra("transformers"), extra("rwkv7_hf")
    transformers.AutoConfig.register("rwkv7", rwkv7.RWKV7Config, exist_ok=True)
    transformers.AutoModelForCausalLM.register(rwkv7.RWKV7Config, fast_class(), exist_ok=True)


@cache
def fast_class() -> type[Any]:
    """The class of language models of rwkv7-hf that compute in chunks; the package's own for another version of it."""
    rwkv7 = extra("rwkv7_hf")
    if not is_known():
        return rwkv7.RWKV7ForCausalLM

    class RWKV7ForCausalLM(rwkv7.RWKV7ForCausalLM):
        """The package's class, by its name, so that what is saved says what it is."""

        _auto_class = None

        @wraps(rwkv7.RWKV7ForCausalLM.forward)  # the library looks at the arguments' names
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            with fast_rwkv7():
                return super().forward(*args, **kwargs)

        @wraps(rwkv7.RWKV7ForCausalLM.prepare_inputs_for_generation)
        def prepare_inputs_for_generation(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            """Newer versions of transformers call the cache `cache`; without it the whole text would be read for each token."""
            if kwargs.get("cache") is not None:
                kwargs["past_key_values"] = kwargs.pop("cache")
            return super().prepare_inputs_for_generation(*args, **kwargs)

    return RWKV7ForCausalLM


KeyChunks = Float[Tensor, "chunks row place key"]
ValueChunks = Float[Tensor, "chunks row place value"]


def _chunks(
    part: Float[Tensor, "batch time heads feature"], size: int, padding: float
) -> Float[Tensor, "chunks row place feature"]:
    """Chunks of tokens first; rows and heads are one axis, and the last chunk is padded with what changes nothing."""
    padded = functional.pad(part, (0, 0, 0, 0, 0, -part.shape[1] % size), value=padding)
    return padded.unflatten(1, (-1, size)).permute(1, 0, 3, 2, 4).flatten(1, 2)


def _over_chunks(
    decay: KeyChunks,
    r: KeyChunks,
    k: KeyChunks,
    v: ValueChunks,
    a: KeyChunks,
    b: KeyChunks,
    state: Float[Tensor, "row key value"],
) -> tuple[ValueChunks, Float[Tensor, "row key value"]]:
    """The outputs and the last state.

    `U = P S_0 + Q` is affine in the state before the chunk, so all chunks' `P` and `Q` come from one call for all systems.
    """
    product = decay.cumprod(-2)
    a = a * (product / decay)
    r = r * product
    k, b = k / product, b / product
    eye = torch.eye(a.shape[-2], dtype=a.dtype, device=a.device)
    known = torch.cat([a, (a @ k.mT).tril(-1) @ v], -1)
    solved = torch.linalg.solve_triangular(eye - (a @ b.mT).tril(-1), known, upper=False, unitriangular=True)
    by_chunk = (*solved.split([a.shape[-1], v.shape[-1]], -1), b, k.mT @ v, product[:, :, -1, :, None])
    befores, reads = list[Tensor](), list[Tensor]()
    # Taken apart at once: the gradient of a chunk taken by its number is as large as all chunks.
    for p, q, add, added, last in zip(*(part.unbind() for part in by_chunk), strict=True):
        befores.append(state)
        reads.append(torch.baddbmm(q, p, state))
        state = last * torch.baddbmm(state + added, add.mT, reads[-1])
    u = torch.stack(reads)
    return r @ torch.stack(befores) + (r @ b.mT).tril() @ u + (r @ k.mT).tril() @ v, state
