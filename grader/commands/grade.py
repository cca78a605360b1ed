"""`grader NAME [PATH]`: grade one submission."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from grader import launch, progress
from grader import workspace as workspaces
from grader.console import FAIL, LOG_WIDTH, OUR_FAULT, PASS, Parser, WrongCall, has_color, say, shown, width
from grader.exercise import Exercise, find
from grader.submission import Submission, Unreadable, read
from grader.workspace import Workspace

if TYPE_CHECKING:
    from grader.result import Result

_SANDBOXES = ("auto", "require", "off")


def run(arguments: list[str]) -> int:
    """Grade, print the report, and note the learner's own progress."""
    options = _parser().parse_args(arguments)
    exercise = find(options.name)
    workspace = None if options.path else workspaces.here()
    submission = _read(exercise, options.path, workspace)
    launch.source(confined=options.sandbox != "off", banned=exercise.banned)
    from grader.judge import NoSandbox, grade_text

    try:
        result = grade_text(exercise, submission, seed=options.seed, sandbox=options.sandbox)
    except NoSandbox as error:
        say(str(error))
        return OUR_FAULT
    if options.json == "-":
        print(result.to_json())
    else:
        _print_report(result, options.all)
    if workspace and result.verdict != "error":
        _note(workspace, result)
    if options.json != "-":
        _write(options.json, lambda: result.to_json() + "\n")
    _write(options.svg, lambda: _picture(result, options.all))
    return {"pass": PASS, "fail": FAIL, "error": OUR_FAULT}[result.verdict]


def _read(exercise: Exercise, path: str | None, workspace: Workspace | None) -> Submission:
    if path or not workspace:
        return read(path or "", exercise.entry_points)
    own = workspace.file(exercise)
    if not own.exists():
        raise Unreadable(f"{shown(own)} does not exist; `python -m grader reset {exercise.name}` writes it anew")
    return read(shown(own), exercise.entry_points)


def _note(workspace: Workspace, result: "Result") -> None:
    amiss = progress.note(workspace.progress, result.exercise, passed=result.verdict == "pass")
    if amiss:
        say(amiss)


def _write(path: str | None, text: Callable[[], str]) -> None:
    if not path:
        return
    try:
        Path(path).write_text(text(), encoding="utf-8")
    except OSError as error:
        raise WrongCall(f"the result cannot be written to {path}: {error.strerror}") from None


def _print_report(result: "Result", all_code: bool) -> None:
    from grader.reports.terminal import terminal

    out = sys.stdout
    out.write(terminal(result, width=width(out), color=has_color(out), all_code=all_code))
    out.flush()


def _picture(result: "Result", all_code: bool) -> str:
    """The report as it looks in a terminal, as SVG."""
    from grader.reports.svg import svg
    from grader.reports.terminal import terminal

    report = terminal(result, width=LOG_WIDTH, color=True, all_code=all_code)
    return svg(report, LOG_WIDTH, title=f"python -m grader {result.exercise}")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "grader",
        description="Grade a submission for an exercise: your own file under exercises/, or the one at PATH.",
    )
    parser.add_argument("name", metavar="NAME", help="the exercise, such as huber")
    parser.add_argument("path", metavar="PATH", nargs="?", help="the submission's file, .py or .ipynb")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="other random cases (default 0)")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON too; - for standard output alone")
    parser.add_argument("--svg", metavar="FILE", help="write the report as a picture of a terminal too")
    parser.add_argument("--sandbox", choices=_SANDBOXES, default="auto", help="how to confine the submission")
    parser.add_argument("--all", action="store_true", help="show every counterexample as code, not only the first")
    return parser
