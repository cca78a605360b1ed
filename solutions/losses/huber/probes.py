"""What the grader does with a Huber loss: build it, call it, train with it, and return what came out."""

import torch
from torch import nn

BANNED = ("huber_loss", "smooth_l1_loss")


def loss(learner, y_pred, y_true, delta=1.0):
    return learner.HuberLoss(delta)(y_pred, y_true)


def default_loss(learner, y_pred, y_true):
    return learner.HuberLoss()(y_pred, y_true)


def in_model(learner, y_pred, y_true, delta):
    model = nn.Module()
    model.criterion = learner.HuberLoss(delta)
    children = [name for name, _ in model.named_children()]
    in_training = model.criterion(y_pred, y_true)
    with torch.no_grad():
        without_grad = model.criterion(y_pred, y_true)
    in_evaluation = model.eval().criterion(y_pred, y_true)
    values = [in_training, without_grad, in_evaluation, model.criterion.forward(y_pred, y_true)]
    return {"children": children, "losses": [value.item() for value in values]}


def repeated(learner, y_pred, y_true, delta, other_delta, times):
    criterion, other = learner.HuberLoss(delta), learner.HuberLoss(other_delta)
    first = criterion(y_pred, y_true)
    for loss in (criterion, other):
        loss(1000 - y_pred, y_true)
        loss(y_pred, y_true + 1)
    losses = [criterion(y_pred, y_true).item() for _ in range(times)]
    return [*losses, criterion(y_pred + 1, y_true).item(), first.item()]


def late_gradients(learner, y_pred, y_true, delta, other_delta):
    criterion, other = learner.HuberLoss(delta), learner.HuberLoss(other_delta)
    y_pred, y_true = y_pred.requires_grad_(), y_true.requires_grad_()
    value = criterion(y_pred, y_true)
    for loss in (criterion, other):
        loss(1 - 3 * y_pred, y_true)
    return list(torch.autograd.grad(value, (y_pred, y_true), allow_unused=True, materialize_grads=True))


def construct(learner, delta):
    learner.HuberLoss(delta=delta)


def inputs_after(learner, y_pred, y_true, delta, need_grad):
    for tensor, need in zip((y_pred, y_true), need_grad, strict=True):
        tensor.requires_grad_(need)
    value = learner.HuberLoss(delta)(y_pred, y_true)
    if any(need_grad):
        value.backward()
    return {"tensors": [y_pred.detach(), y_true.detach()], "need grad": [y_pred.requires_grad, y_true.requires_grad]}


def train(learner, x, y, delta, lr, steps):
    model = nn.Linear(x.shape[1], 1, dtype=x.dtype)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    criterion = learner.HuberLoss(delta)
    losses = []
    for _ in range(steps):
        value = criterion(model(x).squeeze(-1), y)
        gradients = torch.autograd.grad(value, (model.weight, model.bias))
        with torch.no_grad():
            model.weight -= lr * gradients[0]
            model.bias -= lr * gradients[1]
        losses.append(value.item())
    return {"losses": losses, "weight": model.weight.detach()[0], "bias": model.bias.detach()}
