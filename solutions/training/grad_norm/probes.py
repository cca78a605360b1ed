"""What the grader does: give a logger gradients, initialise models, train them, and return what was seen."""

import torch
from torch import nn

GIVEN_AS = {
    "list": list,
    "tuple": tuple,
    "generator": lambda parameters: (p for p in parameters),
    "model.parameters()": lambda parameters: nn.ParameterList(parameters).parameters(),
}
OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.02),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.005, momentum=0.9, weight_decay=0.01),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
}


class _Head(nn.Linear):
    """A subclass of nn.Linear."""


class _Block(nn.Module):
    """A linear layer inside a module of another kind."""

    def __init__(self, side):
        super().__init__()
        self.inner = nn.Linear(side, side)

    def forward(self, x):
        return x + self.inner(x)


class _Loader:
    """Mini-batches that come in another order in each epoch, as those of a DataLoader that shuffles."""

    def __init__(self, x, y, sizes, optimizer):
        self._batches = list(zip(x.split(sizes), y.split(sizes), strict=True))
        self._updates = 0
        optimizer.register_step_post_hook(self._count)

    def __len__(self):
        return len(self._batches)

    def __iter__(self):
        first = self._updates // len(self) % len(self)
        return iter(self._batches[first:] + self._batches[:first])

    def _count(self, *_):
        self._updates += 1


def records(learner, parameters, rounds, given_as="list"):
    """Record once for each round; a round is every parameter's gradient, None where it has none."""
    parameters = [nn.Parameter(p) for p in parameters]
    logger = learner.GradNormLogger(GIVEN_AS[given_as](parameters))
    seen = []
    for gradients in rounds:
        for p, gradient in zip(parameters, gradients, strict=True):
            p.grad = gradient
        returned = logger.record()
        seen.append({"returned": returned, "norms": list(logger.norms), "gradients": [p.grad for p in parameters]})
    return {"seen": seen, "norms": logger.norms, "norms of a new logger": learner.GradNormLogger(parameters).norms}


def initialized(learner, which, scheme, dtype):
    """Initialize a model whose parameters are all near 100, and return them."""
    model = _model(which, dtype)
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    known = {id(p) for layer in linear for p in layer.parameters()}
    others = [p for p in model.parameters() if id(p) not in known]
    before = [p.detach().clone() for p in others]
    learner.initialize(model, scheme)
    weights, biases = [layer.weight for layer in linear], [layer.bias for layer in linear]
    return {"weights": weights, "biases": biases, "other parameters": others, "before": before}


def updated(learner, which, scheme, dtype):
    """Initialize a model whose parameters an optimizer holds, go backward, and let the optimizer update once."""
    model = _model(which, dtype)
    held = list(model.parameters())
    optimizer = torch.optim.SGD(held, lr=0.5)
    learner.initialize(model, scheme)
    now = list(model.parameters())
    places = [next((place for place, p in enumerate(held) if p is one), None) for one in now]
    requires_grad = [p.requires_grad for p in now]
    before = [p.detach().clone() for p in now]
    x = torch.linspace(-1.0, 2.0, 8, dtype=dtype).reshape(2, 4)
    model(x).square().sum().backward()
    gradients = [p.grad for p in now]
    optimizer.step()
    return {
        "places": places,
        "requires_grad": requires_grad,
        "before": before,
        "gradients": gradients,
        "after": now,
    }


def drawn(learner, sides, scheme, dtype, times=1):
    """The weights of a chain of linear layers, after each of several initialisations."""
    model = nn.Sequential(*[nn.Linear(*pair, dtype=dtype) for pair in sides])
    seen = []
    for _ in range(times):
        learner.initialize(model, scheme)
        seen.append([layer.weight.detach().clone() for layer in model])
    return seen


def start(learner, sides, scheme):
    """The parameters of a network of two linear layers, initialised."""
    model = nn.Sequential(*[nn.Linear(*pair, dtype=torch.float64) for pair in sides])
    learner.initialize(model, scheme)
    return list(model.parameters())


def curves(learner, weights, x, y, sizes, epochs, optimizer, old_gradient=None):
    """Train from the given weights, by one call of `train` for each number of epochs."""
    model = _network(weights, old_gradient)
    optimizer = OPTIMIZERS[optimizer](model.parameters())
    loader = _Loader(x, y, sizes, optimizer)
    logger = learner.GradNormLogger(model.parameters())
    losses = [learner.train(model, _loss, optimizer, loader, count, logger) for count in epochs]
    return {"losses": losses, "norms": logger.norms, "weights": list(model.parameters())}


def watched(learner, weights, x, y, sizes, epochs, optimizer, old_gradient=None):
    """Train, and note at each loss, record and update the training modes, the weights and the gradients."""
    model = _network(weights, old_gradient).eval()
    model.register_parameter("unused", nn.Parameter(torch.ones(2, dtype=x.dtype)))
    optimizer = OPTIMIZERS[optimizer](model.parameters())
    loader = _Loader(x, y, sizes, optimizer)
    events = []

    def note(event):
        modes = [module.training for module in model.modules()]
        values = [p.detach().clone() for p in model.parameters()]
        gradients = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
        events.append({"event": event, "training": modes, "weights": values, "gradients": gradients})

    def loss_fn(output, target):
        note("loss")
        return _loss(output, target)

    class Watching(learner.GradNormLogger):
        def record(self):
            note("record")
            return super().record()

    optimizer.register_step_post_hook(lambda *_: note("update"))
    learner.train(model, loss_fn, optimizer, loader, epochs, Watching(model.parameters()))
    return events


def modes(learner, **run):
    """Train, and return only the training modes at each event."""
    return [(one["event"], one["training"]) for one in watched(learner, **run)]


def _model(which, dtype):
    if which == "a linear layer":
        model = nn.Linear(4, 3)
    elif which == "a subclass":
        model = _Head(4, 3)
    else:
        # Linear layers at several depths, among others that have weights and biases as well.
        inner = nn.Sequential(nn.PReLU(), _Head(6, 5, bias=False), nn.Sequential(_Block(5)), nn.BatchNorm1d(5))
        conv = nn.Sequential(nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 2, 1), nn.Flatten())
        model = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), inner, conv, _Head(10, 1))
    for p in model.parameters():
        nn.init.uniform_(p, 99.0, 101.0)
    return model.to(dtype)


def _network(weights, old_gradient):
    """Two linear layers of the given weights and biases."""
    first, second = [nn.Linear(*weight.shape[::-1], dtype=weight.dtype) for weight in (weights[0], weights[2])]
    model = nn.Sequential(first, nn.Sequential(nn.ReLU(), nn.Dropout(0.0)), second)
    for p, value in zip(model.parameters(), weights, strict=True):
        p.data.copy_(value)
        p.grad = None if old_gradient is None else torch.full_like(p, old_gradient)
    return model


def _loss(output, target):
    # Not symmetric: the model's output is the first argument.
    return (output - 2 * target).square().mean()
