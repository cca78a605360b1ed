"""Perform one call of a probe, as a value or as a vector-Jacobian product; runs on both sides."""

import random
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


class NoGraph(RuntimeError):
    """A gradient was asked for, and the result is not connected to the inputs."""


@dataclass(frozen=True)
class Call:
    """A probe, its arguments, and how often it is differentiated: data that can be shown, sent and replayed.

    `orders` is empty for the value. Each entry asks for one more vector-Jacobian product and counts the
    arguments that are its inputs; the arguments after those are its cotangents.
    """

    probe: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    needs_grad: tuple[bool, ...] = ()
    orders: tuple[int, ...] = ()
    seed: int = 0

    def as_data(self) -> dict[str, Any]:
        """The call as what crosses to a worker."""
        return {
            "probe": self.probe,
            "args": self.args,
            "kwargs": self.kwargs,
            "needs_grad": self.needs_grad,
            "orders": self.orders,
            "seed": self.seed,
        }


def perform(learner: types.ModuleType, probes: types.ModuleType, call: Call) -> Any:
    """The probe's answer beside `learner`, with arguments of its own and freshly seeded generators."""
    _seed(call.seed)
    needs = (*call.needs_grad, *[False] * (len(call.args) - len(call.needs_grad)))
    args = [own(arg, need) for arg, need in zip(call.args, needs, strict=True)]
    kwargs = {key: own(value) for key, value in call.kwargs.items()}
    probe = getattr(probes, call.probe)

    def function(*xs: Any) -> Any:
        return probe(learner, *xs, **kwargs)

    for depth, count in enumerate(call.orders, start=1):
        function = vjp(function, count, first=depth == 1, last=depth == len(call.orders))
    return function(*args)


def vjp(function: Callable[..., Any], count: int, first: bool, last: bool) -> Callable[..., tuple[Tensor | None, ...]]:
    """From (inputs, cotangents) to the gradients of the `count` inputs, None for those that need none."""

    def pulled(*both: Any) -> tuple[Tensor | None, ...]:
        inputs, cotangents = both[:count], both[count:]
        outputs = function(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        wanted = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
        pairs = [
            (output, cotangent)
            for output, cotangent in zip(outputs, cotangents, strict=True)
            if isinstance(output, Tensor) and output.requires_grad
        ]
        if first and not pairs:
            raise NoGraph("the result has no graph (requires_grad is False), so no gradient can reach the inputs")
        found = _gradients(pairs, wanted, create_graph=not last)
        grads = iter(found)
        return tuple(next(grads) if isinstance(x, Tensor) and x.requires_grad else None for x in inputs)

    return pulled


def _gradients(pairs: list[tuple[Tensor, Tensor]], wanted: list[Tensor], create_graph: bool) -> tuple[Tensor, ...]:
    if not pairs:
        return tuple(torch.zeros_like(x) for x in wanted)
    outputs, cotangents = zip(*pairs, strict=True)
    found = torch.autograd.grad(outputs, wanted, cotangents, create_graph=create_graph, allow_unused=True)
    return tuple(torch.zeros_like(x) if grad is None else grad for x, grad in zip(wanted, found, strict=True))


def own(value: Any, needs_grad: bool = False) -> Any:
    """A copy with the same strides, so that what is done to the one does not reach the other."""
    if isinstance(value, Tensor):
        copied = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype) if _dense(value) else value.clone()
        copied = copied.copy_(value.detach())
        return copied.requires_grad_(needs_grad)
    if isinstance(value, (list, tuple)):
        return type(value)(own(item) for item in value)
    if isinstance(value, dict):
        return {key: own(item) for key, item in value.items()}
    return value


def _dense(value: Tensor) -> bool:
    """Whether no two elements share memory, so that the strides can be had again."""
    return all(stride or size == 1 for size, stride in zip(value.shape, value.stride(), strict=True))


def _seed(seed: int) -> None:
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    if numpy := _numpy():
        numpy.random.seed(seed)


@contextmanager
def kept_generators() -> Iterator[None]:
    """Leave the process's random generators as they were found."""
    numpy = _numpy()
    kept = torch.get_rng_state(), random.getstate(), numpy.random.get_state() if numpy else None
    try:
        yield
    finally:
        torch.set_rng_state(kept[0])
        random.setstate(kept[1])
        if numpy:
            numpy.random.set_state(kept[2])


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        return None
    return numpy
