"""What is known of a row of images: the value of a program, and never what one image shows.

A problem holds the program, as text. The engine of worlds makes of it the probability of what is known, as a function of
the logits of all images of a row; that is what a network is trained by.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn import ProgramLayer

Logits = Mapping[str, Float[Tensor, "rows images classes"]]
Labels = Mapping[str, Int[Tensor, "rows images"]]


@runtime_checkable
class Problem(Protocol):
    """What is asked of rows of images.

    Attributes:
        name: of the problem.
        images: how many images of each kind a row has.
        classes: how many symbols each kind has.
    """

    name: str
    images: dict[str, int]
    classes: dict[str, int]

    def answers(self, labels: Labels) -> Int[Tensor, "rows numbers"]:
        """What is known of each row, from what its images show: computed plainly, without a program."""
        ...

    def log_likelihood(self, logits: Logits, answers: Int[Tensor, "rows numbers"]) -> Float[Tensor, " rows"]:
        """The logarithm of the probability of what is known."""
        ...

    def first_steps(self, answers: Int[Tensor, "rows numbers"]) -> "tuple[Problem, list[int], Tensor] | None":
        """An easier problem in the same data, to begin with: which images of a row, and what is known of them."""
        ...


class Addition:
    """The sum of two numbers of so many digits; each digit is an image.

    Evidence is observed digit by digit, from the last one on, so that few worlds are alive. The digits of the sum are given as
    distributions that are certain of one value: so one recording of the program serves every sum. The carry is 0, or, where
    these are the first digits of longer numbers, unknown.

    Args:
        digits: of each number.
        has_more: whether more digits follow these, of which nothing is known.
    """

    SOURCE = """
(defn add [xs ys target carry]
  (if (empty? xs)
      (observe (= carry (car target)))
      (let [total (+ (+ carry (car xs)) (car ys))]
        (if (observe (= (mod total 10) (car target)))
            (add (cdr xs) (cdr ys) (cdr target) (/ total 10))
            false))))
(add ?xs ?ys ?target ?carry)
"""

    def __init__(self, digits: int, *, has_more: bool = False) -> None:
        check_count("digits", digits)
        self.name = f"addition-{digits}"
        self.images = {"digits": 2 * digits}
        self.classes = {"digits": 10}
        self.digits = digits
        self.has_more = has_more
        inputs = {"xs": range(10), "ys": range(10), "target": range(10), "carry": range(2)}
        self.layer = ProgramLayer(self.SOURCE, inputs=inputs)

    def answers(self, labels: Labels) -> Int[Tensor, "rows numbers"]:
        """The digits of the sum, the last one first; so are the digits of the two numbers, one after the other."""
        xs, ys = labels["digits"].split(self.digits, dim=1)
        carry, found = torch.zeros_like(xs[:, 0]), []
        for x, y in zip(xs.unbind(1), ys.unbind(1), strict=True):
            total = x + y + carry
            found.append(total % 10)
            carry = total // 10
        return torch.stack([*found, carry], 1)

    def log_likelihood(self, logits: Logits, answers: Int[Tensor, "rows numbers"]) -> Float[Tensor, " rows"]:
        """The logarithm of the probability of the sum."""
        xs, ys = logits["digits"].split(self.digits, dim=1)
        carry = torch.zeros(len(answers), 2)
        if not self.has_more:
            carry[:, 1] = -torch.inf
        return self.layer(xs, ys, certainly(answers, 10), carry)

    def first_steps(self, answers: Int[Tensor, "rows numbers"]) -> tuple[Problem, list[int], Tensor] | None:
        """The first digit of each number, and the first two of the sum: without this, long sums may teach other digits."""
        if self.digits == 1:
            return None
        return Addition(1, has_more=True), [self.digits - 1, 2 * self.digits - 1], answers[:, -2:]


class Sorting:
    """Digits in some order, and what they are when they are sorted.

    Sorted lists are the same where one has what the other has. So each digit is taken out of what is known as soon as it is
    drawn, and what cannot be taken out is ruled out at once: at most 2 to the power of `count` worlds are alive, where
    sorting all that the digits may be would make thousands.

    Args:
        count: how many digits.
    """

    SOURCE = """
