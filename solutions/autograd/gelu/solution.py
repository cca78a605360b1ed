"""GELU, with a derivative written by hand.

ReLU decides: a number passes or it does not, and at zero the slope jumps. The Gaussian error linear unit hesitates
instead. It asks how likely a standard normal draw is to fall below x, and lets that share of x through: almost
nothing of -3, half of every x near 0, almost all of 3. It is the activation of BERT and GPT, and smooth everywhere,
so every layer below gets a slope to learn from.

    gelu(x) = x · Φ(x)                                             "none"
    gelu(x) ≈ x/2 · (1 + tanh(sqrt(2/π) · (x + 0.044715·x³)))      "tanh"

Φ is the cumulative distribution function of the standard normal distribution. The second form was once much cheaper,
and many trained models expect it; each form has a slope of its own.

Here autograd does not find that slope: you do. A `torch.autograd.Function` is a node of the graph whose two directions
are both yours: `forward` computes the value, and `backward` turns the gradient that arrives at the result into the
gradient for the input.

The rules, under the names by which the grader quotes them:

- value: `gelu(x, approximate)` is the first formula for "none" and the second for "tanh", element by element.
- modes: `approximate` is "none" unless given. Any other than "none" and "tanh", however near ("Tanh", ""), raises
  ValueError.
- function: `gelu` goes through `GELUFunction.apply` in both modes, for every dtype and shape, and the whole gradient
  is made by `GELUFunction`'s own explicit `backward`. What arguments it takes, whether it has a `setup_context`, how
  `apply` is bound, and whether conversions of dtype or shape stand outside it is up to you.
- inputs: x has any shape, 0-d and empty included, may be a non-contiguous or expanded view, and is of float16,
  bfloat16, float32 or float64; so may be the incoming gradient. Shape and dtype are kept. Neither x nor the incoming
  gradient is modified.
- gradient: `torch.autograd.gradcheck` and `gradgradcheck` pass in float64 in both modes, whatever the incoming
  gradient. So the gradient is itself differentiable; and, since they run backward repeatedly, a graph kept with
  `retain_graph=True` gives the same gradient each time, whatever other calls were made in between.
- precision: float64 agrees with torch's own GELU to 1e-10; over [-12, 12], float16 agrees to 4e-3 and bfloat16 to
  3e-2 (absolute, value and gradient); float32 agrees to rounding, 16 · eps · (|x| + 1).
- extremes: value and gradient are finite wherever torch's own are, and right: up to ±1e10 in float32 (float64 and
  bfloat16 as well), and up to ±6e4 in float16, where neither the square nor the cube of x is representable.
- own formula: torch's own GELU is not used in the computation (`nn.GELU`, `F.gelu`, its operators, by whatever road),
  and no automatic differentiation happens in `gelu` or inside the Function (`torch.autograd.grad`, `.backward()`,
  `torch.func`, `enable_grad`), neither for the gradient nor for the gradient's own.
- training: a network trained with it follows one trained with torch's own, loss by loss.

Example:

    >>> x = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    >>> gelu(x)
    tensor([-0.1587,  0.0000,  1.9545], grad_fn=<GELUFunctionBackward>)
    >>> gelu(x).sum().backward()
    >>> x.grad
    tensor([-0.0833,  0.5000,  1.0852])
"""

import math
from typing import Any

import torch
from torch import Tensor

_MODES = ("none", "tanh")
_CUBIC = 0.044715
_STEEPNESS = math.sqrt(2 / math.pi)
_PEAK = 1 / math.sqrt(2 * math.pi)


class GELUFunction(torch.autograd.Function):
    """The node of the graph: a value forward, a gradient backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, approximate: str) -> Tensor:
        """The value at x; whatever `backward` will need is left with `ctx`."""
        ctx.save_for_backward(x)
        ctx.approximate = approximate
        wide = _widened(x)
        return (wide * _share(wide, approximate)).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        """From the gradient for the result to the gradient for each argument of `forward`, None where there is none."""
        (x,) = ctx.saved_tensors
        wide = _widened(x)
        slope = _share(wide, ctx.approximate) + wide * _share_slope(wide, ctx.approximate)
        return (grad * slope).to(x.dtype), None


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """The GELU of every element, of x's shape and dtype; ValueError unless `approximate` is "none" or "tanh"."""
    if approximate not in _MODES:
        raise ValueError(f"approximate must be 'none' or 'tanh', not {approximate!r}")
    return GELUFunction.apply(x, approximate)


def _widened(x: Tensor) -> Tensor:
    """Half precision as float32, where the cube of any half-precision number has room."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _share(x: Tensor, approximate: str) -> Tensor:
    """How much of x is let through: Φ(x), or its approximation."""
    if approximate == "none":
        return 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return 0.5 * (1 + torch.tanh(_STEEPNESS * (x + _CUBIC * x**3)))


def _share_slope(x: Tensor, approximate: str) -> Tensor:
    """The derivative of the share: the normal density, or that of the approximation."""
    if approximate == "none":
        return _PEAK * torch.exp(-0.5 * x**2)
    tanh = torch.tanh(_STEEPNESS * (x + _CUBIC * x**3))
    return 0.5 * (1 - tanh**2) * _STEEPNESS * (1 + 3 * _CUBIC * x**2)
