"""Repair of a learned table, rule by rule: what descent leaves wrong in a discrete machine, a search among its rules puts right."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Generator, Tensor

from neurallambda.arguments import checked
from neurallambda.errors import ArgumentError, check_count
from neurallambda.nn.cell_array_model import CellArrayModel
from neurallambda.nn.numbered_rules import CellRules, NumberedRules, Other, Rows, TableRules
from neurallambda.nn.table_automaton import TableAutomaton

Judge = Literal["rows", "answers"]
"""What a change must make more of: rows that are right from the first symbol to the last, or right answers, symbol by symbol."""


class Repaired(NamedTuple):
    """What a repair came to.

    Attributes:
        rows: how many rows there were.
        before: how many of them were answered right from the first symbol to the last.
        after: how many are now.
        changes: how many rules were changed.
    """

    rows: int
    before: int
    after: int
    changes: int


@checked
@torch.no_grad()
def repair(
    model: CellArrayModel | TableAutomaton,
    tokens: Int[Tensor, "batch time"],
    targets: Int[Tensor, "batch time"],
    mask: Bool[Tensor, "batch time"],
    *,
    rounds: int = 200,
    tries: int = 100,
    judge: Judge = "rows",
    generator: Generator | None = None,
) -> Repaired:
    """Change single rules of a learned table so that more rows are answered right.

    A table that was learned well is often one rule, or a few, away from an exact one: rules that are seldom needed get little
    gradient, and what they are for may have been settled early. So a row that goes wrong is taken, and every rule that
    could have to do with its first wrong answer, with every state that it could lead to instead. Changes with which this
    row gets further are tried on other rows, and the best is made if more rows of all are right with it.

    Kinds of mistakes take turns: rows are of one kind if the same entry of the readout is wrong first, and the same answer
    were right. Else rows that no rule can answer, of which some tasks have many, would take nearly all rounds. Within a kind,
    rows come first with which nothing was tried since the last change.

    Rules are followed by number, as `harden` has them; no gradient is needed. Give rows of the lengths of training, and
    judge what comes of it on others. Several passes do more than one: first few rows, by which much is changed quickly, then
    more and longer ones, in which rules that are seldom wrong show.

    Args:
        model: a learned table, of a row of cells or of an automaton. It is changed in place: of a rule that is changed, the
            logit of the new state becomes the largest.
        tokens: what the model reads.
        targets: the right answers, where they are read.
        mask: where an answer is read.
        rounds: how many wrong rows are taken at most; fewer where with none of them a change is left to try.
        tries: how many changes are tried on other rows in each round.
        judge: what a change must make more of: right "rows", or right "answers", for tasks in which some symbols of
            many rows cannot be known.
        generator: the source of randomness, on the CPU.

    Returns:
        How many rows were right before and are right after it.

    Raises:
        ArgumentError: if a shape or type does not fit, or a number is too small.

    Example:
        >>> model = CellArrayModel(4, 3, states=4)
        >>> tokens = torch.tensor([[1, 2, 1, 3, 3, 3]])  # 1 times 1 is 1, and then comes the end
        >>> targets, mask = torch.tensor([[0, 0, 0, 1, 2, 0]]), torch.tensor([[False] * 3 + [True, True, False]])
        >>> repair(model, tokens, targets, mask, rounds=20).after
        1
    """
    check_count("rounds", rounds, least=0)
    check_count("tries", tries)
    if targets.shape != tokens.shape or mask.shape != tokens.shape or mask.dtype != torch.bool:
        raise ArgumentError(
            f"targets: got shape {tuple(targets.shape)}, and a mask of {mask.dtype} and shape {tuple(mask.shape)}; "
            f"expected both as the tokens, {tuple(tokens.shape)}, and a mask of booleans"
        )
    generator = generator or Generator()
    rules = CellRules(model) if isinstance(model, CellArrayModel) else TableRules(model)
    rows = rules.rows(tokens, targets, mask)
    wrong_at = rules.wrong(rows)
    before, changes = int((~wrong_at.any(1)).sum()), 0
    kinds, untried = _kinds(rules, rows, wrong_at), wrong_at.any(1)
    for _ in range(rounds):
        if not bool(untried.any()):
            break
        left = kinds[untried].unique()
        alike = kinds == left[_draw(len(left), 1, generator)]
        place = _one_of(alike & untried, generator)
        untried[place] = False
        sample = rows.at(_sample(alike.nonzero().flatten(), len(tokens), generator))
        for entry, state in _promising(rules, rows.at(place), sample, tries, judge):
            old = rules.change(entry, state)
            found = rules.wrong(rows)
            if _worth(found, rows.read, judge) > _worth(wrong_at, rows.read, judge):
                wrong_at, changes = found, changes + 1
                kinds, untried = _kinds(rules, rows, wrong_at), wrong_at.any(1)
                break
            rules.change(entry, old)
    rules.write()
    return Repaired(rows=len(tokens), before=before, after=int((~wrong_at.any(1)).sum()), changes=changes)


def _promising(rules: NumberedRules, one: Rows, sample: Rows, tries: int, judge: Judge) -> list[tuple[int, int]]:
    """The changes that get a row further and do most good to a sample, the best first."""
    used: list[Tensor] = []
    first_wrong = int(rules.wrong(one, used=used).int().argmax())
    reach = [entries[0, : first_wrong - step + 1] for step, entries in enumerate(used[:-1]) if step <= first_wrong]
    entries = torch.cat(reach).unique()
    entry = entries.repeat_interleave(rules.states)
    value = torch.arange(rules.states).repeat(len(entries))
    said = (used[-1][0, first_wrong] + len(rules.following)).expand(rules.answers)
    entry, value = torch.cat([entry, said]), torch.cat([value, torch.arange(rules.answers)])
    wrong = rules.wrong(one.at(torch.zeros(len(entry), dtype=torch.long)), (entry, value))
    when = torch.where(wrong.any(1), wrong.int().argmax(1), wrong.shape[1])
    better = (when > first_wrong).nonzero().flatten()
    better = better[when[better].argsort(descending=True)][:tries]
    size = len(sample.read)
    many = sample.at(torch.arange(size).repeat(len(better)))
    each: Other = (entry[better].repeat_interleave(size), value[better].repeat_interleave(size))
    worth = _worth(rules.wrong(many, each).unflatten(0, (len(better), size)), sample.read, judge)
    gain = worth - _worth(rules.wrong(sample), sample.read, judge)
    best = [int(k) for k in gain.argsort(descending=True)[:3] if gain[k] > 0]
    return [(int(entry[better[k]]), int(value[better[k]])) for k in best]


def _kinds(rules: NumberedRules, rows: Rows, wrong_at: Tensor) -> Tensor:
    """The kind of each row's first mistake, [rows]: the entry of the readout, and the right answer; -1 without any."""
    first = wrong_at.int().argmax(1, keepdim=True)
    entry, answer = rules.run(rows, None, None).gather(1, first), rows.targets.gather(1, first)
    return torch.where(wrong_at.any(1), (entry * rules.answers + answer)[:, 0], -1)


def _one_of(among: Tensor, generator: Generator) -> Tensor:
    """The place of one of some rows, [1]."""
    places = among.nonzero().flatten()
    return places[_draw(len(places), 1, generator)]


def _draw(count: int, size: int, generator: Generator) -> Tensor:
    return torch.randperm(count, generator=generator)[:size]


def _sample(wrong: Tensor, count: int, generator: Generator) -> Tensor:
    """Some rows that are wrong alike, and some of all: a change must help the former and spare the others."""
    return torch.cat([wrong[_draw(len(wrong), 60, generator)], _draw(count, 100, generator)])


def _worth(wrong: Tensor, read: Tensor, judge: Judge) -> Tensor:
    """How many rows are right, [..., rows, steps] to [...], or 0 where they do not count; then the share of right answers."""
    share = 1 - wrong.sum((-2, -1)).double() / read.sum().clamp(min=1)
    return share + (~wrong.any(-1)).sum(-1) if judge == "rows" else share
