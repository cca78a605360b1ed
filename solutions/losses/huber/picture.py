"""The loss and its gradient against the error, beside the two losses that it joins."""

import torch

from grader.authoring import Curve, Panel, Picture

DELTA = 1.0


def picture(submission, solution):
    errors = torch.linspace(-4.0, 4.0, 161, dtype=torch.float64)
    x = errors.tolist()
    curves = {"yours": values(submission, errors), "reference": values(solution, errors)}
    losses = [Curve(whose, x, value, whose) for whose, (value, _) in curves.items()]
    losses += [
        Curve("squared: e²/2", x, (errors**2 / 2).tolist(), "other"),
        Curve("absolute: |e|", x, errors.abs().tolist(), "other"),
    ]
    slopes = [Curve(whose, x, slope, whose) for whose, (_, slope) in curves.items()]
    slopes += [Curve("squared: e", x, x, "other"), Curve("absolute: sign(e)", x, errors.sign().tolist(), "other")]
    title = f"Huber loss, delta = {DELTA:g}"
    return Picture(
        title,
        [
            Panel("Loss", "error e = y_pred - y_true", "loss of one element", losses),
            Panel("Gradient", "error e = y_pred - y_true", "d loss / d y_pred", slopes),
        ],
    )


def values(side, errors):
    """Each error's loss, and the gradient for it."""
    zero = torch.zeros((), dtype=errors.dtype)
    losses = [float(side.loss(error, zero, DELTA)) for error in errors]
    leaf = errors.clone().requires_grad_()
    (slope,) = torch.autograd.grad(side.loss(leaf, torch.zeros_like(errors), DELTA), leaf)
    return losses, (slope * len(errors)).tolist()
