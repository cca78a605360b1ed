"""Compare an answer with the right one at a tolerance that follows from dtype and size; runs on our side."""

import math
import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

_NUMBER = re.compile(r"[-+]?\d[\d., x\[\]()]*")


class Mismatch(AssertionError):
    """The answer is not the right one; the text says where, by how much, and what rounding would allow."""


def close(got: Any, want: Any, *, steps: float = 8.0, scale: Any = None, what: str = "the result") -> None:
    """`got` is a tensor of `want`'s shape and dtype, and equal to it up to rounding; raises Mismatch.

    The tolerance is `steps` roundings of numbers as large as `scale`: steps · eps(dtype) · scale, element by
    element. `scale` defaults to the right value's own size. Two sequences of floats are compared in the same way,
    as float64 unless `want` is a tensor. Infinite values must be equal, and nan stands for nan only.
    """
    got, want = _tensor(got, what), _tensor(want, what)
    _same_form(got, want, what)
    allowed = torch.as_tensor(want.abs() if scale is None else scale, dtype=torch.float64).abs()
    allowed = (steps * torch.finfo(want.dtype).eps * allowed + torch.finfo(want.dtype).tiny).expand(want.shape)
    got64, want64 = got.double(), want.double()
    equal = (got64 == want64) | (got64.isnan() & want64.isnan())
    comparable = got64.isfinite() & want64.isfinite() & allowed.isfinite()
    good = equal | (comparable & ((got64 - want64).abs() <= allowed))
    if not bool(good.all()):
        raise Mismatch(_report(got64, want64, allowed, good, what))


def equal(got: Any, want: Any, what: str = "the result") -> None:
    """`got` is `want`, bit for bit: a number, string or tensor, or a list, tuple or dict of them; raises Mismatch."""
    if isinstance(want, Tensor):
        _same_form(_tensor(got, what), want, what)
        same = (got == want) | ((got != got) & (want != want))
        if not bool(same.all()):
            zero = torch.zeros(want.shape, dtype=torch.float64)
            raise Mismatch(_report(got.double(), want.double(), zero, same, what))
    elif isinstance(want, (list, tuple)):
        if not isinstance(got, (list, tuple)) or len(got) != len(want):
            raise Mismatch(f"{what} has {_count(got)}, expected {_count(want)}")
        for index, (one, other) in enumerate(zip(got, want, strict=True)):
            equal(one, other, f"{what}[{index}]")
    elif isinstance(want, dict):
        if not isinstance(got, dict) or sorted(got) != sorted(want):
            raise Mismatch(
                f"{what} has the keys {sorted(got) if isinstance(got, dict) else got}, expected {sorted(want)}"
            )
        for key in want:
            equal(got[key], want[key], f"{what}[{key!r}]")
    elif got != want or type(got) is not type(want):
        raise Mismatch(f"{what} is {got!r}, expected {want!r}")


def alike(one: Any, other: Any) -> bool:
    """Whether two answers show the same behaviour: equal but for rounding that another way of writing may cause."""
    if isinstance(one, BaseException) or isinstance(other, BaseException):
        same_kind = type(one).__name__ == type(other).__name__
        return same_kind and (type(one).__name__ != "NotAllowed" or str(one) == str(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return _near(torch.tensor(one, dtype=torch.float64), torch.tensor(other, dtype=torch.float64), 1e-6)
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return _near(one, other, torch.finfo(one.dtype).eps ** 0.5 if one.is_floating_point() else 0.0)
    return type(one) is type(other) and bool(one == other)


def alike_in_words(one: Any, other: Any) -> bool:
    """As `alike`; and two RuntimeErrors, which torch words, say the same but for numbers."""
    if type(one).__name__ == type(other).__name__ == "RuntimeError":
        return _NUMBER.sub("", str(one)) == _NUMBER.sub("", str(other))
    return alike(one, other)


def _near(one: Tensor, other: Tensor, share: float) -> bool:
    one, other = one.double(), other.double()
    settled = (one == other) | (one.isnan() & other.isnan())
    if bool(settled.all()):
        return True
    one, other = one[~settled], other[~settled]
    if not bool((one.isfinite() & other.isfinite()).all()):
        return False
    return bool(((one - other).abs() <= share * torch.maximum(one.abs(), other.abs()).max()).all())


def _tensor(value: Any, what: str) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return torch.tensor(value, dtype=torch.float64)
    if isinstance(value, Sequence) and all(isinstance(item, float) for item in value):
        return torch.tensor(value, dtype=torch.float64)
    raise Mismatch(f"{what} is {_kind(value)}, expected numbers")


def _same_form(got: Tensor, want: Tensor, what: str) -> None:
    if got.shape != want.shape:
        raise Mismatch(f"{what} has the shape {tuple(got.shape)}, expected {tuple(want.shape)}")
    if got.dtype != want.dtype:
        raise Mismatch(f"{what} is of {got.dtype}, expected {want.dtype}")


def _report(got: Tensor, want: Tensor, allowed: Tensor, good: Tensor, what: str) -> str:
    """The first differing element, the difference, and how many times the tolerance it is."""
    wrong = (~good).nonzero()
    index = tuple(int(i) for i in wrong[0])
    one, other, room = float(got[index]), float(want[index]), float(allowed[index])
    where = f"{what}[{', '.join(map(str, index))}]" if index else what
    text = f"{where} is {one:.6g}, expected {other:.6g}"
    off = abs(one - other)
    if math.isfinite(off) and math.isfinite(room):
        if room and off / room < 1e15:
            text += f": off by {off:.3g}, {off / room:.2g} times what rounding allows ({room:.2g})"
        else:
            text += f": off by {off:.3g}"
    if good.numel() > 1:
        text += f"; {len(wrong)} of {good.numel()} elements differ"
    return text


def _count(value: Any) -> str:
    return f"{len(value)} items" if isinstance(value, (list, tuple)) else f"no items (it is {_kind(value)})"


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
