"""Learn two machines from examples by gradient descent, and get their rules back.

Parity from labelled strings alone, and a^n b^n, which needs a stack, from strings and the symbols that may come next. What
was learned is rounded to rules that the exact machine runs, and judged on strings ten times as long as any it saw.
"""

from neurallambda.automata import Automaton, library
from neurallambda.automata.data.generate import Recipe
from neurallambda.automata.data.lengths import Lengths
from neurallambda.automata.diagram import to_text
from neurallambda.twins import NeuralFSM, SuperposedAutomaton
from neurallambda.twins.blank import blank_fsm, blank_pda
from neurallambda.twins.examples import Example, draw_examples
from neurallambda.twins.learning import Course, learn

TRAIN = Recipe(size=300, lengths=Lengths.parse("1-20"), negatives=0.5)
TEST = Recipe(size=300, lengths=Lengths.parse("190-200"), negatives=0.5, seed=1)


def report(name: str, twin: NeuralFSM | SuperposedAutomaton, examples: list[Example], course: Course) -> None:
    """Learn, and say what came of it."""
    learned = learn(twin, examples, course, seed=0)
    fit = sum(attempt.fits for attempt in learned.attempts)
    print(f"{name}: {fit} of {course.starts} starts give rules that fit all examples")
    if learned.machine is None:
        return
    right = sum(learned.machine.accepts(one.string) == one.label for one in draw_examples(library.load(name), TEST))
    print(to_text(learned.machine))
    print(f"{name}: right on {right} of {TEST.size} strings of 190 to 200 symbols")


def alphabet(machine: Automaton) -> str:
    return "".join(machine.alphabet)


def main() -> None:
    parity, anbn = library.load("parity"), library.load("anbn")

    report(
        "parity",
        NeuralFSM(blank_fsm(alphabet(parity), states=4)),
        draw_examples(parity, TRAIN),
        Course(starts=4, steps=250),
    )
    report(
        "anbn",
        SuperposedAutomaton(blank_pda(alphabet(anbn), states=2, stack="A"), capacity=20),
        draw_examples(anbn, TRAIN, with_prospects=True),
        Course(starts=4, steps=120, batch=32, may_stop=True),
    )


if __name__ == "__main__":
    main()
