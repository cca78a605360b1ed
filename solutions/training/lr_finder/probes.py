"""What the grader does with a range test: build something to train, run the test on it, and return what was seen."""

import copy
import itertools
from array import array

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BATCH = 4
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0.1}),
}


class Unforeseen(BaseException):
    """Neither an Exception nor one of the interpreter's own."""


ERRORS = {kind.__name__: kind for kind in (RuntimeError, ValueError, KeyboardInterrupt, Unforeseen)}
SEQUENCES = {"list": list, "tuple": tuple, "array": lambda values: array("d", values)}


class Scene:
    """A small model with data, loss and optimizer; it notes what happens, and fails where it is told to."""

    def __init__(
        self,
        optimizer="sgd",
        deep=False,
        classes=False,
        groups=1,
        loader="list",
        batches=3,
        empty=False,
        before=0,
        stale=0.0,
        frozen=False,
        extra=False,
        in_eval=(),
        offset=None,
        size=1.0,
        fails=None,
        used=None,
        dtype=torch.float64,
    ):
        self.modes, self.rates, self.fails, self.used, self.visits = [], [], None, None, itertools.count()
        self.model = self._model(deep, 3 if classes else 1, extra).to(dtype)
        self.criterion = F.cross_entropy if classes else squares_and_offset
        if frozen:
            next(self.model.parameters()).requires_grad_(False)
        self.optimizer = self._optimizer(optimizer, groups)
        x = torch.randn(batches * BATCH, 3, dtype=dtype)
        y = torch.stack([size * (x.sum(1) + torch.randn(len(x), dtype=dtype)), torch.zeros(len(x), dtype=dtype)], 1)
        if offset:
            at, value = offset
            y[at * BATCH : (at + 1) * BATCH, 1] = value
        y = torch.randint(3, (len(x),)) if classes else y
        self.pairs = list(zip(x.split(BATCH), y.split(BATCH)))
        self.loader = self._loader(loader, empty, TensorDataset(x, y))
        for _ in range(before):
            self.update()
        for name in in_eval:
            self.model.get_submodule(name).training = False
        for p in self.model.parameters():
            p.grad = torch.full_like(p, stale) if stale and p.requires_grad else None
        for p in self.model.extra:
            p.grad = torch.full_like(p, stale)
        self.modes.clear()
        self.rates.clear()
        self.fails, self.used = fails, used

    def _model(self, deep, outputs, extra):
        if deep:
            body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.0))
            model = nn.Sequential(body, nn.Tanh(), nn.Linear(4, outputs))
        else:
            model = nn.Sequential(nn.Linear(3, outputs))
        # In a list, the parameter is none of model.parameters(): only the optimizer knows it.
        model.extra = [nn.Parameter(torch.tensor(1.5))] if extra else []
        model.register_forward_pre_hook(lambda module, args: self._on_input(module))
        model.register_forward_hook(lambda module, args, output: self._on_output(module, output))
        return model

    def _on_input(self, module):
        self.modes.append([part.training for part in module.modules()])
        self.may_fail("model")

    def _on_output(self, module, output):
        if self.fails and output.requires_grad:
            output.register_hook(lambda grad: self.may_fail("backward"))
        return output * module.extra[0] if module.extra else output

    def _optimizer(self, name, groups):
        kind, options = OPTIMIZERS[name]
        scene = self

        class Watched(kind):
            def step(self, closure=None):
                own = [group["lr"] for group in self.param_groups]
                # The reference is asked with the rates that a submission used, which may be off by a little.
                for group in self.param_groups if scene.used else ():
                    group["lr"] = scene.used[len(scene.rates)]
                result = super().step(closure)
                # Noted afterwards: an update that an exception in the closure has prevented is none.
                scene.rates.append([float(rate) for rate in own])
                scene.may_fail("step")
                return result

        params = [*self.model.parameters(), *self.model.extra]
        if groups == 1:
            return Watched(params, lr=0.125, **options)
        # The last two are the deep model's last layer; its batch norm is left out.
        first, last = (params[:1], params[1:]) if len(params) < 5 else (params[:2], params[4:])
        return Watched([{"params": first}, {"params": last, "lr": 0.5, "weight_decay": 0.25}], lr=0.125, **options)

    def _loader(self, kind, empty, data):
        if kind == "dataloader":
            return DataLoader([] if empty else data, batch_size=BATCH)
        pairs = [] if empty else self.pairs
        return pairs if kind == "list" else Restartable(self, pairs)

    def loss_fn(self, output, target):
        self.may_fail("loss")
        return self.criterion(output, target)

    def may_fail(self, where):
        if self.fails and self.fails["where"] == where and next(self.visits) == self.fails["at"]:
            raise ERRORS[self.fails["kind"]]("failed on purpose")

    def update(self):
        """An update that has nothing to do with the loss: along the gradient of the outputs' sum."""
        self.optimizer.zero_grad()
        self.model(self.pairs[0][0]).sum().backward()
        self.optimizer.step()

    def state(self):
        """What a range test has to leave as it was."""
        # A copy: these are the very tensors that further training changes.
        weights, kept = copy.deepcopy((dict(self.model.state_dict()), self.optimizer.state_dict()))
        return {
            "state dict": weights,
            "training": {name: part.training for name, part in self.model.named_modules()},
            "optimizer": {str(index): values for index, values in kept["state"].items() if values},
            "groups": kept["param_groups"],
        }


