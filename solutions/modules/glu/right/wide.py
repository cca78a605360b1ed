"""Computes in float64 throughout, rounds once at the end, and draws its initial weights with numpy."""

import numpy as np
import torch
import torch.nn.functional as F


class GatedLinearUnit(torch.nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()

        def drawn(*shape):
            limit = 1 / np.sqrt(in_features)
            return torch.nn.Parameter(torch.from_numpy(np.random.uniform(-limit, limit, shape).astype(np.float32)))

        self.weight = drawn(2 * out_features, in_features)
        self.bias = drawn(2 * out_features) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = self.bias.double() if self.bias is not None else self.bias
        y = F.linear(x.double(), self.weight.double(), bias)
        n = y.shape[-1] // 2
        gate = torch.exp(F.logsigmoid(y[..., n:]))
        return (gate * y[..., :n]).to(x.dtype)
