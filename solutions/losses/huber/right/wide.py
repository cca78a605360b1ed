"""Computes in float64 throughout and rounds once at the end."""

import torch


class HuberLoss(torch.nn.Module):
    def __init__(self, delta: float = 1.0):
        if not (delta > 0.0):
            raise ValueError(f"need delta > 0, got {delta!r}")
        torch.nn.Module.__init__(self)
        self.register_buffer("threshold", torch.tensor(float(delta), dtype=torch.float64))

    def forward(self, y_pred, y_true):
        if tuple(y_pred.shape) != tuple(y_true.shape):
            raise ValueError("y_pred and y_true must have one shape")
        e = (y_pred.double() - y_true.double()).flatten()
        inside = e.clamp(-self.threshold, self.threshold)
        outside = e - inside
        per_element = inside.square() / 2 + self.threshold * outside.abs()
        return (per_element.sum() / per_element.numel()).to(y_pred.dtype)
