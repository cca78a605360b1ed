"""The table of `selfcheck`: right accepted, wrong caught, wrong named, seconds."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.selfcheck import Row

_FORM = "| {:<18} | {:>6} | {:>14} | {:>12} | {:>11} | {:>7} |"


def heading() -> str:
    """The head of the table, in Markdown."""
    names = ("exercise", "checks", "right accepted", "wrong caught", "wrong named", "seconds")
    return _FORM.format(*names) + "\n" + _FORM.format("---", "--:", "--:", "--:", "--:", "--:")


def line(row: "Row") -> str:
    """One exercise's line."""
    shares = [f"{part}/{whole}" for part, whole in (row.right, row.caught, row.named)]
    return _FORM.format(row.exercise, row.checks, *shares, f"{row.seconds:.1f}")
