"""An ExitStack puts things back, in reverse; the rates are numpy's."""

import contextlib
import copy

import numpy as np
import torch as t


def lr_range_test(
    model: t.nn.Module,
    loss_fn,
    optimizer: t.optim.Optimizer,
    loader,
    lr_min: float = 1e-6,
    lr_max: float = 10.0,
    num_steps: int = 100,
) -> tuple[list[float], list[float]]:
    if np.isnan(lr_min) or np.isnan(lr_max) or lr_min <= 0 or lr_min >= lr_max:
        raise ValueError(f"lr_min={lr_min} is not in (0, {lr_max})")
    if num_steps <= 1:
        raise ValueError(f"num_steps={num_steps}")
    rates = np.geomspace(lr_min, lr_max, num_steps)
    losses: list[float] = []
    with contextlib.ExitStack() as stack:
        stack.callback(optimizer.load_state_dict, copy.deepcopy(optimizer.state_dict()))
        stack.callback(model.load_state_dict, {k: v.clone() for k, v in model.state_dict().items()})
        for module in model.modules():
            stack.callback(setattr, module, "training", module.training)
            module.training = True
        batches = iter(())
        for rate in rates:
            batch = next(batches, None)
            if batch is None:
                batches = iter(loader)
                batch = next(batches, None)
            if batch is None:
                raise ValueError("empty loader")
            for group in optimizer.param_groups:
                group.update(lr=float(rate))
            print("lr", rate)
            x, y = batch
            params = {p for group in optimizer.param_groups for p in group["params"]}
            for p in params:
                p.grad = None
            with t.enable_grad():
                loss = loss_fn(model(x), y)
            losses += [loss.item()]
            if not np.isfinite(losses[-1]):
                break
            loss.backward()
            optimizer.step()
    return list(rates[: len(losses)]), losses


def suggest_lr(lrs, losses) -> float:
    if len(lrs) == 0 or len(losses) == 0:
        raise ValueError("empty")
    if len(lrs) != len(losses):
        raise ValueError("unequal")
    values = np.asarray(losses, dtype=np.float64)
    with np.errstate(all="ignore"):
        bad = ~np.isfinite(values) | (values > 4.0 * np.minimum.accumulate(values))
    return np.asarray(lrs)[np.argmax(bad) if bad.any() else -1] / 10.0
