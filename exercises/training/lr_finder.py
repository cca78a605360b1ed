"""Learning-rate range test: one short run of training that tells which learning rates are worth trying.

The learning rate matters more than any other setting, and no formula gives it. Leslie Smith (2015) found it by
experiment: train for a hundred mini-batches while the rate grows from far too small to far too large, and write down
the loss. At first next to nothing happens, then the loss falls, and then it explodes. A rate somewhat below the
explosion is a good one. The run is thrown away, so model and optimizer must come out of it as they went in.

With n = num_steps, step i = 0, ..., n-1 trains at

    lr_i = lr_min · (lr_max / lr_min)^(i / (n - 1))

so the rates are evenly spaced on a logarithmic axis. `loader` is any iterable of mini-batches (input, target) that can
be gone through again: a list, a DataLoader, an object with `__iter__` and no length. The model may have buffers and
frozen parameters. The updates are the given optimizer's own, from the state that it is in; it may have several
parameter groups, parameters that are not the model's, and not all of the model's.

The rules of `lr_range_test`, under the names by which the grader quotes them:

- rates: at step i every parameter group's learning rate is lr_i (whatever the group's own was). Step 0 trains
  at lr_min and the last step of a whole run at lr_max. Unless given, lr_min is 1e-6, lr_max is 10.0 and num_steps is
  100.
- floats: the result is a tuple of two lists of plain floats, lrs and losses, one of each for every step, right to a
  relative 1e-6.
- losses: `losses[i]` is loss_fn(model(input), target) of mini-batch i, before the update of the model that uses
  `lrs[i]`. Every step ends with that update.
- own gradient: each update uses the gradient of its own mini-batch alone, as it is (not clipped), whatever was in
  `.grad` before.
- batches: each step takes the next mini-batch, in the loader's order; when the loader ends, it is started anew, and
  may then give other mini-batches (one that shuffles does). How often it is started is up to you.
- not finite: a loss that is inf, -inf or nan is recorded with its learning rate, no update follows, and the test ends:
  both lists then have the same, smaller length.
- training mode: the whole model is in training mode during the test.
- restored: afterwards everything is as it was, exactly: all that the model's state dict holds (buffers, too), the
  training mode of every submodule, and the optimizer's state with the learning rates of its groups. Training goes on
  as if there had been no test. What is left in `.grad`, and in parameters that are not the model's, is up to you.
- exceptions: all of that holds, too, when an exception of whatever kind leaves the test, and the exception reaches the
  caller.
- refused: an lr_min not in (0, lr_max), a num_steps below 2 and an empty loader raise ValueError. (nan lies in no
  interval.)

The rules of `suggest_lr`:

- suggestion: the result is a tenth of the learning rate at which the loss begins to diverge, a float: the first i
  whose loss is not finite, or exceeds four times the smallest of the losses 0 to i. Losses that are finite are not
  negative, but may be 0. The sequences (lists, tuples, ...) are not modified.
- no divergence: where no loss is such, the result is a tenth of the last learning rate.
- unequal: sequences that are empty or of unequal lengths raise ValueError.
- learning: a model trained at the rate that is suggested learns; at ten times that rate and above it need not.

Example:

    >>> suggest_lr([0.001, 0.01, 0.1, 1.0], [2.0, 1.0, 0.5, 2.5])    # 2.5 > 4 · 0.5, at the rate 1.0
    0.1
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn


def lr_range_test(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    loader: Iterable[tuple[Tensor, Tensor]],
    lr_min: float = 1e-6,
    lr_max: float = 10.0,
    num_steps: int = 100,
) -> tuple[list[float], list[float]]:
    """The learning rates and losses of `num_steps` steps at growing rates; model and optimizer end as they began."""
    raise NotImplementedError("fill in lr_range_test")


def suggest_lr(lrs: Sequence[float], losses: Sequence[float]) -> float:
    """A tenth of the learning rate at which the loss begins to diverge, or else of the last one."""
    raise NotImplementedError("fill in suggest_lr")
