"""A step compiles to one graph, and takes the same step. Run without the shape checks, which torch.compile cannot trace."""

import pytest
import torch

from neurallambda.beta import NeuralBeta
from neurallambda.beta.memory import Memory

pytestmark = [
    pytest.mark.compile,
    pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"),  # torch's own
]

SOURCES = ["((fn [x] (+ x 1)) 2)", "((fn [x f] (f x)) 2 (fn [y] '(0 y y)))"]


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("kind", ["onehot", "gaussian"])
def test_a_step_is_one_graph(backend: str, kind: str) -> None:
    beta = NeuralBeta(cells=24, integers=range(-4, 8), codebook=kind, generator=torch.Generator().manual_seed(0))
    beta.requires_grad_(False)  # dynamo looks at the gradients of what a function closes over
    program = beta.encode(SOURCES)

    def step(memory: Memory) -> tuple[Memory, torch.Tensor]:
        after, cases = beta.step(memory, rules)
        return after, cases.moves

    with torch.no_grad():
        rules, memory = beta.rules(program), beta.start(program)
        compiled = torch.compile(step, fullgraph=True, backend=backend)
        for _ in range(6):
            expected, moves = step(memory)
            found, moves_found = compiled(memory)
            torch.testing.assert_close(moves_found, moves)
            torch.testing.assert_close(found.first, expected.first)
            torch.testing.assert_close(found.stack.depth, expected.stack.depth)
            memory = expected
