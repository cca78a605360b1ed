"""einsum with the shape compared beforehand, and the sigmoid as a tanh."""

import math

import torch
from torch import nn


class GatedLinearUnit(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty((out_features * 2, in_features)))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features * 2))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = nn.init._calculate_fan_in_and_fan_out(self.weight)
            nn.init.uniform_(self.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))

    def forward(self, x):
        assert x.size(-1) == self.in_features, f"expected {self.in_features} features, got {x.size(-1)}"
        both = torch.einsum("...i,hoi->...ho", x, self.weight.unflatten(0, (2, self.out_features)))
        if self.bias is not None:
            both = both + self.bias.view(2, self.out_features)
        value, gate = both.unbind(dim=-2)
        return value * (0.5 * torch.tanh(0.5 * gate) + 0.5)
