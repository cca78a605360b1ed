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
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.02),
    "momentum": lambda groups: torch.optim.SGD(groups, lr=0.005, momentum=0.9, weight_decay=0.01),
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.01),
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


class _Halving(nn.Module):
    """Halves its input in evaluation: a layer that knows modes, as dropout does, but leaves nothing to chance."""

    def forward(self, x):
        return x if self.training else x / 2


class _Noting(nn.Sequential):
    """A network that says when it is called."""

    note = None

    def forward(self, x):
        self.note("forward")
        return super().forward(x)


class _Loader:
    """Mini-batches that come in another order in each epoch, as those of a DataLoader that shuffles.

    The order follows from the number of updates so far. Like such a DataLoader it draws a number at each beginning.
    """

    def __init__(self, x, y, sizes, optimizer):
        self._batches = list(zip(x.split(sizes), y.split(sizes), strict=True))
        self._updates = 0
        self.drawn = []
        optimizer.register_step_post_hook(self._count)

    def __len__(self):
        return len(self._batches)

    def __iter__(self):
        self.drawn.append(int(torch.randint(2**62, ())))
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
    """Initialize a model whose parameters and buffers are all near 100, and return them."""
    model = _model(which, dtype)
    if which == "a network":
        model = nn.ModuleDict({"network": model, "aside": _aside(dtype)})
    linear = {_called(name, layer): layer for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
    others = {}
    for name, layer in model.named_modules():
        if not isinstance(layer, nn.Linear):
            own = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
            others.update({f"{_called(name, layer)}.{kind}": value for kind, value in own})
    before = {name: value.detach().clone() for name, value in others.items()}
    learner.initialize(model, scheme)
    weights = {name: layer.weight for name, layer in linear.items()}
    biases = {name: layer.bias for name, layer in linear.items()}
    return {"weights": weights, "biases": biases, "others": others, "before": before}


def refused(learner, schemes):
    """For each scheme, the class of what is raised and those that it is derived from; nothing if nothing is."""
    seen = []
    for scheme in schemes:
        try:
            learner.initialize(nn.Linear(2, 2), scheme)
        except Exception as error:
            seen.append([kind.__name__ for kind in type(error).__mro__])
        else:
            seen.append([])
    return seen


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
    first, second = sides
    layers = nn.Linear(*first, dtype=torch.float64), nn.Linear(*second, bias=False, dtype=torch.float64)
    model = nn.Sequential(*layers)
    learner.initialize(model, scheme)
    return list(model.parameters())


def curves(learner, weights, x, y, sizes, epochs, optimizer, old_gradient=None):
    """Train from the given weights, by one call of `train` for each number of epochs."""
    model = nn.Sequential(*_layers(weights, old_gradient, _Halving()))
    optimizer = _optimizer(optimizer, model)
    loader = _Loader(x, y, sizes, optimizer)
    logger = learner.GradNormLogger(model.parameters())
    losses = [learner.train(model, _loss, optimizer, loader, count, logger) for count in epochs]
    return {"losses": losses, "norms": logger.norms, "weights": list(model.parameters())}


def watched(learner, weights, x, y, sizes, epochs, optimizer, old_gradient=None):
    """Train, and note the training modes, the weights and the gradients at each forward, loss, record and update.

    Weights and gradients are those of all parameters as one vector, the first of them a parameter that is not used;
    `drawn` are the numbers that the loader drew, one for each time that it was gone through.
    """
    model = _Noting(*_layers(weights, old_gradient, nn.Dropout(0.0))).eval()
    model.register_parameter("unused", nn.Parameter(torch.ones(1, dtype=x.dtype)))
    optimizer = _optimizer(optimizer, model)
    loader = _Loader(x, y, sizes, optimizer)
    events = []

    def note(event, **more):
        modes = [module.training for module in model.modules()]
        parameters = list(model.parameters())
        values = torch.cat([p.detach().flatten() for p in parameters])
        gradients = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])
        events.append({"event": event, "training": modes, "weights": values, "gradients": gradients, **more})

    def loss_fn(output, target):
        note("loss", shapes=[list(output.shape), list(target.shape)])
        return _loss(output, target)

    class Logger(learner.GradNormLogger):
        """One that has a __dict__, whatever the learner's class does."""

    def record():
        note("record")
        return inner()

    model.note = note
    optimizer.register_step_post_hook(lambda *_: note("update"))
    logger = Logger(model.parameters())
    inner = logger.record
    object.__setattr__(logger, "record", record)
    learner.train(model, loss_fn, optimizer, loader, epochs, logger)
    return {"events": events, "drawn": loader.drawn}


def modes(learner, **run):
    """Train, and return only the training modes at each event."""
    return [(one["event"], one["training"]) for one in watched(learner, **run)["events"]]


def _model(which, dtype):
    if which == "a linear layer":
        model = nn.Linear(4, 3)
    else:
        # Linear layers at several depths, among others that have weights and biases as well.
        inner = nn.Sequential(nn.PReLU(), _Head(6, 5, bias=False), nn.Sequential(_Block(5)), nn.BatchNorm1d(5))
        conv = nn.Sequential(nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 2, 1), nn.Flatten())
        model = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), inner, conv, _Head(10, 1))
    return _near_100(model).to(dtype)


def _aside(dtype):
    """Layers of other kinds that have matrices too, a frozen linear layer, and one hidden in torch's own layer."""
    others = nn.Embedding(3, 4), nn.Bilinear(2, 3, 2), nn.Conv2d(1, 2, 2), nn.RNNCell(2, 3)
    frozen = nn.Linear(3, 2).requires_grad_(False)
    return _near_100(nn.ModuleList([*others, frozen, nn.MultiheadAttention(4, 2)])).to(dtype)


def _called(name, layer):
    is_frozen = not all(p.requires_grad for p in layer.parameters(recurse=False))
    return f"{name or 'the model'} ({type(layer).__name__}{', frozen' if is_frozen else ''})"


def _near_100(model):
    for value in [*model.parameters(), *model.buffers()]:
        if value.is_floating_point():
            nn.init.uniform_(value, 99.0, 101.0)
    return model


def _layers(weights, old_gradient, moody):
    """Two linear layers of the given weights, the second without a bias, and between them a layer that knows modes."""
    first = nn.Linear(*weights[0].shape[::-1], dtype=weights[0].dtype)
    second = nn.Linear(*weights[2].shape[::-1], bias=False, dtype=weights[2].dtype)
    for p, value in zip([*first.parameters(), *second.parameters()], weights, strict=True):
        p.data.copy_(value)
        p.grad = None if old_gradient is None else torch.full_like(p, old_gradient)
    return first, nn.Sequential(nn.ReLU(), moody), second


def _optimizer(name, model):
    """An optimizer with two groups of parameters, the second of which has a rate of its own."""
    groups = [{"params": list(model[0].parameters())}, {"params": list(model[2].parameters()), "lr": 0.01}]
    return OPTIMIZERS[name](groups)


def _loss(output, target):
    # Not symmetric: the model's output is the first argument.
    return nn.functional.mse_loss(output, 2 * target)
