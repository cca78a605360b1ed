"""Stubs keep what a learner needs, and nothing of the answer."""

import ast

import pytest

from grader.exercise import exercises
from grader.stub import derive, public_names

SOLUTION = '''"""What to do."""

import math
from typing import Any

import torch
from torch import Tensor, nn

_SECRET = math.pi
PUBLIC = 3


class Layer(nn.Module):
    """A layer."""

    size: int

    def __init__(self, size: int) -> None:
        super().__init__()  # the answer
        self.size = size

    @staticmethod
    def double(x: Tensor) -> Tensor:
        """Twice x."""
        def helper():
            return _half(x)
        return helper() * 4

    def _hidden(self) -> None:
        pass


def one_line(x: Any) -> Any: return x


@torch.no_grad()
def _half(x):
    """Not for the learner."""
    return x / 2


def only_docs() -> None:
    """Does nothing."""
'''

STUB = '''"""What to do."""

from typing import Any

import torch
from torch import Tensor, nn

PUBLIC = 3


class Layer(nn.Module):
    """A layer."""

    size: int

    def __init__(self, size: int) -> None:
        raise NotImplementedError("fill in Layer.__init__")

    @staticmethod
    def double(x: Tensor) -> Tensor:
        """Twice x."""
        raise NotImplementedError("fill in Layer.double")


def one_line(x: Any) -> Any:
    raise NotImplementedError("fill in one_line")


def only_docs() -> None:
    """Does nothing."""
    raise NotImplementedError("fill in only_docs")
'''


def test_a_solution_becomes_its_stub():
    assert derive(SOLUTION) == STUB


def test_entry_points_are_the_public_names():
    assert public_names(SOLUTION) == ["Layer", "one_line", "only_docs"]


@pytest.mark.parametrize("name", exercises())
def test_every_stub_is_python_without_answers(name):
    tree = ast.parse(exercises()[name].derived_stub())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert functions
    for function in functions:
        assert ast.unparse(function.body[-1]).startswith("raise NotImplementedError")
        assert len(function.body) <= 2
