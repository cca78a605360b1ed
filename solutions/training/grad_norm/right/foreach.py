"""One fused call for all norms, put together by hypot; functools.singledispatch finds the linear layers."""

import functools
import math

import torch
from torch import nn


class GradNormLogger:
    __slots__ = ("_parameters", "norms")

    def __init__(self, parameters):
        self._parameters = list(parameters)
        self.norms = list()

    def record(self):
        grads = [p.grad for p in self._parameters if p.grad is not None]
        norms = torch._foreach_norm(grads) if grads else []
        total = functools.reduce(math.hypot, map(float, norms), 0.0)
        self.norms.append(total)
        return total


@functools.singledispatch
def _reset(module, scheme):
    pass


@_reset.register
def _(module: nn.Linear, scheme):
    getattr(nn.init, scheme + "_")(module.weight)
    if module.bias is not None:
        nn.init.constant_(module.bias, 0.0)


def initialize(model, scheme):
    if scheme not in ("xavier_uniform", "kaiming_normal", "ones"):
        raise ValueError(scheme)
    _reset(model, scheme)
    for child in model.children():
        initialize(child, scheme)


def _step(model, loss_fn, optimizer, x, y, logger):
    optimizer.zero_grad()
    with torch.enable_grad():
        loss = loss_fn(model(x), y)
    loss.backward()
    logger.record()
    optimizer.step()
    return float(loss.detach())


def train(model, loss_fn, optimizer, loader, epochs, logger):
    model.train()
    epochs_losses = [[_step(model, loss_fn, optimizer, x, y, logger) for x, y in loader] for _ in range(epochs)]
    return [sum(losses) / len(losses) for losses in epochs_losses]
