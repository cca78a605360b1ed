"""Answers that no check of numbers may accept: zeros, the input, a constant, nan, and a right value without a graph."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from grader.calls import Call, NoGraph
from grader.compare import alike
from grader.examples import run_check
from grader.exercise import Exercise
from grader.side import Ask, Side, local

Change = Callable[[Call, Any], Any]


def accepted(exercise: Exercise, seed: int) -> list[str]:
    """A sentence for each check that accepts a trivial answer in the place of every right one.

    Base checks look at form, not at numbers; a check that is given no number has nothing to reject.
    """
    found = []
    for check in exercise.checks():
        if check.is_base:
            continue
        for kind, change in CHANGES.items():
            probes = exercise.part("probes")
            right = local(exercise.part("solution"), probes)
            changed = _Changed(right, change)
            failure = run_check(exercise.check(check.name), Side(changed, probes), Side(right, probes), seed)
            if changed.any and failure is None:
                found.append(f"the check {check.name} accepts {kind}")
    return found


class _Changed:
    """The solution's answers, each changed; `any` tells whether one was."""

    def __init__(self, right: Ask, change: Change) -> None:
        self._right, self._change = right, change
        self.any = False

    def __call__(self, call: Call) -> Any:
        value = self._right(call)
        try:
            changed = self._change(call, value)
        except NoGraph:
            self.any = True
            raise
        self.any = self.any or not alike(value, changed)
        return changed


def _each(value: Any, number: Callable[[Any], Any]) -> Any:
    """The value with `number` applied to every float and floating tensor in it."""
    if isinstance(value, float) or (isinstance(value, Tensor) and value.is_floating_point()):
        return number(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_each(item, number) for item in value)
    if isinstance(value, dict):
        return {key: _each(item, number) for key, item in value.items()}
    return value


def _filled(with_: float) -> Change:
    def change(_: Call, value: Any) -> Any:
        return _each(value, lambda x: torch.full_like(x, with_) if isinstance(x, Tensor) else with_)

    return change


def _input(call: Call, value: Any) -> Any:
    first = next((arg for arg in call.args if isinstance(arg, Tensor)), None)
    return first.clone() if isinstance(value, Tensor) and first is not None else value


def _detached(call: Call, value: Any) -> Any:
    if call.orders:
        raise NoGraph("the result has no graph (requires_grad is False), so no gradient can reach the inputs")
    return value


CHANGES: dict[str, Change] = {
    "zeros": _filled(0.0),
    "the input itself": _input,
    "a constant": _filled(0.6180339),
    "nan": _filled(float("nan")),
    "a right value without a graph": _detached,
}
