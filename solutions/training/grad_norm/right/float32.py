"""Norms in float32 and a root of Python floats; a recursive walk over the layers; the former mode is put back."""

import torch
from torch import nn


def _linear_layers(module):
    if isinstance(module, nn.Linear):
        yield module
    for child in module.children():
        yield from _linear_layers(child)


class GradNormLogger(object):
    def __init__(self, parameters):
        self.norms = []
        self.kept = dict(enumerate(parameters))

    def record(self):
        total = 0.0
        for p in self.kept.values():
            if p.grad is not None:
                total += p.grad.detach().float().norm(2).item() ** 2
        self.norms.append(total**0.5)
        return total**0.5


def initialize(model, scheme):
    schemes = ["xavier_uniform", "kaiming_normal", "ones"]
    try:
        which = schemes.index(scheme)
    except ValueError as error:
        raise ValueError(f"scheme {scheme}: choose one of {schemes}") from error
    for layer in _linear_layers(model):
        w = layer.weight.detach()
        if which == 0:
            nn.init.xavier_uniform_(w)
        elif which == 1:
            w.copy_(torch.randn(w.shape, dtype=torch.float32).mul(2.0**0.5 / w.shape[1] ** 0.5))
        else:
            w[:] = 1.0
        if layer.bias is not None:
            with torch.no_grad():
                layer.bias.sub_(layer.bias.clone())


def train(model, loss_fn, optimizer, loader, epochs, logger):
    was = model.training
    model.train()
    losses = []
    try:
        for _ in range(epochs):
            epoch = []
            for x, y in loader:
                optimizer.zero_grad()
                loss = loss_fn(model(x), y)
                loss.backward()
                logger.record()
                optimizer.step()
                epoch.append(loss.item())
            losses.append(torch.tensor(epoch).mean().item())
    finally:
        model.train(was)
    return losses
