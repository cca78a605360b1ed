"""The two sides of a check, alike to it: probes as differentiable functions, every call recorded; runs on our side."""

import builtins
import functools
import hashlib
import io
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grader import wire
from grader.calls import Call, own, perform

Ask = Callable[[Call], Any]
_MOST_REMEMBERED = 2000
_NOT_RERAISED = (StopIteration, StopAsyncIteration, GeneratorExit, MemoryError, Warning)


class Raised(Exception):
    """What a submission raised; also an instance of the built-in exception that it was, or was derived from."""

    info: dict[str, Any]

    @staticmethod
    def of(info: dict[str, Any]) -> "Raised":
        """The exception that a worker described."""
        error = _raised_like(info["type"], next(filter(_is_reraised, info["kinds"]), "Exception"))(info["message"])
        error.info = info
        return error


@functools.lru_cache(maxsize=256)
def _raised_like(name: str, base: str) -> type[Raised]:
    """One type for each name: Hypothesis tells failures apart by their type."""
    name = name if name.isidentifier() else ascii(name)[1:-1]  # a type's name cannot hold everything that a text can
    return type(name, (Raised,) if base == "Exception" else (Raised, getattr(builtins, base)), {})


def _is_reraised(name: str) -> bool:
    """Whether it is a built-in exception that can be made of a message alone, unlike UnicodeDecodeError."""
    kind = getattr(builtins, name, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception) or issubclass(kind, _NOT_RERAISED):
        return False
    try:
        kind("")
    except TypeError:
        return False
    return True


@dataclass(frozen=True)
class Answer:
    """A call, and the value or the exception that came back."""

    call: Call
    outcome: Any


class Side:
    """One attribute for each probe; calling it is differentiable in its tensor arguments."""

    def __init__(self, ask: Ask, probes: types.ModuleType) -> None:
        self._ask = ask
        self._record: list[Answer] = []
        for name in probe_names(probes):
            setattr(self, name, functools.partial(self._call, name))

    @property
    def record(self) -> list[Answer]:
        """Every call so far with its outcome, oldest first."""
        return self._record

    def ask(self, call: Call) -> Any:
        """Put one call and keep its outcome; raises what the other side raised."""
        try:
            value = self._ask(call)
        except Exception as error:
            self._record.append(Answer(call, error))
            raise
        self._record.append(Answer(call, value))
        return value

    def _call(self, name: str, /, *args: Any, seed: int = 0, **kwargs: Any) -> Any:
        if torch.is_grad_enabled() and any(isinstance(arg, Tensor) and arg.requires_grad for arg in args):
            return _Differentiable.apply(self, name, (), kwargs, seed, *args)  # type: ignore[no-untyped-call]
        return self.ask(Call(name, _plain(args), kwargs, (False,) * len(args), seed=seed))


def probe_names(probes: types.ModuleType) -> list[str]:
    """The public functions that `probes` itself defines."""
    return [
        name
        for name, value in vars(probes).items()
        if isinstance(value, types.FunctionType) and value.__module__ == probes.__name__ and not name.startswith("_")
    ]


def local(learner: types.ModuleType, probes: types.ModuleType) -> Ask:
    """Ask a trusted module in this process."""

    def ask(call: Call) -> Any:
        with torch.enable_grad():
            return detached(perform(learner, probes, call))

    return ask


def remembered(ask: Ask, known: dict[bytes, Any]) -> Ask:
    """Ask once for each call: calls are stateless and seeded, so that the answer to the same call is the same."""

    def answer(call: Call) -> Any:
        key = _key(call)
        if key not in known:
            if len(known) >= _MOST_REMEMBERED:
                known.clear()
            known[key] = ask(call)
        return own(known[key])

    return answer


def _key(call: Call) -> bytes:
    stream = io.BytesIO()
    wire.send(stream, call.as_data())
    return hashlib.blake2b(stream.getvalue()).digest()


def detached(value: Any) -> Any:
    """The value as it would cross to another process: without graphs."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, (list, tuple)):
        return type(value)(detached(item) for item in value)
    if isinstance(value, dict):
        return {str(key): detached(item) for key, item in value.items()}
    return value


def _plain(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Copies: gradcheck writes into the tensors that it passes, and the record has to keep what was asked."""
    return tuple(own(arg) for arg in args)


class _Differentiable(torch.autograd.Function):
    """One call as a differentiable function, whose derivative is the same call one order higher."""

    @staticmethod
    def forward(
        ctx: Any, side: Side, name: str, orders: tuple[int, ...], kwargs: dict[str, Any], seed: int, *args: Any
    ) -> Any:
        needs = tuple(ctx.needs_input_grad[5:])
        ctx.call = side, name, orders, kwargs, seed
        ctx.tensors = args
        value = side.ask(Call(name, _plain(args), kwargs, needs, orders, seed))
        if not isinstance(value, Tensor) and not (isinstance(value, tuple) and value):
            raise AssertionError(f"the result is {value!r}, expected a tensor")
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        side, name, orders, kwargs, seed = ctx.call
        found = _Differentiable.apply(  # type: ignore[no-untyped-call]
            side, name, (*orders, len(ctx.tensors)), kwargs, seed, *ctx.tensors, *grads
        )
        return None, None, None, None, None, *found
