"""Plain loops and copies made by hand: every tensor is cloned, and copied back into place."""

import math

import torch


def lr_range_test(model, loss_fn, optimizer, loader, lr_min=1e-6, lr_max=10.0, num_steps=100):
    if not (lr_min > 0 and lr_max > lr_min):
        raise ValueError("need 0 < lr_min < lr_max")
    if num_steps < 2:
        raise ValueError("need two steps")
    tensors = list(model.parameters()) + list(model.buffers())
    backup = [t.detach().clone() for t in tensors]
    modes = {name: m.training for name, m in model.named_modules()}
    groups = [dict(g) for g in optimizer.param_groups]
    state = {}
    for p, values in optimizer.state.items():
        state[p] = {k: v.clone() if torch.is_tensor(v) else v for k, v in values.items()}
    lrs = []
    losses = []
    try:
        model.train()
        iterator = iter(loader)
        factor = (lr_max / lr_min) ** (1 / (num_steps - 1))
        lr = lr_min
        step = 0
        while step < num_steps:
            try:
                inputs, targets = next(iterator)
            except StopIteration:
                if step == 0:
                    raise ValueError("no mini-batches") from None
                iterator = iter(loader)
                inputs, targets = next(iterator)
            for g in optimizer.param_groups:
                g["lr"] = lr
            optimizer.zero_grad(set_to_none=True)
            outputs = model(inputs)
            loss = loss_fn(outputs, targets)
            value = float(loss.detach())
            lrs.append(lr)
            losses.append(value)
            if math.isnan(value) or math.isinf(value):
                break
            loss.backward()
            optimizer.step()
            lr = lr * factor
            step = step + 1
    finally:
        with torch.no_grad():
            for t, b in zip(tensors, backup):
                t.copy_(b)
        for name, m in model.named_modules():
            m.training = modes[name]
        optimizer.state.clear()
        optimizer.state.update(state)
        for g, old in zip(optimizer.param_groups, groups):
            g.clear()
            g.update(old)
    return lrs, losses


def suggest_lr(lrs, losses):
    if not lrs or len(lrs) != len(losses):
        raise ValueError("lrs and losses must be of one length")
    for i in range(len(losses)):
        if not math.isfinite(losses[i]):
            return lrs[i] * 0.1
        if losses[i] > 4 * min(losses[: i + 1]):
            return lrs[i] * 0.1
    return lrs[-1] * 0.1


if __name__ == "__main__":
    net = torch.nn.Linear(1, 1)
    data = [(torch.ones(2, 1), torch.zeros(2, 1))]
    curve = lr_range_test(net, torch.nn.functional.mse_loss, torch.optim.SGD(net.parameters(), lr=1.0), data)
    print(suggest_lr(*curve))
