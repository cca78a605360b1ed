"""The function, its derivative, and how far float32 is from float64 over all magnitudes, in both modes."""

import torch

from grader.authoring import Curve, Panel, Picture

MODES = ("none", "tanh")
BINS, IN_A_BIN = 40, 25
SIDES = ("yours", "reference")


def picture(submission, solution):
    sides = dict(zip(SIDES, (submission, solution), strict=True))
    x = torch.linspace(-5.0, 5.0, 201, dtype=torch.float64)
    drawn = [(whose, mode, *both(side, x, mode)) for whose, side in sides.items() for mode in MODES]
    places = x.tolist()
    values = [Curve(f"{whose}, {mode}", places, value.tolist(), whose) for whose, mode, value, _ in drawn]
    slopes = [Curve(f"{whose}, {mode}", places, slope.tolist(), whose) for whose, mode, _, slope in drawn]
    return Picture(
        "GELU",
        [
            Panel("Function", "x", "gelu(x)", values),
            Panel("Derivative", "x", "d gelu / dx", slopes),
            errors(sides),
        ],
    )


def both(side, x, mode):
    """The value and the derivative."""
    x = x.clone().requires_grad_()
    value = side.gelu(x, mode)
    (slope,) = torch.autograd.grad(value, x, torch.ones_like(value))
    return value.detach(), slope


def errors(sides):
    """How far float32 is from float64, as a share of |x|: the worst of many x of about one magnitude."""
    magnitudes = torch.logspace(-4.0, 8.0, BINS * IN_A_BIN, dtype=torch.float64).float()
    x = torch.stack([magnitudes, -magnitudes])
    exact = {mode: torch.nn.functional.gelu(x.double(), approximate=mode) for mode in MODES}
    eps = torch.finfo(torch.float32).eps

    def worst(side, mode):
        share = (side.gelu(x, mode).double() - exact[mode]).abs() / x.abs()
        return share.reshape(2, BINS, IN_A_BIN).amax((0, 2)).clamp(min=eps / 1000).tolist()

    places = magnitudes.reshape(BINS, IN_A_BIN)[:, IN_A_BIN // 2].tolist()
    curves = [
        Curve(f"{whose}, {mode}", places, worst(side, mode), whose) for whose, side in sides.items() for mode in MODES
    ]
    curves.append(Curve("one rounding of float32", [places[0], places[-1]], [eps, eps], "other"))
    return Panel("float32 against float64", "|x|", "|error of gelu(x)| / |x|", curves, log_x=True, log_y=True)
