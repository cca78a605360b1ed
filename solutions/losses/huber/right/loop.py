"""One element after the other, as plain Python would do it."""

from torch import nn


class HuberLoss(nn.Module):
    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not delta > 0:
            raise ValueError
        self.d = float(delta)

    def _one(self, e):
        a = abs(e)
        if a <= self.d:
            return e * e / 2
        return self.d * (a - self.d / 2)

    def forward(self, y_pred, y_true):
        if y_pred.shape != y_true.shape:
            raise ValueError("shapes")
        p, t = y_pred.reshape(-1), y_true.reshape(-1)
        n = p.numel()
        total = 0.0
        for i in range(n):
            total = total + self._one(p[i] - t[i]) / n
        return total
