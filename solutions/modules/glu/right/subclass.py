"""nn.Linear already has the right parameters, names and initial values: inherit them."""

import torch
from torch import Tensor, nn


class GatedLinearUnit(nn.Linear):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, 2 * out_features, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        half = self.out_features // 2
        y = super().forward(x)
        return y[..., :half] * y[..., half:].sigmoid()


if __name__ == "__main__":
    layer, x = GatedLinearUnit(3, 2), torch.randn(4, 3)
    print(layer(x) - nn.functional.glu(nn.functional.linear(x, layer.weight, layer.bias)))
