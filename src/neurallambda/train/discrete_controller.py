"""A hardened controller as the machine that it is: discrete states, stacks and queues, and rules."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from neurallambda.automata.rules.machine import Acceptance
from neurallambda.automata.rules.rule import Operation, Rule
from neurallambda.automata.rules.vocabulary import ANY, INITIAL
from neurallambda.automata.turing import TuringMachine
from neurallambda.errors import ArgumentError
from neurallambda.nn import CategoricalCell, Controller, hardened
from neurallambda.nn.recurrent import over_time
from neurallambda.structures.priority_queue import PriorityQueue
from neurallambda.tasks import Task
from neurallambda.train.inspection import held_name

_VERBS = {"stack": ("push", "pop", "nullop"), "queue": ("ENQR", "DEQL", "NULLOP")}
_SAMPLES = ((8, 256), (40, 256))
"""The greatest length of the inputs in whose runs rules are looked for, and how many they are."""

Read = tuple[str | None, ...]


def machine_of_controller(
    model: Controller, task: Task, *, empty: str, description: str, seed: int = 0
) -> TuringMachine:
    """The rules that a hardened controller follows, as a machine with stacks and queues.

    A controller whose choices are hard has finitely many situations: its state, the token, and what each structure shows. The
    rule of each situation that comes up in runs on sampled inputs, of up to 40 symbols, is written down. In another one the
    machine is stuck, and does not accept.

    The answer at a token depends on what the structures show after its step, so the machine writes it one step later: it has
    to read one empty symbol more than the row has.

    Args:
        model: with a categorical cell; others have no discrete states.
        task: what it was trained on.
        empty: the name of the empty token.
        description: of the machine.
        seed: of the sampled inputs.

    Raises:
        ArgumentError: if the cell is of another kind, or if there is no structure, or another than stacks and queues.
    """
    if not isinstance(model.augmented.cell, CategoricalCell):
        raise ArgumentError(
            f"model: got a controller with a {type(model.augmented.cell).__name__}, expected a CategoricalCell: other "
            f"cells have no discrete states"
        )
    if not model.augmented.structures:
        raise ArgumentError("model: got a controller without stacks and queues, expected at least one of them")
    if any(isinstance(one, PriorityQueue) for one in model.augmented.structures):
        raise ArgumentError(
            "model: got a controller with a priority queue, expected stacks and queues only: no exact machine has others"
        )
    names = [*task.symbols, empty]
    kinds = ["stack" if "Stack" in type(one).__name__ else "queue" for one in model.augmented.structures]
    rules: dict[tuple[str, str, Read], Rule] = {}
    states: dict[tuple[int, Read], str] = {}
    generator = torch.Generator().manual_seed(seed)
    for longest, rows in _SAMPLES:
        batch = task.batch((task.shortest, max(longest, task.shortest)), rows, generator=generator)
        # one empty token more: the machine writes the last answer while it reads that
        rows_of_tokens = torch.cat([batch.tokens, torch.full_like(batch.tokens[:, :1], task.empty)], 1)
        on = next(model.parameters()).device  # training leaves a model on the GPU
        for tokens, steps in zip(rows_of_tokens.tolist(), _steps(model, rows_of_tokens.to(on), kinds), strict=True):
            state, shown, answer = INITIAL, (None,) * len(kinds), None
            for token, (hidden, operations, shows, says) in zip(tokens, steps, strict=True):
                target = states.setdefault((hidden, shown), f"Q{len(states) + 1}")
                situation = (names[token], state, shown)
                rules[situation] = Rule(names[token], state, shown, target, operations, answer)
                state, shown, answer = target, shows, task.answers[says]
    return TuringMachine(
        symbols=tuple(names),
        rules=tuple(rules.values()),
        acceptance=Acceptance(states=(ANY,)),
        framed=False,
        separator="" if all(len(name) == 1 for name in names) else " ",
        tapes=0,
        stacks=kinds.count("stack"),
        queues=kinds.count("queue"),
        description=description,
    )


_Step = tuple[int, tuple[Operation, ...], Read, int]


@torch.no_grad()
def _steps(model: Controller, tokens: Tensor, kinds: list[str]) -> Iterator[list[_Step]]:
    """For each row its steps: the state, what is done to the structures, what they then show, and the answer."""
    was_training = model.training
    roomy = model.eval().with_room_for(tokens.shape[1])
    given: list[list[tuple[Tensor, ...]]] = [[] for _ in roomy.augmented.groups]
    hooks = [
        operands.register_forward_hook(lambda _module, _inputs, made, kept=kept: kept.append(made))
        for operands, kept in zip(roomy.augmented.operands, given, strict=True)
    ]
    hidden, reads = [], []

    def step(state: Any, moment: Any) -> tuple[Any, Tensor]:
        state, output = roomy.advance(state, moment)
        hidden.append(state.hidden[0].argmax(-1))
        reads.append(state.reads.clone())  # a network that only runs may write its structures in place
        return state, output

    try:
        with hardened(model):
            _, outputs = over_time(step, *roomy.prepare(tokens, None))
            answers = roomy.finish(outputs).argmax(-1)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    rows = len(tokens)

    def parts(operand: int) -> Tensor:
        """[rows, time, heads]: the choice in one operand of every head; a constant behind the symbols takes no part."""
        per_group = [
            torch.stack([made[operand] for made in steps], 1).unflatten(0, (rows, -1)).transpose(1, 2)
            for steps in given
        ]
        joined = torch.cat(per_group, 2)
        return (joined[..., :-1] if operand else joined).argmax(-1)

    shown = torch.stack(reads, 1).unflatten(-1, (len(kinds), -1))
    # [rows, time, heads]: the symbol that each head shows, -1 where it shows nothing
    tops = torch.where(shown[..., -1] > 0.5, shown[..., :-1].argmax(-1), -1).tolist()
    states, said = torch.stack(hidden, 1).tolist(), answers.tolist()
    actions, values = parts(0).tolist(), parts(1).tolist()
    for row in range(rows):
        yield [
            (
                states[row][time],
                tuple(map(_operation, kinds, actions[row][time], values[row][time])),
                tuple(None if top < 0 else held_name(top) for top in tops[row][time]),
                said[row][time],
            )
            for time in range(tokens.shape[1])
        ]


def _operation(kind: str, action: int, value: int) -> Operation:
    verb = _VERBS[kind][action]
    return Operation(verb, held_name(value)) if action == 0 else Operation(verb)
