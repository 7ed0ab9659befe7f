"""Whole runs that a model drives: right with the right actions, and wrong, but over, with any others."""

import pytest
import torch
from torch import Tensor, nn

from neurallambda.nn import StepModel
from neurallambda.tasks import Task, task
from neurallambda.tasks.traces.steps import STEPS
from neurallambda.train import evaluate, train
from neurallambda.train.recipes import recipe_for


class Oracle(nn.Module):
    """Answers what the traces say; in one situation, if it is told so, something else."""

    def __init__(self, asked: Task, wrong: int | None = None) -> None:
        super().__init__()
        self.asked, self.wrong, self.nothing = asked, wrong, nn.Parameter(torch.zeros(()))

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        width = self.asked.shortest
        logits = torch.zeros(*tokens.shape, self.asked.outputs)
        for row, line in enumerate(tokens.tolist()):
            for place, answer in enumerate(self.asked.answer(line[:width])):
                chosen = (answer + 1) % self.asked.outputs if line[1] == self.wrong else answer
                logits[row, width + place, chosen] = 1
        return logits


@pytest.mark.parametrize("name", list(STEPS))
def test_an_oracle_is_right_and_a_wrong_one_is_not(name: str) -> None:
    one = task(name)
    assert evaluate(Oracle(one), one, lengths=(7, 60), rows=6).exact == ((1.0, 1.0),)
    first = one.symbols.index(one.symbols[1])
    assert sum(evaluate(Oracle(one, wrong=first), one, lengths=(7,), rows=6).exact[0]) < 1


def test_an_untrained_network_ends_and_is_wrong() -> None:
    one = task("addition-steps")
    found = evaluate(StepModel(one.inputs, one.outputs, seen=4, actions=4), one, lengths=(8,), rows=4)
    assert found.exact[0][0] < 1


def test_the_recipe_learns_addition_from_short_traces() -> None:
    recipe = recipe_for("addition-steps")
    assert recipe.name == "steps"
    trained = train(recipe, device="cpu")
    assert trained.scores == (1.0,) * 6
    found = evaluate(trained.population, trained.task, lengths=(200,), rows=8)
    assert found.exact == ((1.0,),) * 6
