"""One row after the other with addmm, in a helper that knows nothing of modules."""

import torch as t


class WrongWidth(ValueError):
    pass


def glu(x, w, b):
    """Gate a matrix; the name is not the operator."""
    flat = x.reshape(-1, w.shape[1])
    start = t.zeros(len(w), dtype=x.dtype) if b is None else b
    y = t.addmm(start, flat, w.t())
    value, gate = t.tensor_split(y, 2, dim=1)
    return t.stack([v * t.special.expit(g) for v, g in zip(value, gate)])


class GatedLinearUnit(t.nn.Module):
    bias: t.nn.Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        t.nn.Module.__init__(self)
        k = 1.0 / in_features**0.5
        for name, shape in {"weight": (2 * out_features, in_features), "bias": (2 * out_features,)}.items():
            wanted = bias or name == "weight"
            self.register_parameter(name, t.nn.Parameter((2 * t.rand(shape) - 1) * k) if wanted else None)

    def forward(self, x: t.Tensor) -> t.Tensor:
        *leading, last = x.shape
        if last != self.weight.shape[1]:
            raise WrongWidth(last)
        return glu(x, self.weight, self.bias).reshape(*leading, len(self.weight) // 2)
