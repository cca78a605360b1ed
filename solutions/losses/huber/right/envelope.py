"""The line touches the parabola: with the clamped error held constant, c·|e| - c²/2 has the right slope, c."""

import torch
from torch import Tensor, nn


class HuberLoss(nn.Module):
    delta: float

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not delta > 0:
            raise ValueError(f"delta must be greater than 0 and is {delta}")
        self.delta = delta

    def forward(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        match y_pred.shape == y_true.shape:
            case False:
                raise ValueError("shapes differ")
        error = y_pred - y_true
        with torch.no_grad():
            slope = error.clamp(-self.delta, self.delta)
        return (slope * error - slope * slope / 2).mean()
