"""Boolean indexing: two groups of elements, two sums, one division, as a comparison with torch's own would confirm."""

import torch
from torch import nn


def _check(p, t):
    # F.huber_loss would refuse nothing here: it broadcasts with a warning.
    if list(p.shape) != list(t.shape):
        raise ValueError("shapes differ")


class HuberLoss(nn.Module):
    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not delta > 0:
            raise ValueError("delta")
        self.delta = delta

    def forward(self, y_pred, y_true):
        _check(y_pred, y_true)
        dtype, count = y_pred.dtype, y_pred.numel()
        e = (y_pred - y_true).to(torch.promote_types(dtype, torch.float32))
        a = e.abs()
        small = a <= self.delta
        quadratic = (a[small] ** 2).sum() / 2
        linear = self.delta * (a[~small] - self.delta / 2).sum()
        return ((quadratic + linear) / count).to(dtype)


if __name__ == "__main__":
    x, y = torch.randn(5), torch.randn(5)
    print(HuberLoss()(x, y), nn.functional.huber_loss(x, y))
