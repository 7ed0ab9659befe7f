"""Learn to replace one symbol by another in a sequence, and do it to symbols never seen and to longer sequences.

A choice by NANDs learns the rule itself. A perceptron and a recurrent network of as many parameters learn it for the
symbols they were shown.
"""

import argparse

import torch
from torch import Generator, nn

from neurallambda.nn import NandChoice
from neurallambda.symbols import Codebook
from neurallambda.tasks.baselines import Perceptron, Recurrent, count, widest
from neurallambda.tasks.substitution import draw, exact, train

SIZE = 64
SEEN, UNSEEN = range(128), range(128, 256)
TESTS = {"seen": (SEEN, 16), "unseen": (UNSEEN, 16), "longer": (SEEN, 64), "unseen and longer": (UNSEEN, 64)}


def models(generator: Generator) -> dict[str, nn.Module]:
    """The three, of one size."""
    nand = NandChoice(candidates=3, size=SIZE, gates=64, generator=generator)
    perceptron, recurrent = (widest(kind, size=SIZE, parameters=count(nand)) for kind in (Perceptron, Recurrent))
    return {
        "NAND": nand,
        "perceptron": Perceptron(size=SIZE, width=perceptron, generator=generator),
        "recurrent": Recurrent(size=SIZE, width=recurrent, generator=generator),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    codebook = Codebook.make(
        range(256), kind="bipolar", vec_size=SIZE, generator=torch.Generator().manual_seed(options.seed)
    )
    print("exact sequences in 500")
    for name, model in models(torch.Generator().manual_seed(options.seed)).items():
        generator = torch.Generator().manual_seed(options.seed)
        rate = 0.03 if name == "NAND" else 0.003  # fit for few steps; the benchmark chooses for each
        train(model, codebook, SEEN, steps=options.steps, learning_rate=rate, generator=generator)
        for test, (symbols, length) in TESTS.items():
            right = exact(model, codebook, draw(symbols, batch=500, length=length, generator=generator))
            print(f"{name}, {test}: {500 * right:.0f}")


if __name__ == "__main__":
    main()
