"""An autograd Function with the gradient written out."""

import torch
from torch import nn


class _Huber(torch.autograd.Function):
    @staticmethod
    def forward(ctx, e, delta):
        ctx.save_for_backward(e)
        ctx.delta = delta
        size = e.abs()
        return torch.where(size <= delta, size * size.clamp(max=delta) / 2, delta * (size - delta / 2)).mean()

    @staticmethod
    def backward(ctx, grad):
        (e,) = ctx.saved_tensors
        return grad * e.clamp(-ctx.delta, ctx.delta) / e.numel(), None


class HuberLoss(nn.Module):
    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not delta > 0:
            raise ValueError("delta must be positive")
        self.delta = delta

    def forward(self, y_pred, y_true):
        if y_pred.shape != y_true.shape:
            raise ValueError(f"{y_pred.shape} against {y_true.shape}")
        return _Huber.apply(y_pred - y_true, self.delta)
