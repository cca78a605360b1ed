"""One element after the other, each through the Function by itself."""

import math

import torch


class GELUFunction(torch.autograd.Function):
    """Works on 0-d float64 tensors."""

    @staticmethod
    def forward(ctx, x, approximate):
        ctx.save_for_backward(x)
        ctx.approximate = approximate
        v = x.item()
        if approximate == "none":
            y = v * 0.5 * math.erfc(-v / math.sqrt(2))
        else:
            y = 0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))
        return torch.tensor(y, dtype=torch.float64)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        if ctx.approximate == "none":
            cdf = torch.erfc(-x / math.sqrt(2)) / 2
            pdf = torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
            return grad * (cdf + x * pdf), None
        u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        # sech², by a cosh that cannot overflow
        sech = 1 / torch.cosh(u.clamp(-300, 300))
        du = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        return grad * (torch.sigmoid(2 * u) + 0.5 * x * sech * sech * du), None


def gelu(x, approximate="none"):
    match approximate:
        case "none" | "tanh":
            pass
        case _:
            raise ValueError(f"approximate={approximate}")
    parts = [GELUFunction.apply(one, approximate) for one in x.double().reshape(-1).unbind()]
    if not parts:
        return x.clone()
    return torch.stack(parts).reshape(x.shape).to(x.dtype)
