"""Learn what is missing in a program from what it should give, by descent through the machine that runs it.

First the two constants of `(fn [x] (+ (* ?a x) ?b))`, from four pairs of input and output; then the operator of
`(?op 6 3)`, from one result.
"""

from collections.abc import Mapping, Sequence

import torch

import neurallambda as nl

PAIRS = ((1, 8), (2, 11), (3, 14), (4, 17))
OPERATORS = ("+", "-", "*", "/", "mod", "=", "<", ">", "<=", ">=", "cons")
STEPS = 40


def learn(
    machine: nl.Machine, sources: Sequence[str], wanted: Sequence[int], holes: Mapping[str, nl.Soft]
) -> dict[str, int | bool | str]:
    """Adjust the logits of the holes until each program gives what is wanted; returns the likeliest fillings."""
    programs = [machine.assemble(source) for source in sources]
    optimizer = torch.optim.Adam([hole.logits for hole in holes.values()], lr=0.5)
    for step in range(STEPS):
        result = machine.run(machine.encode(programs, holes=holes))
        chances = torch.stack([result.probability(value)[row] for row, value in enumerate(wanted)])
        loss = -chances.log().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 9:
            print(f"  step {step + 1}: loss {loss.item():.4f}")
    return {name: hole.values[int(hole.logits.argmax())] for name, hole in holes.items()}


def undecided(values: Sequence[int | str]) -> nl.Soft:
    """A hole that may be any of the values, each with the same probability."""
    return nl.Soft(tuple(values), torch.zeros(len(values), requires_grad=True))


def main() -> None:
    machine = nl.Machine(integers=range(-32, 32))

    print("the constants of (fn [x] (+ (* ?a x) ?b))")
    sources = [f"((fn [x] (+ (* ?a x) ?b)) {given})" for given, _ in PAIRS]
    holes = {"a": undecided(machine.integers), "b": undecided(machine.integers)}
    found = learn(machine, sources, [wanted for _, wanted in PAIRS], holes)
    print(f"  learned (fn [x] (+ (* {found['a']} x) {found['b']}))")

    print("the operator of (?op 6 3)")
    found = learn(machine, ["(?op 6 3)"], [18], {"op": undecided(OPERATORS)})
    print(f"  learned ({found['op']} 6 3)")


if __name__ == "__main__":
    main()
