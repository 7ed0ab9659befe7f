"""The figure of a network that reverses a string: what its stack and its queue hold, and what is done to them.

`python -m docs.figures.reversal` trains the network, which takes half a minute, and writes `reversal.svg` beside this file. Another
machine may find another program.
"""

from pathlib import Path

from neurallambda.tasks import task
from neurallambda.train import changed, inspect, recipe_for, train

FILE = Path(__file__).with_name("reversal.svg")
STRING = "01101000"


def main() -> None:
    """Train, and draw what the best seed does."""
    trained = train(changed(recipe_for("reverse-string"), ["seeds=3"]), device="cpu")
    found = inspect(trained.member(), task("reverse-string"), STRING)
    assert found.is_right
    found.draw(FILE)


if __name__ == "__main__":
    main()
