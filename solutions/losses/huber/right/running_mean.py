"""Welford's running mean, element by element: its gradient is a long product, right to a rounding for each factor."""

from itertools import starmap

import torch
from torch import Tensor, nn


class HuberLoss(nn.Module):
    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not delta > 0:
            raise ValueError("delta must be greater than 0")
        self.delta = delta

    def cost(self, p: Tensor, t: Tensor) -> Tensor:
        size = (p - t).abs()
        return size * size / 2 if size <= self.delta else self.delta * (size - self.delta / 2)

    def forward(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        if y_pred.shape != y_true.shape:
            raise ValueError("shapes differ")
        mean = torch.zeros((), dtype=torch.float64)
        pairs = zip(y_pred.double().flatten(), y_true.double().flatten())
        for count, cost in enumerate(starmap(self.cost, pairs), 1):
            mean = mean + (cost - mean) / count
        return mean.to(y_pred.dtype)
