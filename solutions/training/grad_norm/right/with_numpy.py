"""Norms and random numbers by numpy."""

import numpy as np
import torch
from torch import nn


class GradNormLogger:
    def __init__(self, parameters):
        self.norms, self.__parameters = [], list(parameters)

    def record(self):
        total = np.float64(0)
        for p in self.__parameters:
            if p.grad is None:
                continue
            total += np.square(p.grad.detach().numpy().astype(np.float64)).sum()
        self.norms.append(float(np.sqrt(total)))
        return self.norms[-1]


def initialize(model, scheme):
    rng = np.random.default_rng()

    def draw(rows, columns):
        if scheme == "xavier_uniform":
            bound = np.sqrt(6 / (rows + columns))
            return rng.uniform(-bound, bound, (rows, columns))
        if scheme == "kaiming_normal":
            return rng.normal(0.0, np.sqrt(2 / columns), (rows, columns))
        if scheme == "ones":
            return np.ones((rows, columns))
        raise ValueError("what scheme is " + repr(scheme))

    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.weight.data.copy_(torch.from_numpy(draw(*module.weight.shape)))
            if module.bias is not None:
                module.bias.data.copy_(torch.zeros(len(module.bias)))


def train(model, loss_fn, optimizer, loader, epochs, logger):
    means = np.zeros(epochs)
    model.train()
    for epoch in range(epochs):
        losses = []
        for step, (x, y) in enumerate(loader):
            [p.grad.zero_() for p in model.parameters() if p.grad is not None]
            loss = loss_fn(model(x), y)
            loss.backward()
            logger.record()
            optimizer.step()
            losses.append(loss.detach().numpy())
        means[epoch] = np.mean(losses)
    return means.tolist()
