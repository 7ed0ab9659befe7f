"""At the corners every structure is its plain Python reference: equal reads, equal sizes, equal overflow."""

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from neurallambda.structures import Structure
from tests.structures.cases import FORMS, STRUCTURES, Discrete, batched, certain, encoded

CLIMATE = settings(max_examples=15, stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow])


def machine_of(structure: Structure[Any]) -> type[RuleBasedStateMachine]:
    """A state machine that drives `structure` and its reference with the same instructions."""

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.state = structure.init(1, dtype=torch.float64)
            self.reference = structure.reference()

        @rule(instruction=certain(structure))
        def step(self, instruction: tuple[Discrete, ...]) -> None:
            self.reference.step(*instruction)
            self.state, read = structure.step(self.state, *batched([encoded(structure, instruction)]))
            assert read[0].tolist() == self.reference.read()

        @rule(instruction=certain(structure))
        def masked_step(self, instruction: tuple[Discrete, ...]) -> None:
            operands = batched([encoded(structure, instruction)])
            self.state, _ = structure.step(self.state, *operands, mask=torch.tensor([False]))

        @invariant()
        def agree(self) -> None:
            assert structure.read(self.state)[0].tolist() == self.reference.read()
            assert structure.size(self.state)[0].item() == self.reference.size()
            assert self.state.overflow[0].item() == self.reference.overflow

    return Machine


@pytest.mark.parametrize("name", STRUCTURES)
def test_steps_equal_the_reference(name: str) -> None:
    run_state_machine_as_test(machine_of(STRUCTURES[name]), settings=CLIMATE)


@pytest.mark.parametrize(("name", "form"), FORMS)
@settings(max_examples=10)
@given(data=st.data())
def test_scans_equal_the_reference(name: str, form: str, data: st.DataObject) -> None:
    structure = STRUCTURES[name]
    instructions = data.draw(st.lists(certain(structure), min_size=1, max_size=30))
    operands = batched([batched([encoded(structure, one)]) for one in instructions], dim=1)
    reference = structure.reference()
    expected = []
    for instruction in instructions:
        reference.step(*instruction)
        expected.append(reference.read())
    state, reads = structure.scan(structure.init(1, dtype=torch.float64), *operands, form=form)
    torch.testing.assert_close(reads[0], torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(structure.size(state).item(), float(reference.size()), rtol=0, atol=1e-12)
    torch.testing.assert_close(state.overflow.item(), float(reference.overflow), rtol=0, atol=1e-12)
