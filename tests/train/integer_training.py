"""An oracle: the tasks' training steps in integers and fractions, every weight by `round_word`.

Written from the documents, not from the engine: convolutions are loops over positions, nothing
is a float but the exponentials' table, and each weight is rounded alone with its own word.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from math import floor

import numpy as np

from esru.design import Design
from esru.rounding import round_word
from esru.sources import source_model
from esru.train import digits
from esru.train.cnn import ACTIVE1_BITS, ACTIVE2_BITS, ERROR1_BITS, ERROR2_BITS, Cnn
from esru.train.engine import batch_order
from esru.train.mlp import HIDDEN_BITS, HIDDEN_ERROR_BITS, Mlp
from esru.train.network import ERROR_BITS, network_class
from esru.train.tasks import Task

Ints = np.ndarray
#: A gradient, an integer tensor, and its fraction bits less those of the weight it updates.
Gradient = tuple[Ints, int]
LANES = 64


def to_nearest(values: Ints, shift: int, low: int, high: int) -> Ints:
    """Return values / 2^shift, integers rounded to nearest even and saturated."""
    half, mask = 1 << (shift - 1), (1 << shift) - 1
    below, rest = values >> shift, values & mask
    up = (rest > half) | ((rest == half) & (below & 1 == 1))
    return np.clip(below + up, low, high)


def active(values: Ints, shift: int) -> Ints:
    """Return rectified int8 activations."""
    return to_nearest(values, shift, 0, 127)


def signed(values: Ints, shift: int) -> Ints:
    """Return int8."""
    return to_nearest(values, shift, -128, 127)


def errors(z: Ints, labels: Ints, logit_bits: int) -> Ints:
    """Return softmax less target, int8 with 7 fraction bits."""
    found = np.zeros_like(z)
    for i, row in enumerate(z):
        powers = [
            round(math.exp((int(v) - int(row.max())) * 2.0**-logit_bits) * 2**40) for v in row
        ]
        for j, power in enumerate(powers):
            share = Fraction(power * 2**ERROR_BITS, sum(powers))
            share -= (labels[i] == j) * 2**ERROR_BITS
            found[i, j] = min(max(round(share), -128), 127)
    return found


def mlp_gradients(weights: list[Ints], x: Ints, labels: Ints) -> list[Gradient]:
    """Return the summed gradients of one batch of digits-mlp."""
    w1, b1, w2, b2 = weights
    f1, g1, f2, g2 = Mlp.weight_bits
    image, logit = Mlp.image_bits, Mlp.logit_bits
    h = active(x @ w1 + (b1 << (image + f1 - g1)), image + f1 - HIDDEN_BITS)
    z = signed(h @ w2 + (b2 << (HIDDEN_BITS + f2 - g2)), HIDDEN_BITS + f2 - logit)
    e2 = errors(z, labels, logit)
    e1 = signed(e2 @ w2.T, ERROR_BITS + f2 - HIDDEN_ERROR_BITS) * (h > 0)
    return [
        (x.T @ e1, image + HIDDEN_ERROR_BITS - f1),
        (e1.sum(0), HIDDEN_ERROR_BITS - g1),
        (h.T @ e2, HIDDEN_BITS + ERROR_BITS - f2),
        (e2.sum(0), ERROR_BITS - g2),
    ]


def cnn_gradients(weights: list[Ints], x: Ints, labels: Ints) -> list[Gradient]:
    """Return the summed gradients of one batch of digits-cnn, position by position."""
    w1, b1, w2, b2, w3, b3 = weights
    f1, g1, f2, g2, f3, g3 = Cnn.weight_bits
    image, logit = Cnn.image_bits, Cnn.logit_bits
    count, c1, c2 = len(x), w1.shape[1], w2.shape[1]
    padded = np.pad(x.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    a1 = np.zeros((count, 4, 4, c1), np.int64)
    for r in range(4):
        for c in range(4):
            patch = padded[:, 2 * r : 2 * r + 3, 2 * c : 2 * c + 3].reshape(count, 9)
            total = patch @ w1 + (b1 << (image + f1 - g1))
            a1[:, r, c] = active(total, image + f1 - ACTIVE1_BITS)
    a2 = np.zeros((count, 2, 2, c2), np.int64)
    for r in range(2):
        for c in range(2):
            patch = a1[:, r : r + 3, c : c + 3].reshape(count, 9 * c1)
            total = patch @ w2 + (b2 << (ACTIVE1_BITS + f2 - g2))
            a2[:, r, c] = active(total, ACTIVE1_BITS + f2 - ACTIVE2_BITS)
    full = a2.reshape(count, -1)
    z = signed(full @ w3 + (b3 << (ACTIVE2_BITS + f3 - g3)), ACTIVE2_BITS + f3 - logit)
    e3 = errors(z, labels, logit)
    e2 = signed(e3 @ w3.T, ERROR_BITS + f3 - ERROR2_BITS) * (full > 0)
    e2 = e2.reshape(count, 2, 2, c2)
    back = np.zeros((count, 4, 4, c1), np.int64)
    dw2 = np.zeros_like(w2)
    for r in range(2):
        for c in range(2):
            patch = a1[:, r : r + 3, c : c + 3].reshape(count, 9 * c1)
            dw2 += patch.T @ e2[:, r, c]
            back[:, r : r + 3, c : c + 3] += (e2[:, r, c] @ w2.T).reshape(count, 3, 3, c1)
    e1 = signed(back, ERROR2_BITS + f2 - ERROR1_BITS) * (a1 > 0)
    dw1 = np.zeros_like(w1)
    for r in range(4):
        for c in range(4):
            patch = padded[:, 2 * r : 2 * r + 3, 2 * c : 2 * c + 3].reshape(count, 9)
            dw1 += patch.T @ e1[:, r, c]
    return [
        (dw1, image + ERROR1_BITS - f1),
        (e1.sum((0, 1, 2)), ERROR1_BITS - g1),
        (dw2, ACTIVE1_BITS + ERROR2_BITS - f2),
        (e2.sum((0, 1, 2)), ERROR2_BITS - g2),
        (full.T @ e3, ACTIVE2_BITS + ERROR_BITS - f3),
        (e3.sum(0), ERROR_BITS - g3),
    ]


GRADIENTS: dict[str, Callable[[list[Ints], Ints, Ints], list[Gradient]]] = {
    "digits-mlp": mlp_gradients,
    "digits-cnn": cnn_gradients,
}


def taken_words(design: Design, operands: list[int], held: list[int]) -> list[int]:
    """Return each operand's word as the operand sources take it; `held` keeps the last cycle."""
    words = []
    for first in range(0, len(operands), LANES):
        row = operands[first : first + LANES]
        low = [x % (1 << design.k) for x in row] + [0] * (LANES - len(row))
        for lane in range(len(row)):
            group = lane - lane % design.lanes
            beside = low[group + (lane + 1 - group) % design.lanes]
            words.append(
                {
                    "operand-own": low[lane],
                    "operand-prev": held[lane],
                    "operand-neighbour": beside,
                    "operand-xor": low[lane] ^ beside,
                }[design.source]
            )
        held[:] = low
    return words


