"""How much a model can be given at once, and on which device."""

from random import Random
from typing import Any

import torch

from neurallambda.errors import ArgumentError
from neurallambda.llm.teaching.tasks import TextTask, draw

DRAWN = 32
"""So many examples say how many tokens those of a length take."""


def positions_of(model: Any) -> int | None:
    """How many tokens a model can read, where it has a vector for each position; None: there is no such bound.

    Recurrent models have no bound, and rotary ones compute further than they were trained.

    Args:
        model: as transformers has them.
    """
    config = getattr(model, "config", None)
    if getattr(config, "rope_parameters", None) is not None:
        return None
    return getattr(config, "n_positions", None) or getattr(config, "max_position_embeddings", None)


def device_of(model: Any) -> torch.device:
    """Where a model is given its inputs: the device of its parameters.

    Args:
        model: any; one without parameters is given them on the processor.
    """
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def check_room(model: Any, count: int, given: str) -> None:
    """Refuse texts that are longer than a model can read.

    Args:
        model: which.
        count: how many tokens they have.
        given: what makes them so long, in words.

    Raises:
        ArgumentError: what came, and how many tokens the model can read.
    """
    positions = positions_of(model)
    if positions is not None and count > positions:
        raise ArgumentError(
            f"{given}, which makes {count} tokens, expected at most the {positions} that the model has positions for; "
            "a smaller number may help"
        )


def longest_prompt(task: TextTask, tokenizer: Any, length: int) -> int:
    """How many tokens the longest of some inputs has, without its answer.

    Args:
        task: whose inputs.
        tokenizer: of the model.
        length: theirs.
    """
    drawn = draw(task, length, DRAWN, Random(0), tokenizer)
    return int((drawn.real & ~drawn.answer).sum(1).max())


def check_length(model: Any, task: TextTask, tokenizer: Any, length: int, *, name: str = "length") -> None:
    """Refuse a length of inputs that with their answers are longer than a model can read.

    Args:
        model: which.
        task: whose inputs.
        tokenizer: of the model.
        length: theirs.
        name: of the argument.

    Raises:
        ArgumentError: which argument, what came, and how many tokens the model can read.
    """
    if positions_of(model) is not None:
        count = draw(task, length, DRAWN, Random(0), tokenizer).tokens.shape[1]
        check_room(model, count, f"{name}: got {length}")
