"""NeuralBeta against its judges: the discrete stepper, step by step, and `lang.normalize`."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from neurallambda.beta import STRATEGIES, NeuralBeta, Strategy
from neurallambda.beta.assemble import assemble
from neurallambda.beta.cells import Cells
from neurallambda.beta.encode import letters
from neurallambda.beta.write import to_term
from neurallambda.errors import ErrorKind, ProgramError
from neurallambda.lang.normalize import normalize
from neurallambda.lang.outcome import Outcome
from neurallambda.lang.prelude import prelude
from neurallambda.lang.syntax.printer import to_text
from neurallambda.lang.terms import Function, Program, Term
from tests.beta.stepping import by_discrete, check_steps
from tests.programs import HOLE_PROGRAMS, PROGRAMS
from tests.strategies import lambda_terms, programs, terms
from tests.waiting_programs import waiting_programs

SMALL = range(-30, 121)


def slowly(max_examples: int) -> settings:
    """Settings of a test whose examples are large."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=max_examples, suppress_health_check=checks)


UNFIT = (ErrorKind.OUT_OF_MEMORY, ErrorKind.OUT_OF_STEPS)

MUST_REDUCE = {
    "((fn [x] x) 42)": "42",
    "((fn [x y z] '(x y z)) 1 2 3)": "'(1 2 3)",
    "((fn [x f] (f x)) 42 (fn [y] '(0 y y 100 y)))": "'(0 42 42 100 42)",
    "((fn [g f z] (g (f z))) (fn [y] '(y y y)) (fn [x] '(x x)))": "(fn [z] '('(z z) '(z z) '(z z)))",
    "(((fn [x] (fn [y] x)) 1) 2)": "1",
    "((fn [m n f] (m (n f))) (fn [f x] (f (f x))) (fn [f x] (f (f (f x)))))": "(fn [f x] (f (f (f (f (f (f x)))))))",
}
COUNTING = """
((fn [x] x)
 ((fn [f] ((fn [x] (f (x x))) (fn [x] (f (x x)))))
  (fn [self n] (if (= n 0) 0 (+ 1 (self (- n 1)))))
  4))"""


def make(
    kind: str = "onehot", *, cells: int, integers: range = SMALL, strategy: Strategy = STRATEGIES["normal"]
) -> NeuralBeta:
    generator = torch.Generator().manual_seed(0)
    return NeuralBeta(cells=cells, integers=integers, codebook=kind, strategy=strategy, generator=generator)


def fits(beta: NeuralBeta, source: str | Term) -> Cells | None:
    """The program as cells, if it has room to run."""
    try:
        program = assemble(source)
        letters(program, beta.alphabet)
    except ProgramError:
        return None
    return program


def expected(source: str | Term, max_steps: int = 3_000) -> str:
    try:
        return to_text(normalize(source, max_steps=max_steps))
    except ProgramError as error:
        return error.kind


def ends(outcome: Outcome) -> str:
    return str(outcome.error) if outcome.error else outcome.text


@pytest.mark.parametrize("kind", ["onehot", "orthonormal", "gaussian"])
@pytest.mark.parametrize(("source", "value"), [*MUST_REDUCE.items(), (COUNTING, "4")])
def test_the_first_programs(kind: str, source: str, value: str) -> None:
    assert to_text(make(kind, cells=64).normalize(source)) == value


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
@pytest.mark.parametrize("source", MUST_REDUCE)
def test_the_first_programs_by_every_strategy(strategy: Strategy, source: str) -> None:
    assert to_text(make(cells=64, strategy=strategy).normalize(source)) == MUST_REDUCE[source]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_the_table_step_by_step(strategy: Strategy) -> None:
    beta = make(cells=40, strategy=strategy)
    found = (fits(beta, example.source) for example in (*PROGRAMS, *HOLE_PROGRAMS))
    chosen = [program for program in found if program is not None]
    assert len(chosen) > 250
    for start in range(0, len(chosen), 128):
        check_steps(beta, chosen[start : start + 128], max_steps=30)


def test_orthonormal_steps_are_the_same() -> None:
    beta = make("orthonormal", cells=40)
    found = (fits(beta, example.source) for example in PROGRAMS[::10])
    check_steps(beta, [program for program in found if program is not None], max_steps=30, tolerance=1e-5)


@pytest.mark.slow
def test_the_table_ends_as_normalize_does() -> None:
    beta = make(cells=64)
    chosen = [example.source for example in PROGRAMS if fits(beta, example.source)]
    outcomes = beta.normalize(chosen, max_steps=150)
    unfit = 0
    for source, outcome in zip(chosen, outcomes, strict=True):
        if outcome.error in (*UNFIT, ErrorKind.OVERFLOW):
            unfit += 1
        else:
            assert ends(outcome) == expected(source), source
    assert unfit < 40


def agree(source: str | Term, strategy: Strategy, *, cells: int = 200, max_steps: int = 1_500) -> bool:
    """Whether a program fits; where it does, the discrete stepper must end as `normalize` does."""
    program = assemble(source)
    if len(program) > cells:
        return False
    step, _ = by_discrete(program, cells, max_steps, strategy, range(-(10**9), 10**9))
    if step is None or step.error in UNFIT:
        return False
    found = step.error or to_text(to_term(step.state.cells, dict(program.names)))
    assert found == expected(source)
    return True


