"""Worlds: certain programs in batches, long sums of uncertain digits, and conditions in a row."""

import torch
from torch import Tensor

import neurallambda as nl
from benchmarks.harness import Case, Numbers, benchmark
from benchmarks.timing import measure_ratio, measure_time
from neurallambda.lang.cek import run
from neurallambda.lang.cek_code import compile_core
from neurallambda.lang.lower import lower
from neurallambda.lang.syntax.parser import parse
from neurallambda.worlds import Recording, Worlds
from neurallambda.worlds.inputs import read_holes

BATCH = 1024
SAMPLE = 16
"""Rows that the reference runs, to compare with as many of the batch."""
CERTAIN = {
    "loop": "(defn go [n a] (if (= n 0) a (go (- n 1) (mod (+ (* 3 a) n) 97)))) (go ?n ?seed)",
    "recursion": "(defn f [n] (if (= n 0) ?seed (mod (* (+ n 1) (f (- n 1))) 1009))) (f ?n)",
    "lists": "(sum (map (fn [x] (mod (* x ?seed) 101)) (filter even? (range 0 ?n))))",
    "sort": "(sort (map (fn [x] (mod (* x ?seed) 101)) (range 0 (/ ?n 4))))",
}

ADD = """
(defn add [xs ys target carry]
  (if (empty? xs)
      (observe (= carry (car target)))
      (let [total (+ (+ carry (car xs)) (car ys))]
        (if (observe (= (mod total 10) (car target)))
            (add (cdr xs) (cdr ys) (cdr target) (/ total 10))
            false))))
(add ?xs ?ys ?target 0)
"""


def steps(source: str, n: int, seed: int) -> int:
    """Run a certain program by the reference evaluator; how many steps it took."""
    return run(compile_core(lower(parse(source)), {"n": n, "seed": seed}, None), None, None)[1]


@benchmark(
    claim="certain programs with different data: at least ten times the reference's steps a second at batch 1024",
    limits={f"{name}_worlds_over_reference": 0.1 for name in (*CERTAIN, "mixed")}
    | {"seconds_a_million_steps_in_lockstep": 0.05},
)
def worlds_certain(seed: int) -> Case:
    """Time a row, by worlds in a batch and by the reference one at a time; rows run for different numbers of rounds."""
    generator = torch.Generator().manual_seed(seed)
    rounds = torch.randint(150, 251, (BATCH,), generator=generator)
    seeds = torch.randint(1, 90, (BATCH,), generator=generator)
    programs = {name: Worlds().compile(source) for name, source in CERTAIN.items()}

    def by_reference(source: str) -> None:
        root = lower(parse(source))
        for n, start in zip(rounds[:SAMPLE].tolist(), seeds[:SAMPLE].tolist(), strict=True):
            run(compile_core(root, {"n": n, "seed": start}, None), None, None)

    sources = list(CERTAIN.values())
    mixed, which = Worlds().compile(sources), torch.arange(BATCH) % len(sources)

    def by_reference_alone(source: str, row: int) -> str:
        return nl.evaluate(source, holes={"n": int(rounds[row]), "seed": int(seeds[row])}).text

    def right(name: str) -> bool:
        found = programs[name].infer(n=rounds[:32], seed=seeds[:32])
        wanted = [by_reference_alone(CERTAIN[name], row) for row in range(32)]
        return bool((found.probability(wanted, each=True) == 1).all())

    def mixed_is_right() -> bool:
        found = mixed.infer(n=rounds[:64], seed=seeds[:64], which=which[:64])
        wanted = [by_reference_alone(sources[int(which[row])], row) for row in range(64)]
        return bool((found.probability(wanted, each=True) == 1).all())

    def measure() -> Numbers:
        found: dict[str, object] = {}
        for name, source in CERTAIN.items():
            program = programs[name]

            def batch(program: object = program) -> object:
                return program.infer(n=rounds, seed=seeds)  # pyright: ignore[reportAttributeAccessIssue]

            ratio = measure_ratio(batch, lambda source=source: by_reference(source), repeats=5)
            found[f"{name}_worlds_over_reference"] = ratio.median * SAMPLE / BATCH

        def mixed_by_reference() -> None:
            for one, n, start in zip(which.tolist(), rounds.tolist(), seeds[:SAMPLE].tolist(), strict=False):
                run(compile_core(lower(parse(sources[one])), {"n": n, "seed": start}, None), None, None)

        ratio = measure_ratio(lambda: mixed.infer(n=rounds, seed=seeds, which=which), mixed_by_reference, repeats=5)
        found["mixed_worlds_over_reference"] = ratio.median * SAMPLE / BATCH
        same = torch.full((16_384,), 200)
        starts = torch.randint(1, 90, (16_384,), generator=generator)
        taken = 16_384 * steps(CERTAIN["loop"], 200, 1)
        lockstep = measure_time(lambda: programs["loop"].infer(n=same, seed=starts), repeats=5)
        found["seconds_a_million_steps_in_lockstep"] = lockstep.median / taken * 1e6
        found["million_steps_a_second_in_lockstep"] = taken / lockstep.median / 1e6
        return found

    def verify() -> dict[str, bool]:
        return {f"{name} is right": right(name) for name in CERTAIN} | {"mixed is right": mixed_is_right()}

    return Case(verify=verify, measure=measure)


