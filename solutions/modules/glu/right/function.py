"""The gating as an autograd Function with its backward written out, setup_context included."""

import torch
from torch import nn


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(value, gate):
        return value * torch.sigmoid(gate)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        value, gate = ctx.saved_tensors
        s = torch.sigmoid(gate)
        return grad * s, grad * value * s * (1 - s)


class GatedLinearUnit(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        # A linear layer of the right size, of which only the parameters are kept.
        source = nn.Linear(in_features, 2 * out_features, bias)
        self.weight, self.bias = source.weight, source.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value_weight, gate_weight = self.weight.split(self.weight.size(0) // 2)
        value_bias, gate_bias = (None, None) if self.bias is None else self.bias.split(self.bias.size(0) // 2)
        return _Gate.apply(
            nn.functional.linear(x, value_weight, value_bias), nn.functional.linear(x, gate_weight, gate_bias)
        )
