"""Gated linear unit: a linear layer that decides for itself how much of each output to let through.

A linear layer adds things up; it cannot say "this counts only if that is there". Stacking linear layers does not help,
since their product is linear again. Dauphin and others (2017) let one half of a projection open and close a gate for
the other half. The product of the two is what a linear layer cannot do, and the value's side stays linear, so that
gradients pass an open gate undiminished. Most of today's language models keep such gates in their feed-forward blocks.

With W the weight, b the bias and x one input vector,

    (value, gate) = the two halves of  W x + b
    y             = value · sigmoid(gate)

The rules, under the names by which the grader quotes them:

- halves: x of shape (*, in_features) is projected to (*, 2·out_features) and split into two halves along the last
  dimension, value first and gate second; `forward` returns value · sigmoid(gate), of shape (*, out_features), in
  training and in evaluation mode alike.
- parameters: `weight` of shape (2·out_features, in_features) and `bias` of shape (2·out_features,) are the module's
  parameters, and all that `state_dict()` holds. The names count: checkpoints are loaded with `load_state_dict`.
- no bias: with `bias=False`, the attribute `bias` is None, `state_dict()` holds `weight` alone, and nothing is added.
- init: weight and bias start as those of `nn.Linear` do, uniform within ±1/sqrt(in_features). Two instances differ.
- shapes: x has any number of leading dimensions, none included, lies in memory in any layout, and is not modified
  (empty tensors are not asked for). A last dimension that is not in_features raises an exception (of any type), with
  and without a bias, also where the one or the other is 1, which `einsum` and broadcasting would stretch in silence.
- saturation: output and gradients stay finite where the gate saturates: pre-activations of ±1e4 in float32.
- gradients: after a backward pass `weight.grad` and `bias.grad` are there and right, and so is the gradient for x;
  another pass adds to them.
- dtype: the module moves with `.to(dtype)`; it then takes x of that dtype and returns it, and output and gradients are
  right to within that dtype's rounding: float16, bfloat16, float32 and float64.
- training: a small network with it learns a target that is a product of its inputs, which a linear model of the same
  width cannot, and follows the formula's exact gradients loss by loss.
- own formula: torch's own gated linear unit (`nn.GLU`, `F.glu`, its operator, by whatever road) is not used in the
  computation. `F.linear`, `torch.sigmoid` and whatever else torch has are welcome.

Example:

    >>> layer = GatedLinearUnit(1, 1)
    >>> layer.load_state_dict({"weight": torch.tensor([[2.0], [1.0]]), "bias": torch.zeros(2)})
    <All keys matched successfully>
    >>> layer(torch.tensor([0.0, 3.0]).unsqueeze(-1)).squeeze(-1).tolist()    # 6 · sigmoid(3) for the second
    [0.0, 5.715444564819336]
"""

import torch
from torch import Tensor, nn


class GatedLinearUnit(nn.Module):
    """A projection to twice the width, one half of which gates the other."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        """Make the parameters `weight` and `bias` (None with `bias=False`), initialised as `nn.Linear`'s are."""
        raise NotImplementedError("fill in GatedLinearUnit.__init__")

    def forward(self, x: Tensor) -> Tensor:
        """The gated projection, (*, in_features) to (*, out_features); raises where x's last dimension does not fit."""
        raise NotImplementedError("fill in GatedLinearUnit.forward")
