"""`check("huber")` inside a notebook: grade what its kernel has executed; runs in the learner's kernel, without torch.

The kernel is the learner's own process: torch may be patched there, its default dtype changed, gradients off, and the
comparison with the solution would see all of that. So nothing is graded here. The executed cells go, as text, to a
`python -m grader` of their own, which takes the same road as for a notebook's file, and only its result comes back.
"""

import difflib
import json
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grader import progress, workspace
from grader.exercise import Exercise, Unknown, find
from grader.result import Result

_FILE = "notebook.ipynb"
_SHOWN = "this notebook"
_WIDTH = 100
_COUNTED = "Cells are counted as they were executed: cell 3 is the one marked [3]."
_GRADER = """\
import sys
sys.path.insert(0, {folder!r})
import grader.cli
del sys.path[0]
grader.cli.entry()
"""


class CannotCheck(RuntimeError):
    """There is nothing to grade; the message says what to do, and a notebook shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"grader: {self}"]


@dataclass(frozen=True, repr=False)
class Verdict:
    """A result that a notebook shows as HTML, and a terminal as text; `note` is what else the learner should know."""

    result: Result
    note: str = ""

    def __str__(self) -> str:
        drawn = random.getstate()  # rich draws numbers, and a learner's seed must give what it gave before
        try:
            from grader.reports.terminal import terminal

            return terminal(self.result, width=_WIDTH, color=False) + (f"\n{self.note}\n" if self.note else "")
        finally:
            random.setstate(drawn)

    __repr__ = __str__

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        from grader.reports.html import html

        return html(self.result, self.note)


def check(name: str, seed: int = 0) -> Verdict:
    """Grade what this notebook has defined by now as an answer to exercise `name`; raises CannotCheck.

    The cells count in the order in which they were executed, and each as a whole: of one that raised, the definitions
    after the line that failed count too, as they do once it is mended.
    """
    shell = _shell()
    if shell is None:
        raise CannotCheck(
            f"check() grades what a notebook defines, and this is none; try `python -m grader {name} PATH`"
        )
    try:
        exercise = find(name)
    except Unknown as error:
        raise CannotCheck(str(error)) from None
    _demand(exercise, shell.user_ns)
    result = _graded(exercise, _executed(shell), seed)
    return Verdict(result, "\n".join(filter(None, [_COUNTED, _noted(result)])))


def _shell() -> Any:
    """IPython's shell, where this process has one."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _demand(exercise: Exercise, namespace: dict[str, Any]) -> None:
    """Raise CannotCheck unless the kernel has all entry points: what was deleted or reset is not graded from memory."""
    absent = [name for name in exercise.entry_points if name not in namespace]
    if not absent:
        return
    near = difflib.get_close_matches(absent[0], [name for name in namespace if not name.startswith("_")], n=1)
    hint = (
        f"{near[0]} is there: did you mean {absent[0]}?" if near else "run the cell that defines it, then check again"
    )
    raise CannotCheck(f"{' and '.join(absent)} is not defined in this kernel; {hint}")


def _executed(shell: Any) -> list[str]:
    """The executed inputs as they were typed; the cell marked [3] is the third."""
    return [str(source) for source in shell.history_manager.input_hist_raw[1:]]


def _graded(exercise: Exercise, sources: list[str], seed: int) -> Result:
    cells = [{"cell_type": "code", "source": source} for source in sources]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, _FILE)
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}), "utf-8")
        code = _GRADER.format(folder=str(Path(__file__).resolve().parent.parent))
        ended = subprocess.run(
            [sys.executable, "-P", "-c", code, exercise.name, str(path), "--json", "-", "--seed", str(seed)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONUTF8": "1"},
        )
    try:
        return replace(Result.from_json(ended.stdout), submission=_SHOWN)
    except ValueError:
        raise CannotCheck(f"the grader itself failed; this says nothing about your answer\n{ended.stderr}") from None


def _noted(result: Result) -> str:
    """Note the progress, if the notebook is in a learner's folder; what went wrong with that."""
    found = workspace.around(Path.cwd())
    if found is None or result.verdict == "error":
        return ""
    return progress.note(found.progress, result.exercise, passed=result.verdict == "pass")
