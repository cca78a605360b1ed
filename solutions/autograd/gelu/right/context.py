"""setup_context, casts outside the Function, and `apply` bound once, when the file is imported."""

import math
from enum import Enum

import torch as t


class Approximation(str, Enum):
    NONE = "none"
    TANH = "tanh"


class GELUFunction(t.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, approximation):
        share, _ = _parts(x, approximation)
        return x * share

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.approximation = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        share, slope = _parts(x, ctx.approximation)
        return t.addcmul(share, x, slope).mul(dy), None


_apply = GELUFunction.apply


def gelu(x: t.Tensor, approximate: str = "none") -> t.Tensor:
    chosen = Approximation(approximate)  # a ValueError of its own
    if x.dtype in (t.half, t.bfloat16):
        return _apply(x.float(), chosen).to(x.dtype)
    return _apply(x, chosen)


def _parts(x, approximation):
    """Φ(x) and its derivative, or the logistic form of the approximation and its own."""
    if approximation is Approximation.NONE:
        return t.special.ndtr(x), t.exp(-x.square() / 2) / math.sqrt(math.tau)
    k = 2 * math.sqrt(2 / math.pi)
    s = t.sigmoid(k * (x + 0.044715 * x.pow(3)))
    return s, s * (1 - s) * k * (1 + 0.134145 * x.square())