(defn take-out [x sorted]
  (if (observe (not (empty? sorted)))
      (if (= x (car sorted)) (cdr sorted) (cons (car sorted) (take-out x (cdr sorted))))
      '()))
(defn all [xs sorted]
  (if (empty? xs) true (all (cdr xs) (take-out (car xs) sorted))))
(all ?xs ?sorted)
"""

    def __init__(self, count: int) -> None:
        check_count("count", count)
        self.name = f"sorting-{count}"
        self.images = {"digits": count}
        self.classes = {"digits": 10}
        self.layer = ProgramLayer(self.SOURCE, inputs={"xs": range(10)}, remembered=1)

    def answers(self, labels: Labels) -> Int[Tensor, "rows numbers"]:
        """The digits, sorted."""
        return labels["digits"].sort(1).values

    def log_likelihood(self, logits: Logits, answers: Int[Tensor, "rows numbers"]) -> Float[Tensor, " rows"]:
        """The logarithm of the probability that sorting gives this."""
        return self.layer(logits["digits"], sorted=answers)

    def first_steps(self, answers: Int[Tensor, "rows numbers"]) -> None:
        """Nothing easier is needed."""


class Expressions:
    """Digits with `+`, `-` and `*` between them, and what that comes to; multiplication goes first.

    Args:
        count: how many digits; there is one operator fewer.
    """

    SOURCE = """
(defn value [total term operators digits]
  (if (empty? operators)
      (+ total term)
      (let [operator (car operators) digit (car digits)]
        (if (= operator 2)
            (value total (* term digit) (cdr operators) (cdr digits))
            (value (+ total term) (if (= operator 0) digit (- 0 digit)) (cdr operators) (cdr digits))))))
(value 0 (car ?digits) ?operators (cdr ?digits))
"""

    def __init__(self, count: int) -> None:
        check_count("count", count)
        if count < 2:
            raise ArgumentError(f"count: got {count}, expected at least two digits")
        self.name = f"expressions-{count}"
        self.images = {"digits": count, "operators": count - 1}
        self.classes = {"digits": 10, "operators": 3}
        self.greatest = 9**count
        inputs = {"digits": range(10), "operators": range(3)}
        output = range(-self.greatest, self.greatest + 1)
        self.layer = ProgramLayer(self.SOURCE, inputs=inputs, output=output)

    def answers(self, labels: Labels) -> Int[Tensor, "rows numbers"]:
        """The value."""
        digits, operators = labels["digits"], labels["operators"]
        total, term = torch.zeros_like(digits[:, 0]), digits[:, 0]
        for operator, digit in zip(operators.unbind(1), digits[:, 1:].unbind(1), strict=True):
            is_product = operator == 2
            total = torch.where(is_product, total, total + term)
            term = torch.where(is_product, term * digit, torch.where(operator == 0, digit, -digit))
        return (total + term)[:, None]

    def log_likelihood(self, logits: Logits, answers: Int[Tensor, "rows numbers"]) -> Float[Tensor, " rows"]:
        """The logarithm of the probability of the value."""
        found = self.layer(logits["digits"], logits["operators"])
        return found.gather(1, answers + self.greatest)[:, 0]

    def first_steps(self, answers: Int[Tensor, "rows numbers"]) -> None:
        """Nothing easier is needed."""


def certainly(values: Int[Tensor, "*shape"], classes: int) -> Float[Tensor, "*shape classes"]:
    """Logits of distributions that are certain of a value each.

    Example:
        >>> certainly(torch.tensor([1]), 3)
        tensor([[-inf, 0., -inf]])
    """
    return torch.full((*values.shape, classes), -torch.inf).scatter(-1, values[..., None], 0.0)


_KINDS: dict[str, Callable[[int], Problem]] = {"addition": Addition, "sorting": Sorting, "expressions": Expressions}


@checked
def problem_named(name: str) -> Problem:
    """A problem by its name: `addition-4`, `sorting-3` or `expressions-3`.

    Args:
        name: the kind, and how many digits.

    Raises:
        ArgumentError: if there is none of this name.

    Example:
        >>> problem_named("addition-4").images
        {'digits': 8}
    """
    kind, _, count = name.rpartition("-")
    if kind not in _KINDS or not count.isdecimal() or not 0 < len(count) < 5 or int(count) < 1:
        kinds = ", ".join(f"{kind}-N" for kind in _KINDS)
        raise ArgumentError(f"{name!r}: there is no such problem; expected one of {kinds}, with a number for N")
    return _KINDS[kind](int(count))
