"""Forward returns its slope as a second output, as torch's manual advises for what backward shares with it."""

from math import pi, sqrt

import torch
from torch import Tensor
from torch.distributions import Normal

print("GELU with two outputs")


class GELUFunction(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, kind: int):
        share, density, _ = _SHARES[kind](x)
        return x * share, share + x * density

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.kind = inputs[1]
        ctx.save_for_backward(inputs[0], output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, for_value, for_slope):
        x, slope = ctx.saved_tensors
        total = None
        if for_value is not None:
            total = for_value * slope
        if for_slope is not None:
            _, density, change = _SHARES[ctx.kind](x)
            part = for_slope * (2 * density + x * change)
            total = part if total is None else total + part
        return total, None


def _exact(x):
    normal = Normal(torch.zeros((), dtype=x.dtype), torch.ones((), dtype=x.dtype))
    density = normal.log_prob(x).exp()
    return normal.cdf(x), density, -x * density


def _approximate(x):
    k, c = sqrt(2 / pi), 0.044715
    near = x.clamp(-50, 50)
    t = torch.tanh(k * (near + c * near**3))
    first, second = k * (1 + 3 * c * near**2), 6 * k * c * near
    fall = (1 + t) * (1 - t)
    return (1 + t) / 2, fall * first / 2, fall * (second / 2 - t * first**2)


_SHARES = (_exact, _approximate)


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    kind = ("none", "tanh").index(approximate)
    wide = x if x.dtype in (torch.float32, torch.float64) else x.to(torch.float32)
    value, _ = GELUFunction.apply(wide, kind)
    return value.type_as(x)
