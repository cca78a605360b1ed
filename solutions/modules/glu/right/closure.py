"""Small functions composed: project, halve, gate; a decorator guards the width."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Halves:
    value: Tensor
    gate: Tensor

    def gated(self) -> Tensor:
        return self.gate.sigmoid().mul(self.value)


def fitting(forward: Callable) -> Callable:
    @functools.wraps(forward)
    def guarded(self, x: Tensor) -> Tensor:
        if not x.dim() or x.shape[-1] != self.size[0]:
            raise IndexError(f"x ends in {tuple(x.shape)[-1:]}, and in_features is {self.size[0]}")
        return forward(self, x)

    return guarded


class GatedLinearUnit(nn.Module):
    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.size = (in_features, out_features)
        self.weight = nn.Parameter(torch.empty(out_features * 2, in_features))
        self.register_parameter("bias", nn.Parameter(torch.empty(out_features * 2)) if bias else None)
        for p in filter(lambda p: p is not None, (self.weight, self.bias)):
            p.data.uniform_(-1, 1).div_(in_features**0.5)
        self.halve = lambda y: Halves(*y.view(*y.shape[:-1], 2, out_features).unbind(-2))

    @fitting
    def forward(self, x: Tensor) -> Tensor:
        product = (x.unsqueeze(-2) * self.weight).sum(dim=-1)
        return self.halve(product if self.bias is None else product.add(self.bias)).gated()
