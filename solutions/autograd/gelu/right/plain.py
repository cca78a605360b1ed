"""The formulas as they stand, in the dtype of x, with erfc and with clamps where half precision would overflow."""

import math

import torch


class GELUFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, tanh=False):
        ctx.save_for_backward(x)
        ctx.tanh = tanh
        if tanh:
            return 0.5 * x * (1 + torch.tanh(inner(x)))
        return 0.5 * x * torch.erfc(-x * math.sqrt(0.5))

    @staticmethod
    def backward(ctx, grad_output):
        x = ctx.saved_tensors[0]
        if ctx.tanh:
            t = torch.tanh(inner(x))
            near = x.clamp(-20, 20)
            du = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * near * near)
            slope = 0.5 * (1 + t) + 0.5 * near * (1 - t * t) * du
        else:
            slope = 0.5 * torch.erfc(-x * math.sqrt(0.5)) + x * torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        return grad_output * slope, None


def inner(x):
    x = x.clamp(-20, 20)
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)


def gelu(x, approximate="none"):
    if approximate == "none":
        return GELUFunction.apply(x)
    elif approximate == "tanh":
        return GELUFunction.apply(x, True)
    else:
        raise ValueError("unknown approximation")


if __name__ == "__main__":
    x = torch.randn(5)
    print(gelu(x) - torch.nn.functional.gelu(x))
