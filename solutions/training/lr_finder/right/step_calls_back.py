"""The optimizer's step asks for the loss itself; an exception of the test's own gets out of a step that must not be."""

import copy
import math

import torch


class _NotFinite(Exception):
    """No update may follow."""


def lr_range_test(model, loss_fn, optimizer, loader, lr_min=1e-6, lr_max=10.0, num_steps=100):
    if not 0 < lr_min < lr_max:
        raise ValueError("the range is empty")
    if num_steps < 2:
        raise ValueError("too few steps")
    found = copy.deepcopy([model.state_dict(), optimizer.state_dict()])
    modes = {module: module.training for module in model.modules()}
    lrs, losses = [], []
    try:
        model.train()
        batches = iter(())
        while len(losses) < num_steps:
            batch = next(batches, None)
            if batch is None:
                batches = iter(loader)
                batch = next(batches, None)
            if batch is None:
                raise ValueError("the loader gives nothing")
            share = len(losses) / (num_steps - 1)
            lrs.append(lr_min ** (1 - share) * lr_max**share)
            for group in optimizer.param_groups:
                group.update(lr=lrs[-1])

            def closure():
                optimizer.zero_grad()
                loss = loss_fn(model(batch[0]), batch[1])
                losses.append(float(loss.detach()))
                if not math.isfinite(losses[-1]):
                    raise _NotFinite
                loss.backward()
                return loss

            with torch.enable_grad():
                optimizer.step(closure)
    except _NotFinite:
        pass
    finally:
        model.load_state_dict(found[0])
        optimizer.load_state_dict(found[1])
        for module, mode in modes.items():
            module.training = mode
    return lrs, losses


def suggest_lr(lrs, losses):
    if len(lrs) != len(losses) or len(lrs) < 1:
        raise ValueError("two sequences of one length are needed")
    place = 0
    while place < len(lrs) - 1 and math.isfinite(losses[place]) and losses[place] <= 4 * min(losses[: place + 1]):
        place += 1
    return lrs[place] / 10