def squares_and_offset(output, target):
    """The mean squared error against the target's first column; the second is added to the loss as it is."""
    return ((output - target[:, :1]) ** 2).mean() + target[:, 1].mean()


class Restartable:
    """A loader that has no length; it can be started any number of times."""

    def __init__(self, scene, pairs):
        self.scene, self.pairs = scene, pairs

    def __iter__(self):
        # Here, and not in the generator: there it would fail when the first mini-batch is asked for.
        self.scene.may_fail("start")
        return self._pass()

    def _pass(self):
        for pair in self.pairs:
            self.scene.may_fail("batch")
            yield pair


class Numbered:
    """A loader whose mini-batches say in which of its passes they were given, and as which."""

    def __init__(self, length):
        self.length, self.passes = length, 0

    def __iter__(self):
        self.passes += 1
        for index in range(self.length):
            yield torch.ones(BATCH, 3, dtype=torch.float64), torch.tensor([self.passes, index])


def _later(scene):
    scene.fails = None
    scene.update()
    return [p.detach().clone() for p in scene.model.parameters()]


def form(learner, num_steps):
    scene = Scene()
    result = learner.lr_range_test(
        model=scene.model,
        loss_fn=lambda output, target: ((output - target) ** 2).mean(),
        optimizer=scene.optimizer,
        loader=scene.loader,
        lr_min=0.001,
        lr_max=0.1,
        num_steps=num_steps,
    )
    pair = list(result) if isinstance(result, tuple) else []
    return {
        "result": type(result).__name__,
        "is pair of lists": len(pair) == 2 and all(isinstance(part, list) for part in pair),
        "not floats": [type(x).__name__ for part in pair for x in part if not isinstance(x, float)],
        "lengths": [len(part) for part in pair],
    }


def curve(learner, lr_min, lr_max, num_steps, **setup):
    scene = Scene(**setup)
    lrs, losses = learner.lr_range_test(
        scene.model, scene.loss_fn, scene.optimizer, scene.loader, lr_min, lr_max, num_steps
    )
    return {"lrs": lrs, "losses": losses, "lrs of the updates": scene.rates}


def default_curve(learner):
    scene = Scene()
    lrs, losses = learner.lr_range_test(scene.model, lambda output, _: output.sum(), scene.optimizer, scene.loader)
    return {"lrs": lrs, "losses": losses, "lrs of the updates": scene.rates}


def batches(learner, length, num_steps):
    scene, seen = Scene(), []

    def loss_fn(output, target):
        seen.append(target.tolist())
        return (output**2).mean()

    learner.lr_range_test(scene.model, loss_fn, scene.optimizer, Numbered(length), 0.001, 0.1, num_steps)
    return [pair for pair, _ in itertools.groupby(seen)]


def modes(learner, num_steps, **setup):
    scene = Scene(**setup)
    learner.lr_range_test(scene.model, scene.loss_fn, scene.optimizer, scene.loader, 0.001, 0.1, num_steps)
    return scene.modes


def aftermath(learner, lr_min, lr_max, num_steps, tested=False, **setup):
    """What the test raised, what it left, and how training goes on from there; maybe there was another test before."""
    scene, raised = Scene(**setup), "nothing"
    if tested:
        learner.lr_range_test(scene.model, scene.loss_fn, scene.optimizer, scene.loader, 0.001, 0.1, 2)
        scene.update()
    try:
        learner.lr_range_test(scene.model, scene.loss_fn, scene.optimizer, scene.loader, lr_min, lr_max, num_steps)
    except ValueError as error:
        raised = f"ValueError: {error}" if setup.get("fails") else "ValueError"
    except BaseException as error:
        raised = f"{type(error).__name__}: {error}".removesuffix(": ")
    return {"raised": raised, "left": scene.state(), "later": _later(scene)}


def suggest(learner, lrs, losses, kind="list"):
    lrs, losses = [SEQUENCES[kind](values) for values in (lrs, losses)]
    value = learner.suggest_lr(lrs, losses)
    return {"suggestion": value, "is a float": isinstance(value, float), "lrs": list(lrs), "losses": list(losses)}


def train_as_suggested(learner, epochs):
    """Fit a plane to noisy points: a range test, and then training at the rate that is suggested."""
    x = torch.randn(64, 2, dtype=torch.float64)
    y = x @ torch.tensor([[2.0], [-1.0]], dtype=torch.float64) + 0.5 * torch.randn(64, 1, dtype=torch.float64)
    loader = list(zip(x.split(32), y.split(32)))
    model = nn.Linear(2, 1, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e9)
    lrs, tested = learner.lr_range_test(model, F.mse_loss, optimizer, loader, 0.001, 100.0, 30)
    suggestion = learner.suggest_lr(lrs, tested)
    optimizer.param_groups[0]["lr"] = suggestion
    losses = [F.mse_loss(model(x), y).item()]
    for _ in range(epochs):
        for inputs, targets in loader:
            optimizer.zero_grad()
            F.mse_loss(model(inputs), targets).backward()
            optimizer.step()
        losses.append(F.mse_loss(model(x), y).item())
    return {"lrs": lrs, "tested": tested, "suggestion": suggestion, "losses": losses}
