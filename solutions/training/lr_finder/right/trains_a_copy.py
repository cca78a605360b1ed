"""Model and optimizer are copied together, so that the copied optimizer holds the copied parameters."""

import copy
import itertools
import math


def lr_range_test(model, loss_fn, optimizer, loader, lr_min=1e-6, lr_max=10.0, num_steps=100):
    if math.isnan(lr_min + lr_max) or not 0 < lr_min < lr_max or num_steps < 2:
        raise ValueError("out of range")
    model, optimizer = copy.deepcopy((model, optimizer))
    model.train()
    passes = itertools.repeat(loader)
    stream = itertools.chain.from_iterable(passes) if _holds_something(loader) else iter(())
    lrs, losses = [], []
    for i, (x, y) in enumerate(itertools.islice(stream, num_steps)):
        lrs.append(math.exp(math.log(lr_min) + i / (num_steps - 1) * (math.log(lr_max) - math.log(lr_min))))
        for group in optimizer.param_groups:
            group["lr"] = lrs[i]
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        losses.append(loss.item())
        if not math.isfinite(losses[i]):
            break
        loss.backward()
        optimizer.step()
    if not lrs:
        raise ValueError("empty loader")
    return lrs, losses


def _holds_something(loader):
    for _ in loader:
        return True
    return False


def suggest_lr(lrs, losses):
    match len(lrs), len(losses):
        case 0, _:
            raise ValueError("nothing to go by")
        case n, m if n != m:
            raise ValueError(f"{n} and {m}")
    lowest = itertools.accumulate(losses, min)
    diverging = (r for r, x, low in zip(lrs, losses, lowest) if not -math.inf < x < math.inf or x > 4 * low)
    return next(diverging, lrs[-1]) / 10
