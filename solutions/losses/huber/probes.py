"""What the grader does with a Huber loss: build it, call it, train with it, and return what came out."""

import torch
from torch import nn

BANNED = ("huber_loss", "smooth_l1_loss")


def loss(learner, y_pred, y_true, delta=1.0):
    return learner.HuberLoss(delta)(y_pred, y_true)


def default_loss(learner, y_pred, y_true):
    return learner.HuberLoss()(y_pred, y_true)


def repeated(learner, y_pred, y_true, delta, other_delta, times):
    criterion = learner.HuberLoss(delta)
    learner.HuberLoss(other_delta)
    return [criterion(y_pred, y_true).item() for _ in range(times)]


def construct(learner, delta):
    learner.HuberLoss(delta=delta)


def inputs_after(learner, y_pred, y_true, delta):
    y_pred, y_true = y_pred.requires_grad_(), y_true.requires_grad_()
    learner.HuberLoss(delta)(y_pred, y_true).backward()
    return y_pred.detach(), y_true.detach()


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
