"""Loss against learning rate, with the rate that is suggested and the one where the loss begins to diverge."""

import math

from grader.authoring import Curve, Mark, Panel, Picture

SEED = 3
# Beyond this many times its least, a loss has left the picture.
HIGHEST = 1e3


def picture(submission, solution):
    curves, marks = [], []
    for whose, side in (("yours", submission), ("reference", solution)):
        got = side.train_as_suggested(0, seed=SEED)
        curves.append(Curve(f"loss ({whose})", got["lrs"], drawable(got["tested"]), whose))
        marks.append(Mark(got["suggestion"], f"suggested: {got['suggestion']:.2g} ({whose})", whose))
    diverging = 10 * got["suggestion"]
    marks.append(Mark(diverging, f"diverges from {diverging:.2g} on", "other"))
    panel = Panel("Range test", "learning rate", "loss of the mini-batch", curves, marks, log_x=True, log_y=True)
    return Picture("Learning-rate finder", [panel])


def drawable(losses):
    """What is not finite, or far above everything else, leaves a gap."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    highest = HIGHEST * min(finite, default=0.0)
    return [loss if loss <= highest else math.nan for loss in losses]
