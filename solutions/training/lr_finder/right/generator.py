"""A generator yields one (lr, loss) after the other; the caller collects them and closes it."""

import copy
import math


def _steps(model, loss_fn, optimizer, loader, rates):
    batches = iter(loader)
    for lr in rates:
        try:
            x, y = next(batches)
        except StopIteration:
            batches = iter(loader)
            x, y = next(batches)
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        yield lr, loss.item()
        loss.backward()
        optimizer.step()


def lr_range_test(model, loss_fn, optimizer, loader, lr_min: float = 1e-6, lr_max: float = 10.0, num_steps: int = 100):
    if not lr_min > 0:
        raise ValueError("lr_min has to be positive")
    if not lr_max > lr_min:
        raise ValueError("lr_max has to be greater than lr_min")
    if num_steps < 2:
        raise ValueError("num_steps has to be 2 or more")
    # One look into the loader: a loader may be started as often as one likes.
    if next(iter(loader), None) is None:
        raise ValueError("the loader is empty")
    before = copy.deepcopy([model.state_dict(), optimizer.state_dict()])
    modes = {m: m.training for m in model.modules()}
    curve = []
    try:
        model.train()
        rates = (lr_min * math.pow(lr_max / lr_min, i / (num_steps - 1)) for i in range(num_steps))
        for lr, loss in _steps(model, loss_fn, optimizer, loader, rates):
            curve.append((lr, loss))
            if not math.isfinite(loss):
                break
    finally:
        for m in modes:
            m.training = modes[m]
        model.load_state_dict(before[0])
        optimizer.load_state_dict(before[1])
    lrs, losses = zip(*curve)
    return list(lrs), list(losses)


def suggest_lr(lrs, losses):
    if len(losses) != len(lrs) or not losses:
        raise ValueError("expected as many losses as learning rates, and one at least")

    def diverges(i):
        return not math.isfinite(losses[i]) or any(losses[i] > 4 * earlier for earlier in losses[:i])

    first = min((i for i in range(len(lrs)) if diverges(i)), default=len(lrs) - 1)
    return lrs[first] / 10
