"""Learn which of twelve programs explains data, from input and output alone.

The programs are given and stay as they are. What is learned is a query: the program whose key it points at explains.
"""

import torch

import neurallambda as nl
from neurallambda.nn import ProgramBank

PROGRAMS = {
    "sum": "(sum ?xs)",
    "largest": "(maximum ?xs)",
    "smallest": "(minimum ?xs)",
    "first": "(first ?xs)",
    "last": "(last ?xs)",
    "how many are even": "(count even? ?xs)",
    "how many are above the first": "(count (fn [x] (> x (first ?xs))) ?xs)",
    "how many are different": "(length (distinct ?xs))",
    "median": "(nth (sort ?xs) 2)",
    "range": "(- (maximum ?xs) (minimum ?xs))",
    "second largest": "(nth (sort ?xs) 3)",
    "first minus last": "(- (first ?xs) (last ?xs))",
}


def examples(name: str, rows: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists of five numbers, and what a program gives for each."""
    lists = torch.randint(0, 10, (rows, 5), generator=generator)
    values = [int(nl.evaluate(PROGRAMS[name], holes={"xs": row}).text) for row in lists.tolist()]
    return lists, torch.tensor(values)


def explain(lists: torch.Tensor, values: torch.Tensor, generator: torch.Generator) -> str:
    """The name of the program that is learned from examples."""
    bank = ProgramBank(PROGRAMS, output=range(-9, 46), width=16, generator=generator)
    query = torch.zeros(1, 16, requires_grad=True)
    optimizer = torch.optim.Adam([query], lr=0.3)
    for _ in range(60):
        chances = bank(query.expand(len(lists), -1), xs=lists)
        loss = -chances.gather(1, (values + 9)[:, None]).clamp_min(-20).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return bank.choose(query)[0]


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    right = 0
    for name in PROGRAMS:
        found = explain(*examples(name, 24, generator), generator)
        right += found == name
        print(f"{name}: explained by {found}")
    print(f"right about {right} of {len(PROGRAMS)}")


if __name__ == "__main__":
    main()
