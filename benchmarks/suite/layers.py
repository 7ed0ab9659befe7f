"""What a layer of stacks costs a transformer: a step of a training and an inference, with the layer over without it."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.memory import peak_tensor_memory
from benchmarks.suite.structures import one_thread
from benchmarks.timing import measure_ratio, measure_time
from neurallambda.nn import TransformerModel
from neurallambda.train.recipes import recipe_for

TOKENS, ANSWERS = 3, 2
SIZES: dict[str, tuple[int, int, int, int, int]] = {
    "small": (64, 2, 2, 24, 40),
    "large": (256, 8, 4, 4, 128),
}
"""The size of the hidden state, the blocks, how wide their feed-forward layers are, the rows, the tokens of each; the
small one is that of the recipe."""

REPEATS = {"small": 61, "large": 15}
"""Short calls are disturbed more by what else runs."""

Step = Callable[[], object]


def transformer(size: str, *, structure: str) -> TransformerModel:
    """A causal transformer of that size, with a layer of two stacks in its middle or without one."""
    dim, layers, widen, _, _ = SIZES[size]
    return TransformerModel(
        TOKENS, ANSWERS, dim=dim, layers=layers, heads=4, widen=widen, positions="alibi",
        structure=structure, structure_heads=2, structure_width=8,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip


def given(size: str, *, seed: int) -> tuple[Tensor, Tensor]:
    """Tokens and targets; nothing is learned here, so any will do."""
    *_, rows, time = SIZES[size]
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randint(count, (rows, time), generator=generator) for count in (TOKENS, ANSWERS))  # pyright: ignore[reportReturnType]


def training_step(model: TransformerModel, tokens: Tensor, targets: Tensor) -> Step:
    """A call that takes one step of a training: forward, backward, clipping, Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(tokens).flatten(0, 1), targets.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def inference(model: TransformerModel, tokens: Tensor) -> Step:
    """A call that answers a batch, without gradients."""

    def answer() -> None:
        with torch.no_grad():
            model(tokens)

    return answer


@benchmark(
    claim="a layer of stacks makes a transformer of eight blocks at most 1.16 times as slow, as StackTrans reports of its own",
    limits={"large_training_time_factor": 1.16, "large_inference_time_factor": 1.16},
)
def stack_layer(seed: int) -> Case:
    """Factors of time and of memory, of a small and of a larger transformer. On one thread."""

    def measure() -> Numbers:
        numbers: dict[str, object] = {}
        with one_thread():
            for size in SIZES:
                tokens, targets = given(size, seed=seed)
                plain, stacked = (transformer(size, structure=structure) for structure in ("none", "stack"))
                calls = {
                    "training": [training_step(model, tokens, targets) for model in (stacked, plain)],
                    "inference": [inference(model, tokens) for model in (stacked, plain)],
                }
                for name, (with_stack, without) in calls.items():
                    ratio = measure_ratio(with_stack, without, repeats=REPEATS[size])
                    numbers[f"{size}_{name}_seconds"] = measure_time(without)
                    numbers[f"{size}_{name}_time_factor"] = ratio.median
                    numbers[f"{size}_{name}_time_factor_spread"] = ratio
                    numbers[f"{size}_{name}_memory_factor"] = peak_tensor_memory(with_stack) / peak_tensor_memory(
                        without
                    )
        return numbers

    def verify() -> dict[str, bool]:
        tokens, _ = given("small", seed=seed)
        torch.manual_seed(seed)
        stacked = transformer("small", structure="stack")
        plain = transformer("small", structure="none")
        plain.load_state_dict(stacked.state_dict(), strict=False)
        options = recipe_for("reverse-string", "transformer-stack").options
        dim, layers, widen, _, _ = SIZES["small"]
        size = tuple(options[name] for name in ("dim", "layers", "widen", "structure_heads", "structure_width"))
        return {
            "a layer that was not trained changes nothing": torch.equal(stacked(tokens), plain(tokens)),
            "the small one is that of the recipe": size == (dim, layers, widen, 2, 8),
        }

    return Case(verify=verify, measure=measure)
