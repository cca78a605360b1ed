"""What an exercise's checks, variants and picture may import; runs on our side."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from grader.compare import Mismatch, close, equal
from grader.picture import Curve, Mark, Panel, Picture

__all__ = [
    "Curve",
    "Edit",
    "Mark",
    "Mismatch",
    "Panel",
    "Picture",
    "close",
    "dtypes",
    "equal",
    "laid_out",
    "pick",
    "raises",
    "random",
    "shapes",
    "tensors",
]

LAYOUTS = ("contiguous", "transposed", "strided", "offset")
_FEW = 4
_COMMON = ((2,), (), (1,), (3,), (2, 2))


@dataclass(frozen=True)
class Edit:
    """A misconception: the check that must catch it, what to tell the learner, and the edits that make it.

    Each replacement is (old text, new text); the old text occurs exactly once in the solution.
    """

    check: str
    says: str
    replacements: tuple[tuple[str, str], ...]

    def __init__(self, check: str, says: str, *replacements: tuple[str, str]) -> None:
        object.__setattr__(self, "check", check)
        object.__setattr__(self, "says", says)
        object.__setattr__(self, "replacements", replacements)

    def apply(self, source: str) -> str:
        """The solution with the mistake in it; raises ValueError where an old text is not there exactly once."""
        for old, new in self.replacements:
            if source.count(old) != 1:
                raise ValueError(f"{source.count(old)} places read {old!r}, and there should be one")
            source = source.replace(old, new)
        return source


def dtypes(*names: str) -> st.SearchStrategy[torch.dtype]:
    """Some of torch's dtypes, the first being the simplest; by default float64 and float32."""
    return st.sampled_from([getattr(torch, name) for name in names or ("float64", "float32")])


@st.composite
def shapes(
    draw: st.DrawFn, min_dims: int = 0, max_dims: int = 3, max_side: int = 4, min_side: int = 1
) -> tuple[int, ...]:
    """Shapes of tensors. The simplest is (2,), which tells a sum from a mean; 0-d and single elements come often."""
    sides = range(min_side, max_side + 1)
    common = [shape for shape in _COMMON if min_dims <= len(shape) <= max_dims and all(side in sides for side in shape)]
    chosen = draw(st.sampled_from([*common, None, None, None, None]))
    if chosen is not None:
        return tuple(chosen)
    return tuple(draw(st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims)))


@st.composite
def tensors(
    draw: st.DrawFn,
    shape: Any = None,
    dtype: Any = torch.float64,
    low: float = -4.0,
    high: float = 4.0,
    grad: bool = False,
    layouts: Sequence[str] = ("contiguous",),
    simplest: Sequence[float] = (1.0, -2.0, 0.5, 3.0),
) -> Tensor:
    """Tensors of `shape` and `dtype` (values or strategies) with elements in [low, high], in one of the `layouts`.

    Up to four elements are drawn one by one, and shrink to `simplest`; more come from a drawn seed.
    """
    shape = _drawn(draw, shapes() if shape is None else shape)
    dtype = _drawn(draw, dtype)
    count = math.prod(shape)
    if count <= _FEW:
        few = [draw(_numbers(simplest[k % len(simplest)], low, high)) for k in range(count)]
        values = torch.tensor(few, dtype=torch.float64).reshape(shape)
    else:
        values = random(shape, draw(st.integers(0, 2**16)), low, high)
    tensor = laid_out(values.to(dtype), draw(st.sampled_from(list(layouts))))
    return tensor.requires_grad_() if grad else tensor


def random(
    shape: Sequence[int], seed: int, low: float = -4.0, high: float = 4.0, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Uniform values in [low, high], the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(tuple(shape), generator=generator, dtype=torch.float64) * (high - low) + low).to(dtype)


def laid_out(values: Tensor, layout: str) -> Tensor:
    """The same values with other strides: `transposed`, `strided` (every second element), `offset` (within another)."""
    if layout == "transposed" and values.dim() > 1:
        return values.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "strided" and values.dim():
        return torch.stack([values, torch.full_like(values, 77)], dim=-1)[..., 0]
    if layout == "offset":
        return torch.cat([torch.full((1,), 77, dtype=values.dtype), values.reshape(-1)])[1:].reshape(values.shape)
    return values.contiguous()


def pick(*values: Any) -> st.SearchStrategy[Any]:
    """One of the values, the first being the simplest."""
    return st.sampled_from(values)


@contextmanager
def raises(kind: type[Exception], when: str) -> Iterator[None]:
    """The block must raise `kind`; `when` completes the sentence "expected a ValueError …"."""
    try:
        yield
    except kind:
        return
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    raise AssertionError(f"expected {article} {kind.__name__} {when}, and nothing was raised")


@cache
def _numbers(simplest: float, low: float, high: float) -> st.SearchStrategy[float]:
    """Eighths in [low, high], whole numbers first, `simplest` before all others."""
    eighths = [k / 8 for k in range(math.ceil(low * 8), math.floor(high * 8) + 1)]
    ordered = sorted(eighths, key=lambda x: (x % 1 != 0, x % 0.5 != 0, abs(x), x < 0))
    return st.sampled_from(([simplest] if low <= simplest <= high else []) + ordered)


def _drawn(draw: st.DrawFn, value: Any) -> Any:
    return draw(value) if isinstance(value, st.SearchStrategy) else value