def compared(found: list[bool], least: int) -> None:
    """A property that compares nothing holds always: so many programs must have fitted, and been compared.

    What does not fit is drawn again (`assume`), so this does not hang on how many of the drawn programs come to an end.
    """
    assert sum(found) >= least, f"{sum(found)} of {len(found)} were compared, expected at least {least}"


def test_lambda_terms_have_the_normal_forms_of_the_reference() -> None:
    found = list[bool]()

    @given(lambda_terms(), st.sampled_from(list(STRATEGIES.values())))
    def check(term: Term, strategy: Strategy) -> None:
        found.append(agree(term, strategy))
        assume(found[-1])

    check()
    compared(found, 80)


def test_programs_have_the_normal_forms_of_the_reference() -> None:
    found = list[bool]()

    @slowly(100)
    @given(programs())
    def check(program: Program) -> None:
        found.append(agree(program, STRATEGIES["normal"]))
        assume(found[-1])

    check()
    compared(found, 80)


def test_recursive_calls_that_may_wait_have_the_normal_forms_of_the_reference() -> None:
    found = list[bool]()

    @slowly(100)
    @given(waiting_programs())
    def check(program: Program) -> None:
        found.append(agree(program, STRATEGIES["normal"], cells=160, max_steps=500))
        assume(found[-1])

    check()
    compared(found, 80)


@pytest.mark.slow
def test_the_prelude_is_that_of_the_reference_where_it_waits() -> None:
    """Each of its functions as it is, and called with free variables, in the scope of others that are called so, too."""
    fit = 0
    for name, definition in prelude().items():
        assert isinstance(definition.value, Function)
        arguments = "u v w"[: max(0, 2 * len(definition.value.parameters) - 1)]
        for source in (
            name,
            f"({name} {arguments})",
            f"(defn {name} [x] x) (fn [us] '(({name} us) (sort us) (sum us)))",
        ):
            fit += agree(source, STRATEGIES["normal"], cells=400, max_steps=400)
    assert fit > 200


@pytest.mark.parametrize(
    ("source", "normal_form"),
    [
        ("(length xs)", "(length xs)"),
        ("(length (cons 1 (cons 2 xs)))", "(+ 1 (+ 1 (length xs)))"),
        ("length", "(fn [xs] (if (empty? xs) 0 (+ 1 (length (cdr xs)))))"),
        ("(let [f (fn [ys] (take 1 ys))] '(f (f '(1 2)) (f zs)))", "'((fn [ys] (take 1 ys)) '(1) (take 1 zs))"),
        ("(foldl max 0 '(a))", "(if (< 0 a) a 0)"),
        ("(defn f [] (if x 1 (f))) '(f (f))", "'((fn [] (if x 1 (f))) (f))"),
        (
            "(fn [k] (letrec [f (fn [n] (if (= n k) 0 (f (+ n 1))))] (f 0)))",
            "(fn [k] (letrec [f (fn [n] (if (= n k) 0 (f (+ n 1))))] (f 0)))",
        ),
        ("(+ 1 (length 5))", ErrorKind.NOT_A_PAIR),
        ("(fn [x] (length 5))", "(fn [x] (+ 1 (length (cdr 5))))"),
    ],
)
@pytest.mark.parametrize("kind", ["onehot", "orthonormal"])
def test_recursive_calls_unfold_as_far_as_they_can_decide(source: str, normal_form: str, kind: str) -> None:
    (outcome,) = make(kind, cells=128).normalize([source])
    assert ends(outcome) == normal_form == expected(source)


def test_a_loop_of_tail_calls_needs_no_room() -> None:
    value = make(cells=44).normalize("(defn loop [n] (if (= n 0) 0 (loop (- n 1)))) (loop 25)")
    assert to_text(value) == "0"


def check_batch(beta: NeuralBeta, sources: Sequence[Term], max_steps: int) -> None:
    chosen = [program for source in sources if (program := fits(beta, source)) is not None]
    if chosen:
        check_steps(beta, chosen, max_steps)


@pytest.mark.slow
@slowly(8)
@given(st.lists(lambda_terms(), min_size=8, max_size=8), st.sampled_from(list(STRATEGIES.values())))
def test_lambda_terms_step_by_step(sources: list[Term], strategy: Strategy) -> None:
    check_batch(make(cells=40, integers=range(2), strategy=strategy), sources, max_steps=50)


@pytest.mark.slow
@slowly(6)
@given(st.lists(waiting_programs(), min_size=8, max_size=8), st.sampled_from(list(STRATEGIES.values())))
def test_recursive_calls_step_by_step(sources: list[Term], strategy: Strategy) -> None:
    check_batch(make(cells=80, strategy=strategy), sources, max_steps=150)


@pytest.mark.slow
@slowly(6)
@given(st.lists(programs() | terms(), min_size=8, max_size=8))
def test_programs_step_by_step(sources: list[Term]) -> None:
    check_batch(make(cells=48), sources, max_steps=40)
