"""Models with known answers: small ones from the books, and others whose algorithms are written out here."""

import math

import pytest
import torch
from torch import Tensor

import neurallambda as nl
from neurallambda.worlds import Worlds

WORLDS = Worlds()


def chance(source: str, value: object, **holes: object) -> float:
    return float(WORLDS.compile(source).infer(holes).probability(value)[0])


def test_two_coins_of_which_one_is_heads() -> None:
    source = "(let [a (flip 1 2) b (flip 1 2)] (if (observe (or a b)) (and a b) false))"
    assert chance(source, True) == pytest.approx(1 / 3, abs=1e-15)


def test_a_burglar_alarm() -> None:
    source = """
    (let [burglary (flip 1 1000) earthquake (flip 2 1000)
          alarm (cond (and burglary earthquake) (flip 95 100) burglary (flip 94 100) earthquake (flip 29 100)
                 else (flip 1 1000))
          john (if alarm (flip 9 10) (flip 5 100))
          mary (if alarm (flip 7 10) (flip 1 100))]
      (if (observe (and john mary)) burglary false))"""
    found = WORLDS.compile(source).infer()
    assert float(found.probability(True)[0]) == pytest.approx(0.284171835, abs=1e-9)
    assert float(found.log_evidence[0].exp()) == pytest.approx(0.002084100239, abs=1e-12)


MONTY_HALL = """
(defn opened [prize choice]
  (cond (= prize choice) (let [low (if (= choice 0) 1 0) high (if (= choice 2) 1 2)] (if (flip 1 2) low high))
   else (- 3 (+ prize choice))))
(let [open (opened ?prize 0)]
  (if (observe (= open 2)) (= ?prize (if {switch} 1 0)) false))
"""


@pytest.mark.parametrize(("switch", "wins"), [("true", 2 / 3), ("false", 1 / 3)])
def test_monty_hall(switch: str, wins: float) -> None:
    prize = nl.Chances((0, 1, 2), (1, 1, 1))
    assert chance(MONTY_HALL.format(switch=switch), True, prize=prize) == pytest.approx(wins, abs=1e-15)


def test_birthdays() -> None:
    """Whether two of so many people share a birthday, in a year of twelve days."""
    source = """
    (defn days [n seen] (if (= n 0) false
      (let [day (sample ?day)] (if (member day seen) true (days (- n 1) (insert-by < day seen))))))
    (days ?people '())"""
    day = nl.Chances(tuple(range(12)), (1,) * 12)
    for people in (1, 2, 4, 6):
        apart = math.prod((12 - k) / 12 for k in range(people))
        assert chance(source, True, day=day, people=people) == pytest.approx(1 - apart, abs=1e-12)


def test_a_loop_that_may_go_on_for_ever() -> None:
    """What has not ended within the limit is told with its weight."""
    found = Worlds(max_steps=150).compile("(defn wait [n] (if (flip 1 2) n (wait (+ n 1)))) (wait 0)").infer()
    assert float(found.probability(3)[0]) == pytest.approx(1 / 16, abs=1e-15)
    left = float(found.probability(nl.ErrorKind.OUT_OF_STEPS)[0])
    assert 0 < left < 1e-5
    total = sum(float(chance) for _, chance in found.distribution()[0])
    assert total == pytest.approx(1, abs=1e-12)
    error = found.error(0, nl.ErrorKind.OUT_OF_STEPS)
    assert error is not None
    assert "no end after 150 instructions" in error.message


ADD = """
(defn add [xs ys target carry]
  (if (empty? xs)
      (observe (= carry (car target)))
      (let [s (+ carry (+ (car xs) (car ys)))]
        (if (observe (= (mod s 10) (car target)))
            (add (cdr xs) (cdr ys) (cdr target) (/ s 10))
            false))))
(add ?xs ?ys ?target 0)
"""


