"""The norm of the gradient over 50 epochs, for each of the three initialisations."""

from grader.authoring import Curve, Panel, Picture, random

SCHEMES = ("xavier_uniform", "kaiming_normal", "ones")
EPOCHS, SAMPLES, SEED = 50, 12, 7


def picture(submission, solution):
    x = random((SAMPLES, 3), SEED, -1.0, 1.0)
    y = (x.sum(1, keepdim=True) / 2).sin() + random((SAMPLES, 1), SEED + 1, -0.3, 0.3)
    return Picture(
        "Gradient norms, one update an epoch", [panel(submission, solution, scheme, x, y) for scheme in SCHEMES]
    )


def panel(submission, solution, scheme, x, y):
    weights = solution.start([(3, 4), (4, 1)], scheme)
    run = {"weights": weights, "x": x, "y": y, "sizes": [SAMPLES], "epochs": [EPOCHS], "optimizer": "sgd"}
    sides = {"yours": submission, "reference": solution}
    epochs = list(range(1, EPOCHS + 1))
    curves = [Curve(whose, epochs, side.curves(**run)["norms"], whose) for whose, side in sides.items()]
    return Panel(scheme, "epoch", "L2 norm of the gradient", curves)