FEW, MANY = 4, 32
"""Rows of a program of which plain Python is faster, and of which the engine is."""
CROSSED = ("loop", "recursion", "lists", "mixed")
"""The programs, and those three together, each on so many rows."""


@benchmark(
    claim="certain programs on few rows are handed over to plain Python, which is faster there, and not on many",
    limits={f"{name}_plain_over_engine_on_{FEW}_rows": 1.0 for name in CROSSED}
    | {f"{name}_engine_over_plain_on_{MANY}_rows": 1.0 for name in CROSSED},
)
def worlds_crossing(seed: int) -> Case:
    """Rows that run for about two hundred rounds, by plain Python and by the engine."""
    generator = torch.Generator().manual_seed(seed)
    sources = {name: [CERTAIN[name]] for name in CROSSED if name in CERTAIN}
    sources["mixed"] = [source for (source,) in sources.values()]
    programs = {name: Worlds().compile(several) for name, several in sources.items()}
    data = {
        (name, rows): {
            "n": torch.randint(190, 211, (rows * len(several),), generator=generator),
            "seed": torch.randint(1, 90, (rows * len(several),), generator=generator),
        }
        for name, several in sources.items()
        for rows in (FEW, MANY)
    }

    def texts(name: str, rows: int, by_plain: bool) -> list[str]:
        program, given = programs[name], data[name, rows]
        which = torch.arange(len(given["n"])) % len(sources[name]) if name == "mixed" else None
        if by_plain:
            read = read_holes(program.code, given, program.settings.integers, None)
            read.which = which
            recording = program.plain.record(read, crossing=rows + 1)
            assert recording is not None
        else:
            recording = program.record(given, which=which)
        found = recording()
        return [text for _, text in sorted(zip(found.rows.tolist(), found.texts, strict=True))]

    def measure() -> Numbers:
        found: dict[str, object] = {}
        for name in programs:
            for rows, of, over in ((FEW, "plain", "engine"), (MANY, "engine", "plain")):
                ratio = measure_ratio(
                    lambda name=name, rows=rows, of=of: texts(name, rows, of == "plain"),
                    lambda name=name, rows=rows, of=of: texts(name, rows, of != "plain"),
                    repeats=5,
                )
                found[f"{name}_{of}_over_{over}_on_{rows}_rows"] = ratio.median
        return found

    return Case(
        verify=lambda: {
            f"{name} ends alike on {rows} rows": texts(name, rows, True) == texts(name, rows, False)
            for name, rows in data
        },
        measure=measure,
    )


