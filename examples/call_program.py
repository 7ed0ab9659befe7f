"""A frozen language model learns, from answers alone, which of three programs to call and with what: here, `sorted`.

The model is a tiny one of random weights; `neurallambda llm train lisp structure=calls` takes a pretrained one, and an evaluator.
"""

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from neurallambda.llm import GraftConfig, disabled, graft, parameter_groups, print_trainable_parameters
from neurallambda.llm.calls import CALLS

CALLS["in order"] = sorted
PROGRAMS = (("again", "again"), ("backwards", "backwards"), ("in order", "in order"))
WORDS, BEGIN, ASK = 10, 10, 11
TOKENS = {"values": ("", *"0123456789"), "value_tokens": (BEGIN, *range(WORDS))}  # what begins a text is no word


def base() -> LlamaForCausalLM:
    tiny = LlamaConfig(vocab_size=12, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2)
    model = LlamaForCausalLM(tiny).eval()
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_()
        model.lm_head.weight.normal_()
    return model


def answers(model: torch.nn.Module, length: int, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists of digits, each followed by the same in order: the logits of the model for these, and what is right."""
    digits = torch.randint(WORDS, (rows, length))
    begin, ask, ordered = digits.new_full((rows, 1), BEGIN), digits.new_full((rows, 1), ASK), digits.sort(1).values
    return model(torch.cat([begin, digits, ask, ordered], 1), use_cache=False).logits[:, length + 1 : -1], ordered


@torch.no_grad()
def right(model: torch.nn.Module, length: int) -> str:
    logits, ordered = answers(model.eval(), length, rows=100)
    return f"{int((logits.argmax(-1) == ordered).all(1).sum())} of 100"


def main() -> None:
    torch.manual_seed(0)
    model = graft(base(), GraftConfig(structure="calls", programs=PROGRAMS, width=8, depth=64, **TOKENS))
    print_trainable_parameters(model)  # nine starts of nine learn it
    optimizer = torch.optim.AdamW(parameter_groups(model, 1e-2), weight_decay=0.0)
    for _ in range(150):
        logits, ordered = answers(model.train(), int(torch.randint(2, 7, ())), 16)
        optimizer.zero_grad()
        functional.cross_entropy(logits.flatten(0, 1), ordered.flatten()).backward()
        optimizer.step()
    for length in (6, 12, 24, 48):
        print(f"{length} digits: {right(model, length)} lists are sorted without a mistake")
    with disabled(model):
        print(f"without the call: {right(model, 6)}")


if __name__ == "__main__":
    main()
