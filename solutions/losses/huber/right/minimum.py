"""The closed form with torch.minimum and a tensor threshold."""

import torch as t


class HuberLoss(t.nn.Module):
    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        assert_positive(delta)
        self.delta = delta

    def extra_repr(self) -> str:
        return f"delta={self.delta}"

    def forward(self, y_pred: t.Tensor, y_true: t.Tensor) -> t.Tensor:
        if y_pred.shape != y_true.shape:
            raise ValueError("expected one shape")
        distance = (y_true - y_pred).abs()
        limit = t.full_like(distance, self.delta)
        near = t.minimum(distance, limit)
        far = t.relu(distance - limit)
        return (near * near * 0.5 + limit * far).mean()


def assert_positive(delta):
    if not delta > 0:
        raise ValueError(f"delta is {delta}")
