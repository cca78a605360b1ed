"""A small class holds the way back; the update is a closure; the rates are float32, which is within 1e-6."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass
class Snapshot:
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    file: io.BytesIO = field(default_factory=io.BytesIO)
    modes: list[Any] = field(default_factory=list)

    def __enter__(self) -> Snapshot:
        torch.save((self.model.state_dict(), self.optimizer.state_dict()), self.file)
        self.modes = [(m, m.training) for m in self.model.modules()]
        return self

    def __exit__(self, *exception) -> bool:
        self.file.seek(0)
        weights, state = torch.load(self.file, weights_only=True)
        self.model.load_state_dict(weights)
        self.optimizer.load_state_dict(state)
        for module, mode in self.modes:
            module.train(mode)
        return False


class Cycle:
    def __init__(self, loader):
        self.loader, self.it = loader, None

    def draw(self):
        for _ in range(2):
            if self.it is None:
                self.it = iter(self.loader)
            try:
                return next(self.it)
            except StopIteration:
                self.it = None
        raise ValueError("there is no data in the loader")


def lr_range_test(model, loss_fn, optimizer, loader, lr_min=1e-6, lr_max=10.0, num_steps=100):
    assert_range(lr_min, lr_max, num_steps)
    exponents = torch.linspace(math.log(lr_min), math.log(lr_max), num_steps, dtype=torch.float64)
    rates = exponents.exp().float().tolist()
    lrs: list[float] = []
    losses: list[float] = []
    source = Cycle(loader)
    with Snapshot(model, optimizer):
        for rate in rates:
            model.train()
            batch = source.draw()
            for group in optimizer.param_groups:
                group["lr"] = rate

            def closure():
                optimizer.zero_grad()
                loss = loss_fn(model(batch[0]), batch[1])
                loss.backward()
                return loss

            value = closure().item()
            lrs.append(rate)
            losses.append(value)
            if value != value or abs(value) == math.inf:
                return lrs, losses
            optimizer.step()
    return lrs, losses


def assert_range(lr_min, lr_max, num_steps):
    if num_steps < 2:
        raise ValueError("num_steps")
    if not 0 < lr_min < lr_max < float("inf"):
        raise ValueError("lr_min, lr_max")


def suggest_lr(lrs, losses):
    if not len(lrs) == len(losses) > 0:
        raise ValueError("sequences")
    best = float("inf")
    last = lrs[len(lrs) - 1]
    for rate, loss in zip(lrs, losses, strict=True):
        if math.isfinite(loss) and loss <= 4 * min(best, loss):
            best = min(best, loss)
            continue
        last = rate
        break
    return 0.1 * last