def integer_steps(
    task: Task, design: Design, seed: int, lr: float, cycles: int, steps: int
) -> list[list[int]]:
    """Return the weights after a few steps."""
    import torch

    network = network_class(task)(task, [lr], torch.device("cpu"))
    data = digits.load(task.train_examples, task.test_examples)
    weights = [tensor.astype(np.int64) for tensor in network.initial(seed)]
    source = source_model(design)
    sources = LANES // design.lanes
    held = [0] * LANES
    scale = Fraction(-lr) / task.batch
    order = batch_order(task, seed)
    for step in range(steps):
        images = data.train_images[order[step]].astype(np.int64)
        gradients = GRADIENTS[task.name](weights, images, data.train_labels[order[step]])
        cycle = step * cycles
        for tensor, (gradient, bits) in zip(weights, gradients, strict=True):
            flat = tensor.reshape(-1)
            operands = []
            for weight, g in zip(flat.tolist(), gradient.reshape(-1).tolist(), strict=True):
                value = weight + scale * g * Fraction(2) ** -bits
                wide = floor(value * 2**design.dropped)
                operands.append(min(max(wide, design.input.low), design.input.high))
            if design.source.startswith("operand-"):
                words = taken_words(design, operands, held)
            else:
                words = []
                for j in range(len(operands)):
                    start = (j % LANES) // design.lanes * source.period // sources
                    phase = (start + cycle + j // LANES) % source.period
                    words.append(int(source.words(phase, 1)[0]))
            flat[:] = [round_word(design, x, r) for x, r in zip(operands, words, strict=True)]
            cycle += -(-tensor.size // LANES)
    return [tensor.reshape(-1).tolist() for tensor in weights]
