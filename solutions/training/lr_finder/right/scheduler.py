"""The rates are those of torch's own scheduler; what it leaves in the groups goes when their state is loaded."""

import warnings
from copy import deepcopy
from itertools import count

import torch
from torch.optim.lr_scheduler import LambdaLR


class EmptyLoaderError(ValueError):
    pass


def _batches(loader):
    for epoch in count():
        n = -1
        for n, batch in enumerate(loader):
            yield batch
        if n < 0:
            raise EmptyLoaderError(f"the loader gave nothing in pass {epoch}")


def lr_range_test(model, loss_fn, optimizer, loader, lr_min=1e-6, lr_max=10.0, num_steps=100):
    if num_steps < 2 or not (0.0 < lr_min < lr_max):
        raise ValueError(f"{lr_min=} {lr_max=} {num_steps=}")
    saved_model = deepcopy(model.state_dict())
    saved_optimizer = deepcopy(optimizer.state_dict())
    saved_modes = [m.training for m in model.modules()]
    lrs, losses = [], []
    try:
        model.train(True)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] = lr_min
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            schedule = LambdaLR(optimizer, lambda i: (lr_max / lr_min) ** (i / (num_steps - 1)))
        stream = _batches(loader)
        while len(lrs) < num_steps:
            inputs, target = next(stream)
            loss = loss_fn(model(inputs), target)
            lrs.append(optimizer.param_groups[-1]["lr"])
            losses.append(loss.item())
            if not torch.isfinite(loss):
                break
            model.zero_grad()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    finally:
        model.load_state_dict(saved_model)
        optimizer.load_state_dict(saved_optimizer)
        for m, training in zip(model.modules(), saved_modes):
            m.training = training
    return lrs, losses


def suggest_lr(lrs, losses):
    if len(lrs) != len(losses) or len(lrs) < 1:
        raise ValueError("lengths")
    curve = torch.tensor(losses, dtype=torch.float64)
    lowest = torch.cummin(curve.nan_to_num(nan=float("inf")), 0).values
    diverged = ~torch.isfinite(curve) | (curve > 4 * lowest)
    where = diverged.nonzero().flatten()
    return float(lrs[int(where[0]) if len(where) else -1]) / 10