def digits(length: int, batch: int, seed: int) -> dict[str, Tensor]:
    """Logits of the digits of two numbers, the last first, and the digits of some sum."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(0, 10, (2, batch, length), generator=generator)
    carry, target = torch.zeros(batch, dtype=torch.int64), []
    for place in range(length):
        total = numbers[:, :, place].sum(0) + carry
        target.append(total % 10)
        carry = total // 10
    logits = torch.randn(2, batch, length, 10, generator=generator)
    return {"xs": logits[0], "ys": logits[1], "target": torch.stack([*target, carry], 1)}


def recorded(data: dict[str, Tensor]) -> Recording:
    """The recording of the sum."""
    xs, ys = nl.Soft(range(10), data["xs"]), nl.Soft(range(10), data["ys"])
    return Worlds().compile(ADD).record(xs=xs, ys=ys, target=data["target"])


_SUMS = torch.zeros(100, 19, dtype=torch.float64)
for _one in range(10):
    for _other in range(10):
        _SUMS[_one * 10 + _other, _one + _other] = 1


def forward(xs: Tensor, ys: Tensor, target: Tensor) -> Tensor:
    """The forward algorithm for sums, vectorised over the batch and all pairs of digits, written by hand."""
    xs, ys = xs.double().softmax(-1), ys.double().softmax(-1)
    batch, length, _ = xs.shape
    carry = torch.arange(2)
    state = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(batch, 2)
    log = torch.zeros(batch, dtype=torch.float64)
    for place in range(length):
        pairs = (xs[:, place, :, None] * ys[:, place, None, :]).reshape(batch, 100) @ _SUMS
        wanted = target[:, place, None, None] + 10 * carry[None, None, :] - carry[None, :, None]
        inside = (wanted >= 0) & (wanted <= 18)
        move = pairs.gather(1, wanted.clamp(0, 18).flatten(1)).view(batch, 2, 2) * inside
        state = (state[:, None, :] @ move)[:, 0]
        total = state.sum(1, keepdim=True)
        log = log + total.log()[:, 0]
        state = state / total
    return log + state.gather(1, target[:, -1:])[:, 0].log()


@benchmark(
    claim="the sum of two numbers of N uncertain digits: time linear in N up to 1000, worlds bounded, replay as fast as by hand",
    limits={
        "time_of_1000_over_4_times_250": 1.3,
        "most_worlds": 110.0,
        "replay_over_forward_by_hand": 3.0,
        "worlds_a_digit": 750.0,
    },
)
def worlds_sums(seed: int) -> Case:
    """Recording at several lengths; replay with its gradient beside the forward algorithm with its own, batch 16, 50 digits."""
    data = digits(50, 16, seed)
    recording = recorded(data)

    def gradient(by_hand: bool) -> Tensor:
        xs, ys = (data[name].clone().requires_grad_() for name in ("xs", "ys"))
        log = forward(xs, ys, data["target"]) if by_hand else recording(xs=xs, ys=ys).log_evidence
        return torch.autograd.grad(log.sum(), xs)[0]

    def measure() -> Numbers:
        long = {length: digits(length, 1, seed) for length in (250, 500, 1000)}
        times = {length: measure_time(lambda one=one: recorded(one), repeats=3).median for length, one in long.items()}
        last = recorded(long[1000])
        growth = measure_ratio(lambda: recorded(long[1000]), lambda: recorded(long[250]), repeats=5).median / 4
        return {
            "digits": list(times),
            "seconds": list(times.values()),
            "time_of_1000_over_4_times_250": growth,
            "most_worlds": last.most,
            "worlds_a_digit": last.worlds / 1000,
            "replay_over_forward_by_hand": measure_ratio(lambda: gradient(False), lambda: gradient(True), repeats=7),
        }

    return Case(
        verify=lambda: {
            "the gradients agree": torch.allclose(gradient(False), gradient(True), rtol=0, atol=1e-6),
            "the evidence is that of the forward algorithm": torch.allclose(
                recording(xs=data["xs"], ys=data["ys"]).log_evidence,
                forward(data["xs"], data["ys"], data["target"]),
                rtol=0,
                atol=1e-9,
            ),
        },
        measure=measure,
    )


def conditions(count: int) -> Recording:
    """A program with so many uncertain conditions in a row, each of which adds one or nothing."""
    cs = [nl.Chances((True, False), (1, 3))] * count
    return Worlds().compile("(foldl (fn [total c] (+ total (if c 1 0))) 0 ?cs)").record(cs=cs)


@benchmark(
    claim="conditions in a row: worlds and time go by their number, where there are 2 to the power of it cases",
    limits={"worlds_of_80_over_worlds_of_40": 2.2, "time_of_80_over_time_of_40": 2.6},
)
def worlds_conditions(seed: int) -> Case:
    """Worlds alive at most, and time, for 10, 20, 40 and 80 conditions."""
    del seed

    def measure() -> Numbers:
        most = {count: conditions(count).most for count in (10, 20, 40, 80)}
        times = {count: measure_time(lambda count=count: conditions(count), repeats=5).median for count in most}
        return {
            "conditions": list(most),
            "most_worlds": list(most.values()),
            "seconds": list(times.values()),
            "worlds_of_80_over_worlds_of_40": most[80] / most[40],
            "time_of_80_over_time_of_40": times[80] / times[40],
        }

    counted = [conditions(10)().probability(heads).item() for heads in range(11)]
    expected = torch.distributions.Binomial(10, torch.tensor(0.25)).log_prob(torch.arange(11.0)).exp().tolist()
    return Case(
        verify=lambda: {
            "it is a binomial": all(abs(one - other) < 1e-6 for one, other in zip(counted, expected, strict=True))
        },
        measure=measure,
    )
