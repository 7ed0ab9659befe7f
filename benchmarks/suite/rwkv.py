"""What the recurrence of RWKV-7 in chunks saves, over the package's own, token by token and row by row."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.suite.structures import one_thread
from benchmarks.timing import measure_ratio, measure_time
from neurallambda.llm.extras import extra
from neurallambda.llm.pretraining.recipe import PretrainingRecipe
from neurallambda.llm.rwkv.chunked import fast_rwkv7
from neurallambda.llm.rwkv.start import start_rwkv7

ROWS, TIME = 16, 128

Call = Callable[[], Any]


def model_of(recipe: PretrainingRecipe) -> Any:
    """The package's model, of the size that `neurallambda llm pretrain` trains."""
    ranks = dict.fromkeys(("decay_low_rank_dim", "a_low_rank_dim", "v_low_rank_dim"), recipe.rank)
    rwkv7 = extra("rwkv7_hf")
    config = rwkv7.RWKV7Config(
        vocab_size=recipe.vocabulary,
        hidden_size=recipe.width,
        num_hidden_layers=recipe.layers,
        head_dim=recipe.head,
        intermediate_size=recipe.inner,
        gate_low_rank_dim=2 * recipe.rank,
        **ranks,
    )
    return start_rwkv7(rwkv7.RWKV7ForCausalLM(config))


def inference(model: Any, tokens: Tensor, way: Callable[[], AbstractContextManager[None]]) -> Call:
    """A call that gives the logits of all tokens."""

    def answer() -> Tensor:
        with torch.no_grad(), way():
            return model(input_ids=tokens, use_cache=False).logits

    return answer


def training_step(model: Any, tokens: Tensor, way: Callable[[], AbstractContextManager[None]]) -> Call:
    """A call that takes the gradients of one step of a training."""

    def step() -> list[Tensor]:
        with way():
            logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
        loss = functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        return list(torch.autograd.grad(loss, list(model.parameters())))

    return step


@benchmark(
    claim="in chunks an RWKV-7 answers and learns several times as fast as token by token",
    limits={"inference_part": 1 / 3, "training_part": 1 / 6},
)
def rwkv7_chunks(seed: int) -> Case:
    """A forward pass and a step of a training, of 16 rows of 128 tokens, on one thread in float32."""
    torch.manual_seed(seed)
    recipe = PretrainingRecipe()
    model = model_of(recipe)
    with torch.no_grad():  # what blocks add begins at zero, so nothing of them would show
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.02)
    tokens = torch.randint(3, recipe.vocabulary, (ROWS, TIME + 1))
    quick, package = (
        [make(model, tokens, way) for make in (inference, training_step)] for way in (fast_rwkv7, nullcontext)
    )

    def verify() -> dict[str, bool]:
        """Rounding differs by as much as that of sums of some hundred numbers, in each of the blocks."""
        with one_thread():
            short = tokens[:2, :40]
            logits = [inference(model, short, way)() for way in (fast_rwkv7, nullcontext)]
            gradients = [training_step(model, short, way)() for way in (fast_rwkv7, nullcontext)]
        return {
            "logits are the same but for rounding": _alike(*logits),
            "gradients are the same but for rounding": all(map(_alike, *gradients)),
        }

    def measure() -> Numbers:
        with one_thread():
            return {
                "inference_seconds": measure_time(quick[0], repeats=5),
                "training_seconds": measure_time(quick[1], repeats=5),
                "inference_part": measure_ratio(quick[0], package[0], repeats=3),
                "training_part": measure_ratio(quick[1], package[1], repeats=3),
            }

    return Case(verify=verify, measure=measure)


def _alike(one: Tensor, other: Tensor) -> bool:
    return float((one - other).abs().max()) <= 1e-4 * float(other.abs().max())
