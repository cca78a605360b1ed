"""The training curve of a small network with the layer, on a product, beside the best that a linear model reaches."""

import torch

from grader.authoring import Curve, Panel, Picture, random

WIDTH, COUNT, STEPS, RATE, SEED = 8, 24, 60, 0.05, 5


def picture(submission, solution):
    x = random((COUNT, 2), SEED, -2.0, 2.0)
    y = x[:, 0] * x[:, 1]
    weight, bias = random((2 * WIDTH, 2), SEED + 1, -1.0, 1.0), random((2 * WIDTH,), SEED + 2, -0.5, 0.5)
    arguments = x, y, weight, bias, random((1, WIDTH), SEED + 3, -1.0, 1.0), RATE, STEPS
    steps = list(range(STEPS))
    curves = [
        Curve("yours", steps, submission.train(*arguments)["losses"]),
        Curve("reference", steps, solution.train(*arguments)["losses"], "reference"),
        Curve("a linear model", steps, of_a_linear_model(x, y), "other"),
    ]
    panel = Panel("Learning x₁·x₂", "training step", "mean squared error", curves, log_y=True)
    return Picture("Gated linear unit", [panel])


def of_a_linear_model(x, y):
    """The losses of a linear model, trained with the same optimizer."""
    inputs = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    weight, velocity = torch.zeros(3, dtype=x.dtype), torch.zeros(3, dtype=x.dtype)
    losses = []
    for _ in range(STEPS):
        error = inputs @ weight - y
        losses.append(float(error.square().mean()))
        velocity = 0.9 * velocity + 2 * inputs.T @ error / len(x)
        weight = weight - RATE * velocity
    return losses
