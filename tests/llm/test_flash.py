"""An RWKV-7 of flash-linear-attention carries a structure in the cache of that package.

Its kernels are written in Triton: on a GPU they run as they are, and elsewhere in Triton's interpreter (`TRITON_INTERPRET=1`), which
takes minutes.
"""

import os
from typing import Any

import pytest
import torch

from neurallambda.llm import GraftConfig, graft, ungraft
from tests.llm.tiny import OPEN, enliven

pytest.importorskip("transformers")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Triton is not supported on current platform"),
    pytest.mark.filterwarnings("ignore:According to Bo"),  # the package warns of its own RWKV
]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
NEAR = 1e-4
_SIZES: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 32,
    "head_dim": 16,
    "num_hidden_layers": 2,
    "intermediate_size": 32,
}
_LOW_RANKS: dict[str, Any] = {f"{name}_low_rank_dim": 8 for name in ("decay", "gate", "a", "v")}
_PLAIN = {"fuse_norm": False, "fuse_cross_entropy": False, "fuse_linear_cross_entropy": False}


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Any:
    if DEVICE == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
        pytest.skip("without a GPU its kernels need TRITON_INTERPRET=1")
    pytest.importorskip("fla")
    if DEVICE == "cpu":  # there is nothing to choose the fastest setting of a kernel by
        autotuner = pytest.importorskip("triton.runtime.autotuner").Autotuner
        run = autotuner.run

        def run_first(self: Any, *args: Any, **kwargs: Any) -> Any:
            self.configs = self.configs[:1]
            return run(self, *args, **kwargs)

        monkeypatch.setattr(autotuner, "run", run_first)
    from fla.models import RWKV7Config, RWKV7ForCausalLM  # pyright: ignore[reportMissingImports]

    torch.manual_seed(0)
    return RWKV7ForCausalLM(RWKV7Config(**_SIZES, **_LOW_RANKS, **_PLAIN)).to(DEVICE).eval()


@torch.no_grad()
def test_steps_from_a_cache_give_the_logits_of_the_whole(model: Any) -> None:
    tokens = torch.randint(3, 40, (2, 6), device=DEVICE)
    before = model(input_ids=tokens, use_cache=False).logits
    shut = graft(model, GraftConfig(heads=2, width=4, depth=16))
    assert torch.equal(shut(input_ids=tokens, use_cache=False).logits, before)
    opened = graft(ungraft(shut), OPEN)
    enliven(opened)
    whole = opened(input_ids=tokens, use_cache=False).logits
    assert float((whole - before).abs().max()) > 100 * NEAR
    first = opened(input_ids=tokens[:, :4], use_cache=True)
    cache = first.past_key_values
    assert type(cache).__module__.startswith("fla.")
    steps = [first.logits]
    for place in (4, 5):
        steps.append(opened(input_ids=tokens[:, place : place + 1], past_key_values=cache, use_cache=True).logits)
    assert float((torch.cat(steps, 1) - whole).abs().max()) < NEAR
    cache = opened(input_ids=tokens[:, :4], use_cache=True).past_key_values
    cache.layers[-1].reset()  # what the structure held is lost
    lost = opened(input_ids=tokens[:, 4:5], past_key_values=cache, use_cache=True).logits
    assert float((lost - whole[:, 4:5]).abs().max()) > 100 * NEAR
