"""Gradient norms: a pulse to take while a network trains.

The loss tells how well a network does, and the norm of its gradient tells how hard it is being pushed. A norm that
shrinks to nothing means that the learning signal dies on its way back, one that leaps means that the next update may
undo an hour of work. Both often begin on the first day, with the initial weights. So here are three small tools that
belong together: a logger that notes the norm at each update, three ways to initialise the linear layers, and the
training loop in which the logger has its place.

Over all the parameters p that have a gradient, and all elements of each, the norm is

    norm = sqrt(sum over p of sum of p.grad²)

The rules, under the names by which the grader quotes them:

- norm: `record` returns the L2 norm of all parameters' gradients taken together, as one long vector, and appends it
  to `norms`, a list that is empty at first and each logger's own. It is a plain Python float, as accurate as float32.
- parameters: `parameters` is any iterable of tensors, and may be a generator such as `model.parameters()`. `record` is
  called many times, and each call looks at the gradients as they are then.
- no gradient: a parameter whose `.grad` is None is passed over; where no parameter has a gradient, the norm is 0.0.
- untouched: `record` leaves every gradient as it is, bit for bit.
- float16: the norm of float16 gradients is right, to a relative 1e-3, also where the square of one element overflows,
  as it does from 256 on. (Norms beyond 65504, float16's own limit, are not asked for.)
- layers: `initialize` sets every `nn.Linear` of the model: at any depth, instances of subclasses, frozen ones, and the
  model itself if it is one. Layers of other kinds keep their values.
- schemes: the weights are, by `scheme`, drawn independently from
    "xavier_uniform": the uniform distribution within ±sqrt(6 / (fan_in + fan_out)),
    "kaiming_normal": the normal distribution of mean 0 and standard deviation sqrt(2 / fan_in) (fan-in, ReLU's gain),
    "ones": nothing, each weight is 1.
  What counts is the distribution, not which random numbers are drawn; each layer and each call draws its own.
- biases: the biases of linear layers become zero; a layer may have none (`bias=False`).
- same parameters: the layers keep their `Parameter` objects with dtype and shape; these can still be trained, and an
  optimizer that was given them before goes on updating them.
- unknown scheme: any other scheme raises ValueError.
- steps: for each mini-batch (input, target) of each epoch, `train` zeroes the gradients, computes
  loss_fn(model(input), target) in one forward pass, goes backward, calls `logger.record()` and updates with
  `optimizer`. So there is one norm for each update, of that mini-batch's gradient alone, whatever was in `.grad`
  before. Each epoch goes through `loader` anew (it has a length, and one that shuffles gives another order each time).
- training mode: `train` puts the model, with all its submodules, in training mode.
- losses: `train` returns a list with one plain float for each epoch, the mean of its mini-batch losses: every
  mini-batch counts the same, however many samples it has.
- curves: over 50 epochs, from the same initial weights, norms and losses follow the reference's, for each scheme.

Everything that torch offers may be used.

Example:

    >>> layer = nn.Linear(1, 1)
    >>> logger = GradNormLogger(layer.parameters())
    >>> layer.weight.grad, layer.bias.grad = torch.tensor([[3.0]]), torch.tensor([4.0])
    >>> logger.record(), logger.norms                       # sqrt(9 + 16)
    (5.0, [5.0])
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


class GradNormLogger:
    """Notes the norm of the gradient each time that it is asked to."""

    norms: list[float]

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        """Watch `parameters`; nothing is recorded yet."""
        raise NotImplementedError("fill in GradNormLogger.__init__")

    def record(self) -> float:
        """The norm of the gradients as they are now, which is also appended to `norms`."""
        raise NotImplementedError("fill in GradNormLogger.record")


def initialize(model: nn.Module, scheme: str) -> None:
    """Set all linear layers: weights by `scheme`, biases to zero; ValueError where the scheme is unknown."""
    raise NotImplementedError("fill in initialize")


def train(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    loader: Iterable[tuple[Tensor, Tensor]],
    epochs: int,
    logger: GradNormLogger,
) -> list[float]:
    """Train for `epochs` epochs, with a record before each update; the mean of each epoch's mini-batch losses."""
    raise NotImplementedError("fill in train")
