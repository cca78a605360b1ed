"""What the grader does with a gated linear unit: build it, load weights, call it, train it, return what came out."""

import torch
from torch import nn

BANNED = ("glu",)


def _loaded(learner, weight, bias):
    """A layer of the weight's size and dtype that holds the given weights, as from a checkpoint."""
    rows, in_features = weight.shape
    layer = learner.GatedLinearUnit(in_features, rows // 2, bias=bias is not None).to(weight.dtype)
    layer.load_state_dict({"weight": weight} if bias is None else {"weight": weight, "bias": bias})
    return layer


def _gradients(layer):
    """What a backward pass left in `.grad`."""
    return {name: parameter.grad for name, parameter in layer.named_parameters()}


def fresh(learner, x, out_features):
    """The output of a new layer, and what a backward pass left in `.grad`."""
    layer = learner.GatedLinearUnit(in_features=x.shape[-1], out_features=out_features)
    y = layer(x)
    if y.requires_grad:
        y.sum().backward()
    return {"output": y.detach(), "gradients": _gradients(layer)}


def parameters(learner, in_features, out_features):
    """The parameters and the state of a new layer, by name."""
    layer = learner.GatedLinearUnit(in_features, out_features)
    return {
        "parameters": {
            name: {"shape": str(tuple(p.shape)), "dtype": str(p.dtype), "requires_grad": p.requires_grad}
            for name, p in layer.named_parameters()
        },
        "state_dict": {name: str(tuple(tensor.shape)) for name, tensor in layer.state_dict().items()},
        "bias": type(getattr(layer, "bias", None)).__name__,
    }


def without_bias(learner, in_features, out_features):
    """The parameters and the state of a new layer without a bias."""
    layer = learner.GatedLinearUnit(in_features, out_features, bias=False)
    return {
        "bias": None if layer.bias is None else type(layer.bias).__name__,
        "parameters": [name for name, _ in layer.named_parameters()],
        "state_dict": list(layer.state_dict()),
    }


def initial(learner, in_features, out_features, bias):
    """The initial weights of two new layers, one made after the other."""
    layers = [learner.GatedLinearUnit(in_features, out_features, bias) for _ in range(2)]
    return [{name: p.detach() for name, p in layer.named_parameters()} for layer in layers]


def output(learner, x, weight, bias, training=True):
    return _loaded(learner, weight, bias).train(training)(x)


def outputs(learner, weight, bias, xs):
    """One layer, called on one input after the other; and the inputs as they are afterwards."""
    layer = _loaded(learner, weight, bias)
    return {"outputs": [layer(x).detach() for x in xs], "xs": xs}


def accepted(learner, weight, bias, xs):
    """For each input None where the layer raises, else the output's shape, or its type where it is no tensor."""
    layer = _loaded(learner, weight, bias)
    seen = []
    for x in xs:
        try:
            y = layer(x)
        except Exception:
            seen.append(None)
        else:
            seen.append(list(y.shape) if isinstance(y, torch.Tensor) else type(y).__name__)
    return seen


def gradients(learner, weight, bias, xs, incoming, training=True):
    """The gradients of the inputs, weight and bias.

    All calls but the last are made first and go back together; then the last is made, and goes back by itself.
    """
    layer = _loaded(learner, weight, bias).train(training)
    xs = [x.requires_grad_() for x in xs]
    for part in (slice(0, -1), slice(-1, None)):
        if xs[part]:
            torch.autograd.backward([layer(x) for x in xs[part]], incoming[part])
    return {"xs": [x.grad for x in xs], **_gradients(layer)}


def moved(learner, x, weight, bias):
    """A float32 checkpoint, loaded and then moved to x's dtype."""
    layer = _loaded(learner, weight, bias).to(x.dtype)
    y = layer(x.requires_grad_())
    y.backward(torch.ones_like(y))
    return {
        "output": y.detach(),
        "parameters": {name: str(p.dtype) for name, p in layer.named_parameters()},
        "gradients": {"xs": [x.grad], **_gradients(layer)},
    }


def reloaded(learner, x, first, second):
    """Outputs with the first checkpoint, with the second in the same layer, and with its state in another layer."""
    layer = _loaded(learner, first["weight"], first.get("bias"))
    y_first = layer(x).detach()
    layer.load_state_dict(second)
    y_second = layer(x).detach()
    state = layer.state_dict()
    other = _loaded(learner, state["weight"], state.get("bias"))
    return {"first": y_first, "second": y_second, "copy": other(x).detach(), "state": dict(state)}


def train(learner, x, y, weight, bias, head, lr, steps):
    """Gradient descent with momentum on the mean squared error of a small network: this layer, then a linear one."""
    layer = _loaded(learner, weight, bias)
    last = nn.Linear(head.shape[1], 1, bias=False, dtype=x.dtype)
    last.load_state_dict({"weight": head})
    model = nn.Sequential(layer, last)
    trained = [layer.weight, layer.bias, last.weight]
    velocity = [torch.zeros_like(p) for p in trained]
    losses = []
    for _ in range(steps):
        loss = ((model(x).squeeze(-1) - y) ** 2).mean()
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p, v in zip(trained, velocity):
                v.mul_(0.9).add_(p.grad)
                p -= lr * v
        losses.append(loss.item())
    return {"losses": losses, "weight": layer.weight.detach(), "bias": layer.bias.detach()}
