"""Norm of norms with torch.linalg, match statements, and Module.apply."""

import torch
from torch import nn
from torch.nn import init


class GradNormLogger:
    def __init__(self, parameters):
        self.parameters = [*parameters]
        self.norms = []

    @torch.no_grad()
    def record(self):
        norms = [torch.linalg.vector_norm(p.grad, dtype=torch.float64) for p in self.parameters if p.grad is not None]
        total = torch.linalg.vector_norm(torch.stack(norms)).item() if norms else 0.0
        self.norms.append(total)
        return self.norms[-1]


def initialize(model, scheme):
    def visit(module):
        match module:
            case nn.Linear():
                match scheme:
                    case "xavier_uniform":
                        init.xavier_uniform_(module.weight)
                    case "kaiming_normal":
                        init.kaiming_normal_(module.weight)
                    case "ones":
                        init.constant_(module.weight, 1)
                    case _:
                        raise ValueError(f"unknown scheme {scheme!r}")
                if module.bias is not None:
                    init.zeros_(module.bias)

    model.apply(visit)


def train(model, loss_fn, optimizer, loader, epochs, logger):
    history = []
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for input, target in loader:
            loss = loss_fn(model(input), target)
            optimizer.zero_grad(set_to_none=False)
            loss.backward()
            logger.record()
            optimizer.step()
            total += loss.item()
        history.append(total / len(loader))
    return history
