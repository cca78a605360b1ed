"""torch.autograd.grad finds the gradients, put where the optimizer looks; a decorator puts everything back."""

import functools
import math

import torch


def put_back(function):
    @functools.wraps(function)
    def wrapper(model, loss_fn, optimizer, *args, **kwargs):
        weights = {name: value.clone() for name, value in model.state_dict().items()}
        kept = optimizer.state_dict()
        kept["state"] = {
            k: {n: torch.clone(v) if isinstance(v, torch.Tensor) else v for n, v in s.items()}
            for k, s in kept["state"].items()
        }
        modes = [(m, m.training) for m in model.modules()]
        try:
            return function(model, loss_fn, optimizer, *args, **kwargs)
        except BaseException:
            raise
        finally:
            for module, mode in modes:
                module.training = mode
            optimizer.load_state_dict(kept)
            with torch.no_grad():
                for name, value in model.state_dict().items():
                    value.copy_(weights[name])

    return wrapper


@put_back
def lr_range_test(model, loss_fn, optimizer, loader, lr_min=1e-6, lr_max=10.0, num_steps=100):
    if num_steps < 2:
        raise ValueError("at least two steps, please")
    if not 0 < lr_min < lr_max:
        raise ValueError("0 < lr_min < lr_max, please")
    lrs, losses = [], []
    model.train()
    while len(lrs) < num_steps:
        seen = len(lrs)
        for x, y in loader:
            lr = lr_max ** (len(lrs) / (num_steps - 1)) * lr_min ** (1 - len(lrs) / (num_steps - 1))
            loss = loss_fn(model(x), y)
            lrs.append(lr)
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                return lrs, losses
            update(optimizer, loss, lr)
            if len(lrs) == num_steps:
                break
        if len(lrs) == seen:
            raise ValueError("the loader gave no mini-batch")
    return lrs, losses


def update(optimizer, loss, lr):
    params = [p for group in optimizer.param_groups for p in group["params"]]
    trained = [p for p in params if p.requires_grad]
    for p in params:
        p.grad = None
    for p, grad in zip(trained, torch.autograd.grad(loss, trained, allow_unused=True)):
        p.grad = grad
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()


def suggest_lr(lrs, losses):
    if len(lrs) != len(losses):
        raise ValueError("different lengths")
    if len(lrs) == 0:
        raise ValueError("no points")
    low, at = losses[0], len(lrs) - 1
    for i, loss in enumerate(losses):
        low = loss if loss < low else low
        if math.isnan(loss) or math.isinf(loss) or loss > low * 4:
            at = i
            break
    return lrs[at] / 10
