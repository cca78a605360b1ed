"""One number after the other, as plain Python would do it."""

import math

import torch
from torch import nn


class GatedLinearUnit(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.n, self.m = in_features, out_features
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(2 * out_features, in_features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(2 * out_features).uniform_(-bound, bound)) if bias else None

    def _unit(self, x, j):
        total = torch.zeros_like(x[..., 0]) if self.bias is None else self.bias[j].expand(x.shape[:-1])
        for i in range(self.n):
            total = total + self.weight[j, i] * x[..., i]
        return total

    def forward(self, x):
        if x.shape[-1] != self.n:
            raise ValueError(f"x has {x.shape[-1]} features, and the layer takes {self.n}")
        columns = [self._unit(x, j) * torch.sigmoid(self._unit(x, j + self.m)) for j in range(self.m)]
        return torch.stack(columns, dim=-1)
