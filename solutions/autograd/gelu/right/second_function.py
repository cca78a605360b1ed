"""The slope is finished in forward; a second Function knows how it changes, so that the gradient has a gradient."""

import math

import torch
from torch.autograd import Function

A = math.sqrt(2.0 / math.pi)
B = 0.044715


class UnknownMode(ValueError):
    """Neither "none" nor "tanh"."""


def derivatives(x, tanh):
    """Value, slope and curvature, in float64."""
    x = x.double()
    if not tanh:
        cdf = 0.5 * (1.0 + torch.erf(x * math.sqrt(0.5)))
        pdf = torch.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
        return x * cdf, cdf + x * pdf, pdf * (2.0 - x * x)
    th = torch.tanh(A * (x + B * x**3))
    sech2 = 1.0 - th * th
    u1 = A * (1.0 + 3.0 * B * x * x)
    u2 = 6.0 * A * B * x
    value = 0.5 * x * (1.0 + th)
    slope = 0.5 * (1.0 + th) + 0.5 * x * sech2 * u1
    curvature = sech2 * u1 + 0.5 * x * (sech2 * u2 - 2.0 * th * sech2 * u1 * u1)
    return value, slope, curvature


class _Pull(Function):
    @staticmethod
    def forward(ctx, grad, x, slope, curvature):
        ctx.save_for_backward(grad, slope, curvature)
        return (grad * slope).to(grad.dtype)

    @staticmethod
    def backward(ctx, again):
        grad, slope, curvature = ctx.saved_tensors
        return again * slope, again * grad * curvature, None, None


class GELUFunction(Function):
    @staticmethod
    def forward(ctx, x, approximate):
        value, slope, curvature = derivatives(x, approximate == "tanh")
        ctx.save_for_backward(x, slope, curvature)
        return value.to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        x, slope, curvature = ctx.saved_tensors
        return _Pull.apply(grad, x, slope, curvature), None


def gelu(x, approximate="none"):
    if approximate not in {"none", "tanh"}:
        raise UnknownMode(approximate)
    return GELUFunction.apply(x, approximate)
