"""A controller that is told of names only which are equal: other names, same answers."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurallambda.errors import ArgumentError
from neurallambda.nn import NameBlindController, harden
from neurallambda.tasks import task

NAMES, OTHERS = 5, 2
INPUTS = NAMES + OTHERS
"""Five names, one other token, and the empty one."""
KINDS: dict[str, dict[str, Any]] = {
    "asked along": {"outputs": NAMES + 1, "answers_names": True, "latches": 2, "dictionaries": 1, "queues": 1},
    "asked after": {"outputs": 3, "stacks": 1, "queues": 1, "pause": True},
}


def model(kind: str, seed: int) -> NameBlindController:
    torch.manual_seed(seed)
    return NameBlindController(INPUTS, names=NAMES, **KINDS[kind]).eval()


@pytest.mark.parametrize("kind", KINDS)
@given(st.integers(0, 2**16), st.permutations(range(NAMES)), st.booleans())
@settings(max_examples=15, deadline=None)
def test_renamed_inputs_have_renamed_answers(kind: str, seed: int, order: list[int], is_hard: bool) -> None:
    made = model(kind, seed)
    harden(made, is_hard)
    renamed = torch.tensor([*order, *range(NAMES, INPUTS)])
    tokens = torch.randint(INPUTS - 1, (3, 9), generator=torch.Generator().manual_seed(seed))
    answers, others = made(tokens), made(renamed[tokens])
    if made.answered:
        others = others[..., torch.tensor([*order, *range(NAMES, made.outputs)])]
    torch.testing.assert_close(answers, others, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@given(st.integers(0, 2**16))
@settings(max_examples=10, deadline=None)
def test_what_is_hard_answers_alike_in_place(kind: str, seed: int) -> None:
    made = model(kind, seed)
    harden(made)
    tokens = torch.randint(INPUTS - 1, (3, 9), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        torch.testing.assert_close(made(tokens), made(tokens, torch.ones_like(tokens, dtype=torch.bool)))


def test_a_row_that_is_answered_after_a_pause_does_not_see_how_long_others_are() -> None:
    made, tokens = model("asked after", 0), torch.tensor([[0, 1, 2, 1, 0]])
    longer = torch.nn.functional.pad(tokens, (0, 6), value=INPUTS - 1)
    with torch.no_grad():
        torch.testing.assert_close(made(tokens)[0, 0], made(longer)[0, -1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_an_answer_without_a_chance_has_a_finite_slope_in_low_precision(dtype: torch.dtype) -> None:
    made = model("asked along", 0).to(dtype)
    tokens = torch.zeros(2, 5, dtype=torch.long)
    never = torch.full_like(tokens, NAMES - 1)  # a name that is nowhere at hand
    loss = torch.nn.functional.cross_entropy(made(tokens).flatten(0, 1), never.flatten(), reduction="sum")
    loss.backward()
    assert loss.isfinite()
    assert all(one.grad is None or bool(one.grad.isfinite().all()) for one in made.parameters())


def test_what_is_put_is_inclined_to_be_the_name_that_comes_and_a_key_is_not() -> None:
    options: dict[str, Any] = {"names": NAMES, "stacks": 1, "latches": 1, "dictionaries": 1}
    plain, inclined = (NameBlindController(INPUTS, 3, **options, choice_bias=bias) for bias in (0.0, 4.0))
    of_parts = zip(plain.parts, *(made.to_logits.bias.split(made.sizes) for made in (plain, inclined)), strict=True)
    for part, before, after in of_parts:
        added = [4.0, 0.0, 0.0, 0.0] if part.name == "value" else [0.0] * len(before)
        assert (after - before).tolist() == added, part.name


@torch.no_grad()
@pytest.mark.parametrize(("key", "entered"), [(0, NAMES), (1, 0)], ids=["the name that comes", "none"])
def test_what_is_entered_under_no_name_takes_no_room(key: int, entered: int) -> None:
    """An empty latch is at hand as no name. Entered under it, names would fill a dictionary of one slot for each name."""
    made = NameBlindController(INPUTS, NAMES, names=NAMES, latches=1, dictionaries=1).eval()
    harden(made)
    made.to_logits.weight.zero_()
    for part, bias in zip(made.parts, made.to_logits.bias.split(made.sizes), strict=True):
        wanted = {"action": 2, "key": key}.get(part.name, 0)  # a latch holds, a dictionary enters
        bias.copy_(9.0 * torch.nn.functional.one_hot(torch.tensor(wanted), len(bias)))
    state, moments = made.prepare(torch.tensor([[*range(NAMES), *range(NAMES)]]), None)
    kinds, names, cell_noise, noise, _, _ = moments
    assert not noise
    assert not cell_noise
    for time in range(2 * NAMES):
        moment = (kinds[:, time], names[:, time], cell_noise, (), (), ())
        state, _ = made.advance(state, moment)
    memory = state[1][1]
    assert float(memory.used.sum()) == entered
    assert float(memory.overflow.sum()) == 0


@torch.no_grad()
def test_a_chain_of_latches_written_by_hand_looks_three_tokens_back() -> None:
    """What the recipe for n-back is to find: each latch takes what the one before it shows."""
    learned = task("n-back")
    made = NameBlindController(learned.inputs, 2, names=8, latches=3, states=1).eval()
    for parameter in made.parameters():
        parameter.zero_()
    of_latches = made.to_logits.bias.unflatten(0, (3, 3 + made.at_hand))
    of_latches[:, 0] = 1.0  # set
    for latch in range(3):
        of_latches[latch, 3 + latch] = 1.0  # to the name that comes, or to what the latch before shows
    pairs = [(left, right) for left in range(4) for right in range(left + 1, 4)]
    made.hidden.weight[0, 1 + made.at_hand + pairs.index((0, 3))] = 2.0
    made.hidden.bias[1], made.answer.weight[1, 0], made.answer.weight[0, 1] = 1.0, 1.0, 1.0
    harden(made)
    batch = learned.batch((1, 40), 16, generator=torch.Generator().manual_seed(0))
    assert learned.score(made(batch.tokens).argmax(-1), batch).exact == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": 0}, "names: got 0"),
        ({"names": INPUTS}, "inputs: got 7, expected an integer of at least 8"),
        ({"names": NAMES, "answers_names": True}, "outputs: got 2, expected an integer of at least 5"),
        ({"names": NAMES, "latches": -1}, "latches: got -1"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        NameBlindController(INPUTS, 2, **options)
