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


def route(learner, x, incoming, approximate, inner):
    """The value and the gradient, and what entered and left GELUFunction's nodes on the way back.

    With `inner`, x reaches gelu as the result of another operation, as it does within a network.
    """
    entered, left = [], []

    def keep(where):
        return lambda grads, *_: where.extend(one.detach().clone() for one in grads if one is not None)

    x.requires_grad_()
    before = _backward_passes()
    with _no_forward_mode():
        result = _differentiable(learner, x.clone() if inner else x, approximate)
        for node in _nodes(result):
            if issubclass(getattr(node, "_forward_cls", object), learner.GELUFunction):
                node.register_prehook(keep(entered))
                node.register_hook(keep(left))
        (gradient,) = grad(result, x, incoming)
    unasked = _backward_passes() - before - 2
    value = result.detach()
    return {"value": value, "gradient": gradient, "entered": entered, "left": left, "unasked backward passes": unasked}


def twice(learner, x, incoming, second, approximate):
    """The gradient, and the gradients of the gradient for x and for the incoming gradient."""
    x.requires_grad_()
    incoming.requires_grad_()
    before = _backward_passes()
    with _no_forward_mode():
        result = _differentiable(learner, x, approximate)
        (first,) = grad(result, x, incoming, create_graph=True)
        has_graph = first.requires_grad
        both = grad(first, (x, incoming), second, allow_unused=True) if has_graph else (None, None)
    unasked = _backward_passes() - before - (3 if has_graph else 2)
    return {"first": first.detach(), "for x": both[0], "for incoming": both[1], "unasked backward passes": unasked}


def interleaved(learner, x, z, incoming, again, approximate, other):
    """Two results alive at once: the gradient of the first, of the second, and of the first, pulled differently."""
    x.requires_grad_()
    z.requires_grad_()
    first, second = _differentiable(learner, x, approximate), _differentiable(learner, z, other)
    pulls = [(first, x, incoming), (second, z, incoming), (first, x, again)]
    return [grad(result, leaf, pull, retain_graph=True)[0] for result, leaf, pull in pulls]


def expanded(learner, row, times, approximate):
    """`row` repeated without a copy."""
    with _read_only("x"):
        return learner.gelu(row.expand(times, *row.shape), approximate)


def expanded_gradient(learner, row, times, approximate):
    """The same, and a sum, whose gradient is a single number repeated without a copy."""
    row.requires_grad_()
    result = _differentiable(learner, row.expand(times, *row.shape), approximate)
    with _read_only("the incoming gradient, or the x that was kept for backward,"):
        result.sum().backward()
    return row.grad


def inputs_after(learner, x, incoming, approximate):
    learner.gelu(x, approximate)
    needs_grad = x.requires_grad
    _differentiable(learner, x.requires_grad_(), approximate).backward(incoming)
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


class NoGraph(Exception):
    """The submission gave a result that no gradient can be asked of."""


class OtherShape(Exception):
    """The submission gave a result that does not fit the incoming gradient."""


def _differentiable(learner, x, approximate):
    """gelu(x), of which a gradient is asked: torch's own words, should that fail, would not say what is missing."""
    result = learner.gelu(x, approximate)
    if not result.requires_grad:
        raise NoGraph("x requires a gradient, and gelu(x) does not: its graph was cut off, or is that of an earlier x")
    if result.shape != x.shape:
        raise OtherShape(f"gelu(x) has the shape {tuple(result.shape)}, and x has {tuple(x.shape)}")
    return result


class WrittenTo(Exception):
    """The submission wrote to a tensor whose elements share one place in memory."""


@contextmanager
def _read_only(what):
    """torch refuses to write to an expanded tensor, but does not say which it was."""
    try:
        yield
    except RuntimeError as error:
        if "written-to tensor" not in str(error):
            raise
        raise WrittenTo(f"{what} was written to in place: it is not yours, and its elements share memory") from None


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
    if number is None:  # a torch that does not tell: as if none ran, not even those asked for
        return 0
    leaf = torch.zeros((), requires_grad=True)
    leaf.register_hook(lambda _: seen.append(number()))
    leaf.clone().backward()
    return seen[0]
