"""The training step of a controller with queues, written in JAX and compiled: what ours is measured against.

It takes the numbers of a `Population` of `Controller`s and computes the same function, which the benchmark checks. The batch
is the last axis everywhere, which is where XLA vectorizes best. Import this module only where JAX is installed.
"""

# pyright: reportMissingImports=false, reportCallIssue=false

import os
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from neurallambda.nn import Controller, Population

jax.config.update("jax_default_prng_impl", "unsafe_rbg")

RATE, BETA1, BETA2, EPSILON, NORM = 1e-2, 0.9, 0.99, 1e-8, 1.0


def numbers_of(population: Population) -> dict[str, Any]:
    """The parameters of all seeds, as JAX sees them."""
    return {name: jnp.asarray(number.detach().numpy()) for name, number in population.template.named_parameters()}


def answers(p: dict[str, Any], tokens: Any, model: Controller, capacity: int, key: Any = None) -> Any:
    """The logits of one seed: tokens [time, batch] to [time, outputs, batch]; with a key, in training."""
    time, batch = tokens.shape
    heads = len(model.augmented.structures)
    width = model.augmented.read_size // heads
    states, reads, logits = model.augmented.cell.hidden_size, heads * width, heads * (width + 2)
    seen = jax.nn.one_hot(tokens, model.inputs, axis=1)
    from_inputs, from_carried = jnp.split(p["augmented.cell.layer.weight"], [model.inputs], axis=1)
    by_hidden, by_inputs, by_reads = jnp.split(p["augmented.to_logits.weight"], [states, states + model.inputs], axis=1)
    by_carried = jnp.concatenate([by_hidden, by_reads], axis=1)
    units = jnp.einsum("us,tsb->tub", from_inputs, seen) + p["augmented.cell.layer.bias"][:, None]
    given = jnp.einsum("ls,tsb->tlb", by_inputs, seen) + p["augmented.to_logits.bias"][:, None]
    of_state = jnp.broadcast_to(p["augmented.cell.to_logits.bias"][:, None], (time, states, batch))
    if key is not None:
        keys = jax.random.split(key)
        std = jnp.asarray(model.augmented.noise.std.numpy()).reshape(-1, logits)[0][:, None]
        given = given + std * jax.random.normal(keys[0], (time, logits, batch))
        of_state = of_state + 0.5 * jax.random.normal(keys[1], (time, states, batch))

    def step(carried: Any, moment: Any) -> Any:
        hidden, old, cells, occupied = carried
        units, given, of_state = moment
        units = jax.nn.relu(units + from_carried @ jnp.concatenate([old, hidden]))
        hidden = jax.nn.softmax(of_state + p["augmented.cell.to_logits.weight"] @ units, axis=0)
        given = given + by_carried @ jnp.concatenate([hidden, old])
        given = given.reshape(heads, width + 2, batch)
        put, get, stay = jax.nn.softmax(given[:, :3], axis=1).transpose(1, 0, 2)
        value = jnp.concatenate([jax.nn.softmax(given[:, 3:], axis=1), jnp.ones((heads, 1, batch))], axis=1)
        before = jnp.concatenate([jnp.ones((1, heads, batch)), occupied[:-1]])
        shorter = jnp.concatenate([occupied[1:], jnp.zeros((1, heads, batch))])
        moved = jnp.concatenate([cells[1:], jnp.zeros((1, heads, width, batch))])
        entering = (put * (before - occupied))[:, :, None] * value
        cells = (put + stay)[:, None] * cells + get[:, None] * moved + entering
        occupied = put * before + get * shorter + stay * occupied
        new = cells[0].reshape(reads, batch)
        return (hidden, new, cells, occupied), jnp.concatenate([hidden, old, new])

    start = (
        jnp.zeros((states, batch)).at[0].set(1),
        jnp.zeros((reads, batch)),
        jnp.zeros((capacity, heads, width, batch)),
        jnp.zeros((capacity, heads, batch)),
    )
    _, outputs = lax.scan(step, start, (units, given, of_state))
    layer = jax.nn.relu(jnp.einsum("uf,tfb->tub", p["hidden.weight"], outputs) + p["hidden.bias"][:, None])
    return jnp.einsum("ou,tub->tob", p["answer.weight"], layer) + p["answer.bias"][:, None]


def loss(p: dict[str, Any], tokens: Any, targets: Any, model: Controller, capacity: int, key: Any = None) -> Any:
    """The mean cross-entropy of one seed."""
    chances = jax.nn.log_softmax(answers(p, tokens, model, capacity, key), axis=1)
    return -jnp.take_along_axis(chances, targets[:, None], 1).mean()


def training_step(population: Population, tokens: Any, targets: Any, capacity: int) -> Callable[[], object]:
    """A call that takes one step of Adam in all seeds, from where the last one left off, and waits for it."""
    model = population.template
    assert isinstance(model, Controller)

    @partial(jax.jit, donate_argnums=(0,))
    def update(memory: Any, tokens: Any, targets: Any, key: Any) -> Any:
        def one(memory: Any, tokens: Any, targets: Any, key: Any) -> Any:
            p, first, second, count = memory
            grads = jax.grad(loss)(p, tokens, targets, model, capacity, key)
            norm = jnp.sqrt(sum(jnp.square(grad).sum() for grad in grads.values()))
            scale = jnp.minimum(1, NORM / (norm + 1e-6))
            count = count + 1
            fixed1, fixed2 = 1 - BETA1**count, 1 - BETA2**count
            first = {k: BETA1 * first[k] + (1 - BETA1) * scale * grads[k] for k in p}
            second = {k: BETA2 * second[k] + (1 - BETA2) * (scale * grads[k]) ** 2 for k in p}
            moves = {k: first[k] / fixed1 / (jnp.sqrt(second[k] / fixed2) + EPSILON) for k in p}
            return {k: p[k] - RATE * moves[k] for k in p}, first, second, count

        return jax.vmap(one)(memory, tokens, targets, jax.random.split(key, len(tokens)))

    p = numbers_of(population)
    zeros = jax.tree.map(jnp.zeros_like, p)
    held = [(p, zeros, jax.tree.map(jnp.zeros_like, p), jnp.zeros(len(population)))]
    given = [jnp.asarray(np.asarray(one).transpose(0, 2, 1)) for one in (tokens, targets)]
    keys = [jax.random.key(0)]

    def call() -> object:
        keys[0] = jax.random.fold_in(keys[0], 1)
        held[0] = update(held[0], *given, keys[0])
        return jax.block_until_ready(held[0])

    return call


def answers_of(population: Population, tokens: Any, capacity: int) -> np.ndarray[Any, Any]:
    """The logits of all seeds without noise: tokens [seeds, batch, time] to [seeds, batch, time, outputs]."""
    model = population.template
    assert isinstance(model, Controller)

    def one(p: Any, tokens: Any) -> Any:
        return answers(p, tokens, model, capacity)

    given = jnp.asarray(np.asarray(tokens).transpose(0, 2, 1))
    return np.asarray(jax.vmap(one)(numbers_of(population), given)).transpose(0, 3, 1, 2)
