"""A picture of an exercise: made of the learner's answers, which come from a worker, and drawn on our side."""

import functools
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader import launch
from grader.bench import ask_worker
from grader.calls import kept_generators
from grader.eager import hold_off_compiler
from grader.exercise import Exercise
from grader.limits import Limits
from grader.picture import Curve, Mark, Panel, Picture
from grader.sandbox import Load, Worker
from grader.side import Raised, Side, local
from grader.submission import Submission

_INCHES = (6.4, 4.4)
_DOTS_PER_INCH = 150
# Okabe and Ito's colours are told apart by nearly everyone; the dashes do it on black-and-white paper.
_LOOKS: dict[str, list[dict[str, Any]]] = {
    "yours": [
        {"color": "#0072B2", "linewidth": 2.6, "linestyle": "-"},
        {"color": "#009E73", "linewidth": 2.6, "linestyle": (0, (8, 1.5))},
    ],
    "reference": [
        {"color": "#D55E00", "linewidth": 1.6, "linestyle": (0, (4, 3))},
        {"color": "#000000", "linewidth": 1.6, "linestyle": (0, (2, 2))},
    ],
    "other": [
        {"color": "#777777", "linewidth": 1.4, "linestyle": ":"},
        {"color": "#555555", "linewidth": 1.4, "linestyle": "-."},
    ],
}


class NoPicture(LookupError):
    """The exercise has no picture, or what would draw it is not installed."""


def picture_of(exercise: Exercise, read: Submission) -> Picture:
    """The exercise's picture; raises Raised or Lost where the submission fails, NoPicture where there is none."""
    if not (exercise.folder / "picture.py").exists():
        raise NoPicture(f"{exercise.name} has no picture")
    if read.fault:
        raise NoPicture(read.fault)
    hold_off_compiler()
    probes = exercise.part("probes")
    solution = Side(local(exercise.part("solution"), probes), probes)
    load = Load(exercise.name, read.filename, read.text, exercise.source("probes"))
    source = launch.source(confined=True, banned=exercise.banned)
    with kept_generators(), Worker(source, Limits(), load) as worker:
        reply = worker.loaded()
        if "raised" in reply:
            raise Raised.of(reply["raised"])
        submission = Side(functools.partial(ask_worker, worker), probes)
        made: Picture = exercise.part("picture").picture(submission, solution)
    return made


def draw(picture: Picture, path: Path) -> None:
    """Write the picture as PNG, SVG or PDF, by the path's suffix; raises NoPicture and OSError."""
    try:
        import matplotlib
    except ImportError:
        raise NoPicture("pictures need matplotlib: pip install 'torch-exercise-grader[plot]'") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    if path.suffix.removeprefix(".").lower() not in ("png", "svg", "pdf"):
        raise NoPicture(f"a picture is written as .png, .svg or .pdf, not as {path.name!r}")
    count = len(picture.panels)
    with matplotlib.rc_context({"svg.hashsalt": picture.title, "font.size": 11, "axes.titlesize": 12}):
        figure, axes = pyplot.subplots(
            1, count, figsize=(_INCHES[0] * count, _INCHES[1]), squeeze=False, layout="constrained"
        )
        figure.suptitle(picture.title)
        for panel, place in zip(picture.panels, axes[0], strict=True):
            _draw_panel(place, panel)
        figure.savefig(path, dpi=_DOTS_PER_INCH, metadata={"Date": None} if path.suffix == ".svg" else None)
        pyplot.close(figure)


def _draw_panel(axes: Any, panel: Panel) -> None:
    looks = {whose: itertools.cycle(styles) for whose, styles in _LOOKS.items()}
    for curve in panel.curves:
        axes.plot(curve.x, curve.y, label=curve.label, **next(looks[curve.whose]))
    for mark in panel.marks:
        _draw_mark(axes, mark)
    axes.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
    axes.set_xscale("log" if panel.log_x else "linear")
    axes.set_yscale("log" if panel.log_y else "linear")
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(fontsize=9)


def _draw_mark(axes: Any, mark: Mark) -> None:
    look = {**_LOOKS[mark.whose][0], "linewidth": 1.2}
    axes.axvline(mark.x, label=mark.label, **look)


def write_events(picture: Picture, folder: Path) -> list[str]:
    """Write each curve as scalars that TensorBoard reads, one run for each label; returns the runs' folders.

    A step is a point's number, since TensorBoard's steps are whole; points that are not finite are left out.
    Raises NoPicture and OSError.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise NoPicture("event files need TensorBoard: pip install 'torch-exercise-grader[tensorboard]'") from None
    runs = []
    for label, found in itertools.groupby(sorted(_curves(picture), key=lambda one: one[1].label), lambda o: o[1].label):
        run = folder / _as_name(picture.title) / _as_name(label)
        with SummaryWriter(str(run)) as writer:
            for panel, curve in found:
                for step, value in enumerate(curve.y):
                    if math.isfinite(value):
                        writer.add_scalar(f"{panel.title}/{panel.y_label}", value, step)
        runs.append(str(run))
    return runs


def _curves(picture: Picture) -> Iterator[tuple[Panel, Curve]]:
    return ((panel, curve) for panel in picture.panels for curve in panel.curves)


def _as_name(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in text).strip("-")
