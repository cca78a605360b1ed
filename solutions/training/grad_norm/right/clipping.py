"""The norm that clip_grad_norm_ returns when nothing is clipped; an update that takes a closure."""

import torch
from torch import nn


class GradNormLogger:
    def __init__(self, parameters):
        self.parameters = list(parameters)
        self.norms = []

    def record(self):
        self.norms.append(nn.utils.clip_grad_norm_(self.parameters, float("inf")).item())
        return self.norms[-1]


def initialize(model, scheme):
    if scheme == "xavier_uniform":
        fill = nn.init.xavier_uniform_
    elif scheme == "kaiming_normal":
        fill = nn.init.kaiming_normal_
    elif scheme == "ones":
        fill = nn.init.ones_
    else:
        raise ValueError("scheme")
    for module in filter(lambda module: isinstance(module, nn.Linear), model.modules()):
        fill(module.weight)
        if module.bias is not None:
            module.bias.data.fill_(0.0)


def train(model, loss_fn, optimizer, loader, epochs, logger):
    model.train()

    def closure(x, y):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        logger.record()
        return loss

    means = []
    for _ in range(epochs):
        losses = torch.stack([optimizer.step(lambda x=x, y=y: closure(x, y)).detach() for x, y in loader])
        means.append(losses.mean().item())
    return means
