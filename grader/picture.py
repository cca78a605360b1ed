"""A picture as plain data, which matplotlib draws and TensorBoard reads; imports nothing of ours."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Whose = Literal["yours", "reference", "other"]


@dataclass(frozen=True)
class Curve:
    """A line through points; `whose` decides how it looks, in every picture alike."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    whose: Whose = "yours"


@dataclass(frozen=True)
class Mark:
    """A vertical line at `x` that says something."""

    x: float
    label: str
    whose: Whose = "yours"


@dataclass(frozen=True)
class Panel:
    """One pair of axes; labels give units, or say that there are none."""

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    marks: Sequence[Mark] = field(default=())
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Picture:
    """What an exercise's `picture(submission, solution)` returns: panels side by side."""

    title: str
    panels: Sequence[Panel]
