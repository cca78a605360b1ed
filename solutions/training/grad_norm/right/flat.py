"""All gradients as one vector in float64, a dataclass, and in-place filling under no_grad."""

from dataclasses import InitVar, dataclass, field
from typing import Iterable

import torch
import torch.nn as nn
from torch import Tensor


@dataclass
class GradNormLogger:
    parameters: InitVar[Iterable[Tensor]]
    norms: list = field(default_factory=list)

    def __post_init__(self, parameters):
        self._kept = [p for p in parameters]

    def record(self) -> float:
        flat = [p.grad.double().flatten() for p in self._kept if p.grad is not None]
        norm = 0.0 if not flat else torch.cat(flat).norm().item()
        self.norms += [norm]
        return norm


@torch.no_grad()
def initialize(model: nn.Module, scheme: str) -> None:
    assert isinstance(model, nn.Module)
    if scheme not in {"xavier_uniform", "kaiming_normal", "ones"}:
        raise ValueError(f"{scheme} is none of the schemes that I know")
    for module in model.modules():
        if not isinstance(module, nn.Linear):
            continue
        fan_out, fan_in = module.weight.shape
        if scheme == "ones":
            module.weight.fill_(1)
        elif scheme == "xavier_uniform":
            bound = (6 / (fan_in + fan_out)) ** 0.5
            module.weight.uniform_(-bound, bound)
        else:
            module.weight.normal_(0, (2 / fan_in) ** 0.5)
        if module.bias is not None:
            module.bias *= 0


def train(model, loss_fn, optimizer, loader, epochs, logger):
    model.train()
    out = []
    epoch = 0
    while epoch < epochs:
        running, batches = torch.zeros((), dtype=torch.float64), 0
        for batch in loader:
            x, y = batch[0], batch[1]
            model.zero_grad()
            pred = model(x)
            loss = loss_fn(pred, y)
            loss.backward()
            logger.record()
            optimizer.step()
            optimizer.zero_grad()
            running += loss.detach()
            batches += 1
        out.append((running / batches).item())
        epoch += 1
    return out