def sums(digits: int, batch: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the digits of two numbers, the last digit first, and the digits of some sum of two numbers."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, batch, digits, 10, generator=generator, dtype=torch.float64)
    numbers = torch.randint(0, 10, (2, batch, digits), generator=generator)
    carry, target = torch.zeros(batch, dtype=torch.int64), []
    for place in range(digits):
        total = numbers[0, :, place] + numbers[1, :, place] + carry
        target.append(total % 10)
        carry = total // 10
    return logits[0], logits[1], torch.stack([*target, carry], 1)


def forward(xs: Tensor, ys: Tensor, target: Tensor) -> Tensor:
    """The logarithm of the probability of a sum, carry by carry."""
    xs, ys = xs.softmax(-1), ys.softmax(-1)
    state = torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(len(xs), 2)
    log = torch.zeros(len(xs), dtype=torch.float64)
    for place in range(xs.shape[1]):
        new = [torch.zeros(len(xs), dtype=torch.float64), torch.zeros(len(xs), dtype=torch.float64)]
        for carry in (0, 1):
            for one in range(10):
                for other in range(10):
                    total = one + other + carry
                    weight = state[:, carry] * xs[:, place, one] * ys[:, place, other]
                    new[total // 10] = new[total // 10] + weight * (target[:, place] == total % 10)
        stacked = torch.stack(new, 1)
        log = log + stacked.sum(1).log()
        state = stacked / stacked.sum(1, keepdim=True)
    return log + state.gather(1, target[:, -1:])[:, 0].log()


def test_the_sum_of_two_numbers_is_a_forward_algorithm() -> None:
    xs, ys, target = sums(5, 3, seed=1)
    xs.requires_grad_()
    found = WORLDS.compile(ADD).infer(xs=nl.Soft(range(10), xs), ys=nl.Soft(range(10), ys), target=target)
    expected = forward(xs, ys, target)
    torch.testing.assert_close(found.log_evidence, expected, rtol=0, atol=1e-10)
    (mine,) = torch.autograd.grad(found.log_evidence.sum(), xs)
    (theirs,) = torch.autograd.grad(expected.sum(), xs)
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-10)
    assert found.run.most <= 3 * 200


def test_long_sums_take_as_many_worlds_as_short_ones() -> None:
    counts = []
    for digits in (10, 20, 40):
        xs, ys, target = sums(digits, 1, seed=2)
        run = WORLDS.compile(ADD).infer(xs=nl.Soft(range(10), xs), ys=nl.Soft(range(10), ys), target=target).run
        counts.append((run.most, run.instructions, run.worlds))
    assert len({most for most, _, _ in counts}) == 1
    for which in (1, 2):
        steps = [count[which] for count in counts]
        assert steps[2] - steps[1] == 2 * (steps[1] - steps[0])


def test_of_a_list_that_is_read_on_from_its_second_item_the_first_is_forgotten() -> None:
    """Eleven sums of a carry and a digit, each with ten digits that may come next; the digit itself is in the list still."""
    xs, ys, target = sums(12, 1, seed=4)
    source = ADD.replace("(+ carry (+ (car xs) (car ys)))", "(+ (+ carry (car xs)) (car ys))")
    found = WORLDS.compile(source).infer(xs=nl.Soft(range(10), xs), ys=nl.Soft(range(10), ys), target=target)
    torch.testing.assert_close(found.log_evidence, forward(xs, ys, target), rtol=0, atol=1e-10)
    assert found.run.most == 110


def test_an_item_that_is_looked_at_again_is_not_forgotten() -> None:
    source = "(defn f [xs] (let [x (car xs)] (if (flip 1 2) (+ x (car (cdr xs))) (- (+ x x) (car xs))))) (f ?xs)"
    xs = torch.tensor([[[0.0, 1.0], [2.0, 0.0]]], dtype=torch.float64)
    found = WORLDS.compile(source).infer(xs=nl.Soft((0, 1), xs))
    one, other = xs[0].softmax(-1)
    wanted = [
        one[0] * other[0] / 2 + one[0] / 2,
        (one[0] * other[1] + one[1] * other[0]) / 2 + one[1] / 2,
        one[1] * other[1] / 2,
    ]
    for value, chance in enumerate(wanted):
        torch.testing.assert_close(found.probability(value)[0], chance, rtol=0, atol=1e-12)


def test_the_item_that_is_just_still_within_sight_is_not_forgotten() -> None:
    """It is drawn, worlds part and may meet, and then it is looked at once more: it is what it was."""
    source = "(defn f [xs] (let [x (+ 0 (car xs))] (if (flip 1 2) (- x (car xs)) 5))) (f ?xs)"
    found = WORLDS.compile(source).infer(xs=nl.Soft((0, 1), torch.zeros(1, 2, 2)))
    assert [float(found.probability(value)) for value in (0, 5, 1, -1)] == pytest.approx([0.5, 0.5, 0, 0])


def test_numbers_written_from_the_left_may_be_turned_round() -> None:
    """Nothing is drawn by `reverse`: a part is drawn when its value is needed."""
    xs, ys, target = sums(6, 2, seed=3)
    source = ADD.replace("(add ?xs ?ys ?target 0)", "(add (reverse ?xs) (reverse ?ys) ?target 0)")
    found = WORLDS.compile(source).infer(
        xs=nl.Soft(range(10), xs.flip(1)), ys=nl.Soft(range(10), ys.flip(1)), target=target
    )
    torch.testing.assert_close(found.log_evidence, forward(xs, ys, target), rtol=0, atol=1e-10)
    assert found.run.most <= 2 * 200


HIDDEN_MARKOV = """
(defn weather [rain] (if rain (flip 7 10) (flip 2 10)))
(defn seen [rain umbrella] (observe (= umbrella (if rain (flip 9 10) (flip 1 10)))))
(defn days [rain umbrellas]
  (if (empty? umbrellas)
      rain
      (let [next (weather rain) _ (seen next (car umbrellas))] (days next (cdr umbrellas)))))
(days (flip 1 2) ?umbrellas)
"""


def test_a_hidden_markov_model() -> None:
    generator = torch.Generator().manual_seed(0)
    umbrellas = torch.rand(4, 30, generator=generator) < 0.5
    found = WORLDS.compile(HIDDEN_MARKOV).infer(umbrellas=umbrellas)
    move = torch.tensor([[0.8, 0.2], [0.3, 0.7]], dtype=torch.float64)
    see = torch.tensor([[0.9, 0.1], [0.1, 0.9]], dtype=torch.float64)
    for row in range(4):
        state, log = torch.tensor([0.5, 0.5], dtype=torch.float64), 0.0
        for umbrella in umbrellas[row].tolist():
            state = (state @ move) * see[:, int(umbrella)]
            log += float(state.sum().log())
            state = state / state.sum()
        assert float(found.log_evidence[row]) == pytest.approx(log, abs=1e-10)
        assert float(found.probability(True)[row]) == pytest.approx(float(state[1]), abs=1e-10)
    assert found.run.most <= 4 * 8


def test_ten_conditions_in_a_row_take_no_more_than_ten() -> None:
    """Each condition is a hole of its own; afterwards nothing is left of it but a count."""

    def worlds(conditions: int) -> int:
        adds = " ".join(f"(if ?c{k} 1 0)" for k in range(conditions))
        source = f"(let [total (sum '({adds}))] total)"
        holes = {f"c{k}": nl.Chances((True, False), (1, 3)) for k in range(conditions)}
        found = WORLDS.compile(source).infer(holes)
        for count in range(conditions + 1):
            expected = math.comb(conditions, count) * 0.25**count * 0.75 ** (conditions - count)
            assert float(found.probability(count)[0]) == pytest.approx(expected, abs=1e-12)
        return found.run.most

    assert worlds(3) == 8  # a list of ones and zeros keeps them all apart

    def loop(conditions: int) -> int:
        source = "(foldl (fn [total c] (+ total (if c 1 0))) 0 ?cs)"
        cs = [nl.Chances((True, False), (1, 3))] * conditions
        found = WORLDS.compile(source).infer(cs=cs)
        expected = math.comb(conditions, 2) * 0.25**2 * 0.75 ** (conditions - 2)
        assert float(found.probability(2)[0]) == pytest.approx(expected, abs=1e-12)
        return found.run.most

    assert loop(20) - loop(10) == loop(30) - loop(20) <= 40


FILTER = """
; two machines, each of which fails and is repaired; a failure of the first makes one of the second likelier
(defn first-next [works] (if works (flip 9 10) (flip 4 10)))
(defn second-next [works other] (if works (if other (flip 8 10) (flip 5 10)) (flip 3 10)))
(defn output [one other] (if one (if other 2 1) (if other 1 0)))
(defn days [one other seen]
  (if (empty? seen)
      '(one other)
      (let [one-next (first-next one)
            other-next (second-next other one)
            noisy (if (flip 1 10) (sample ?noise) (output one-next other-next))
            _ (observe (= noisy (car seen)))]
        (days one-next other-next (cdr seen)))))
(days true true ?seen)
"""


def test_a_two_slice_filter() -> None:
    """Two hidden chains, of which one moves by the other: the filter keeps a table of both."""
    noise = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    seen = [2, 1, 1, 0, 2, 0, 1, 2, 2, 0]
    state = {(True, True): 1.0}
    log = 0.0
    for output in seen:
        new: dict[tuple[bool, bool], float] = {}
        for (one, other), weight in state.items():
            for one_next in (True, False):
                first = (0.9 if one else 0.4) if one_next else (0.1 if one else 0.6)
                for other_next in (True, False):
                    works = (0.8 if one else 0.5) if other else 0.3
                    second = works if other_next else 1 - works
                    sees = 0.1 * float(noise[output]) + 0.9 * (int(one_next) + int(other_next) == output)
                    key = (one_next, other_next)
                    new[key] = new.get(key, 0.0) + weight * first * second * sees
        total = sum(new.values())
        log += math.log(total)
        state = {key: weight / total for key, weight in new.items()}
    found = WORLDS.compile(FILTER).infer(seen=seen, noise=nl.Soft((0, 1, 2), noise.log()))
    assert float(found.log_evidence[0]) == pytest.approx(log, abs=1e-10)
    for (one, other), weight in state.items():
        assert float(found.probability([one, other])[0]) == pytest.approx(weight, abs=1e-10)


REACHES = """
(defn step [places edges open]
  (if (empty? edges)
      places
      (let [edge (car edges) from (car edge) to (car (cdr edge))
            next (if (and (member from places) (and (not (member to places)) (car open))) (insert-by < to places) places)]
        (step next (cdr edges) (cdr open)))))
(defn rounds [n places] (if (= n 0) places (rounds (- n 1) (step places ?edges ?open))))
(member 4 (rounds 4 '(0)))
"""


def test_noisy_reachability() -> None:
    """Whether there is a way in a graph whose edges are open with some probability, each or not."""
    edges = [[0, 1], [1, 2], [0, 2], [2, 3], [3, 1], [3, 4], [1, 4]]
    chances = [0.5, 0.9, 0.3, 0.6, 0.7, 0.8, 0.2]
    expected = 0.0
    for case in range(2 ** len(edges)):
        is_open = [bool(case >> number & 1) for number in range(len(edges))]
        places = {0}
        for _ in edges:
            places |= {to for (start, to), opened in zip(edges, is_open, strict=True) if opened and start in places}
        weight = math.prod(chance if opened else 1 - chance for chance, opened in zip(chances, is_open, strict=True))
        expected += weight * (4 in places)
    opened = [nl.Chances((True, False), (chance, 1 - chance)) for chance in chances]
    found = WORLDS.compile(REACHES).infer(edges=edges, open=opened)
    assert float(found.probability(True)[0]) == pytest.approx(expected, abs=1e-12)
