"""What the grader does with a GELU: call it, differentiate it once and twice, train with it, and return what came out."""

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
    """One pass forward and backward, and what entered and left GELUFunction's nodes on the way."""
    entered, left = [], []

    def watch(grad_inputs, grad_outputs):
        left.extend(one.detach().clone() for one in grad_inputs if one is not None)
        entered.extend(one.detach().clone() for one in grad_outputs if one is not None)

    x.requires_grad_()
    before = _backward_passes()
    with forward_ad.dual_level():  # torch opens no second level inside it: forward-mode differentiation raises
        result = learner.gelu(x, approximate)
        for node in _nodes(result):
            if issubclass(getattr(node, "_forward_cls", object), learner.GELUFunction):
                node.register_hook(watch)
        (gradient,) = grad(result, x, incoming)
    ran = _backward_passes() - before - 1
    return {"entered": entered, "left": left, "gradient": gradient, "backward passes": ran}


def twice(learner, x, incoming, second, approximate):
    """The gradient, and the gradients of the gradient for x and for the incoming gradient."""
    x.requires_grad_()
    incoming.requires_grad_()
    before = _backward_passes()
    with forward_ad.dual_level():
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
