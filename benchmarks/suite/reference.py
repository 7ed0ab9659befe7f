"""The reference evaluator: how long a loop takes, and that it takes no memory."""

from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.memory import peak_process_memory
from benchmarks.timing import measure_time
from neurallambda.lang.evaluate import evaluate

STEPS_A_ROUND = 10


def loop(rounds: int) -> str:
    """A program that counts down to zero by tail calls."""
    return f"(defn down [n] (if (= n 0) 0 (down (- n 1)))) (down {rounds})"


def run_loop(rounds: int) -> None:
    """Run the loop and throw its value away."""
    evaluate(loop(rounds))


@benchmark(
    claim="a million steps of a tail-recursive loop take a few seconds, and no more memory than a thousand",
    limits={"seconds": 4.0, "extra_bytes": 2**20},
)
def reference_loop(seed: int) -> Case:
    """Time and memory of the loop, at a million steps."""
    rounds = 1_000_000 // STEPS_A_ROUND
    outcome = evaluate(loop(rounds))

    def measure() -> Numbers:
        seconds = measure_time(lambda: run_loop(rounds), repeats=5)
        short, long = (peak_process_memory(run_loop, count) for count in (100, rounds))
        return {"steps": outcome.steps, "seconds": seconds, "extra_bytes": long - short}

    return Case(
        verify=lambda: {"the loop ends at zero": str(outcome) == "0", "it is a million steps": outcome.steps >= 10**6},
        measure=measure,
    )
