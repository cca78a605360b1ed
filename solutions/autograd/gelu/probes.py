"""What the grader does with a GELU: call it, differentiate it, train with it, and return what came out."""

from contextlib import contextmanager

import torch
from torch.autograd import forward_ad, grad

BANNED = ("gelu", "_linear_pointwise", "_convolution_pointwise", "_convolution_transpose_pointwise")


def gelu(learner, x, approximate):
    return learner.gelu(x, approximate)


def default_gelu(learner, x):
    return learner.gelu(x)


def ancestors(learner):
    return [base.__qualname__ for base in getattr(learner.GELUFunction, "__mro__", ())]


def route(learner, x, incoming, approximate):
    """The value and the gradient, and what entered and left GELUFunction's nodes on the way back."""
    entered, left = [], []

    def keep(where):
        return lambda grads, *_: where.extend(one.detach().clone() for one in grads if one is not None)

    x.requires_grad_()
    before = _backward_passes()
    with _no_forward_mode():
        result = learner.gelu(x, approximate)
        for node in _nodes(result):
            if issubclass(getattr(node, "_forward_cls", object), learner.GELUFunction):
                node.register_prehook(keep(entered))
                node.register_hook(keep(left))
        (gradient,) = grad(result, x, incoming)
    ran = _backward_passes() - before - 1
    value = result.detach()
    return {"value": value, "gradient": gradient, "entered": entered, "left": left, "backward passes": ran}


def twice(learner, x, incoming, second, approximate):
    """The gradient, and the gradients of the gradient for x and for the incoming gradient."""
    x.requires_grad_()
    incoming.requires_grad_()
    before = _backward_passes()
    with _no_forward_mode():
        result = learner.gelu(x, approximate)
        (first,) = grad(result, x, incoming, create_graph=True)
        for_x, for_incoming = grad(first, (x, incoming), second, allow_unused=True)
    ran = _backward_passes() - before - 1
    return {"first": first.detach(), "for x": for_x, "for incoming": for_incoming, "backward passes": ran}


def interleaved(learner, x, z, incoming, approximate, other):
    """Two results alive at once: the gradient of the first, of the second, and of the first again."""
    x.requires_grad_()
    z.requires_grad_()
    first, second = learner.gelu(x, approximate), learner.gelu(z, other)
    pairs = [(first, x), (second, z), (first, x)]
    return [grad(result, leaf, incoming, retain_graph=True)[0] for result, leaf in pairs]


def expanded(learner, row, times, approximate):
    """`row` repeated without a copy, and a sum, whose gradient is a single number repeated without a copy."""
    row.requires_grad_()
    result = learner.gelu(row.expand(times, *row.shape), approximate)
    result.sum().backward()
    return result.detach(), row.grad


def inputs_after(learner, x, incoming, approximate):
    learner.gelu(x, approximate)
    needs_grad = x.requires_grad
    learner.gelu(x.requires_grad_(), approximate).backward(incoming)
    return {"x": x.detach(), "incoming gradient": incoming, "requires_grad of x": needs_grad}


def train(learner, x, y, weights, approximate, lr, steps):
    """Gradient descent on a network with two hidden layers."""
    weights = [weight.clone().requires_grad_() for weight in weights]
    losses = []
    for _ in range(steps):
        hidden = x
        for weight in weights[:-1]:
            hidden = learner.gelu(hidden @ weight, approximate=approximate)
        loss = (hidden @ weights[-1] - y).square().mean()
        gradients = grad(loss, weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients):
                weight -= lr * gradient
        losses.append(loss.item())
    return {"losses": losses, "weights": [weight.detach() for weight in weights]}


class ForwardModeUsed(Exception):
    """The submission had forward-mode automatic differentiation find a derivative."""


@contextmanager
def _no_forward_mode():
    """torch opens one level of forward-mode differentiation at a time; while this one is open, another cannot be."""
    try:
        with forward_ad.dual_level():
            yield
    except RuntimeError as error:
        if "forward mode AD" not in str(error):
            raise
        raise ForwardModeUsed("forward-mode automatic differentiation may not be used in this exercise") from None


def _nodes(result):
    """Every node of the graph behind `result`."""
    found, waiting = [], [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.append(node)
            waiting += [before for before, _ in node.next_functions]
    return found


def _backward_passes():
    """The number of this backward pass: torch counts every one, whoever asks for it."""
    seen = []
    number = getattr(torch._C, "_current_graph_task_id", None)
    if number is None:  # a torch that does not tell: as if each pass asked for were the only one
        return 0
    leaf = torch.zeros((), requires_grad=True)
    leaf.register_hook(lambda _: seen.append(number()))
    leaf.clone().backward()
    return seen[0]
