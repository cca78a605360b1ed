"""`grader watch [NAME]`: grade on every save, in a terminal."""

import shutil
import sys

from grader import launch, listing
from grader import workspace as workspaces
from grader.console import PASS, Parser, WrongCall, has_color, shown
from grader.exercise import Exercise, find
from grader.workspace import Workspace

_CLEAR = "\x1b[2J\x1b[3J\x1b[H"


def run(arguments: list[str]) -> int:
    """Watch the named exercise, or the first that is not done, until the learner quits."""
    parser = Parser("grader watch", description="Grade your file each time that you save it; single keys do the rest.")
    parser.add_argument("name", metavar="NAME", nargs="?", help="the exercise; the first one that is not done")
    name = parser.parse_args(arguments).name
    workspace = workspaces.here()
    exercise = _chosen(workspace, name)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WrongCall(
            f"watch needs a terminal; without one, run `python -m grader {exercise.name}` after each change"
        )
    launch.source(confined=True, banned=exercise.banned)
    _watch(workspace, exercise)
    return PASS


def _chosen(workspace: Workspace, name: str | None) -> Exercise:
    if name:
        return find(name)
    todo = listing.next_todo(workspace)
    if todo is None:
        raise WrongCall("every exercise is done; `python -m grader watch NAME` watches one of them all the same")
    return todo


def _watch(workspace: Workspace, exercise: Exercise) -> None:
    from grader.events import Events
    from grader.judge import grade_text
    from grader.reports.watching import screen
    from grader.submission import read
    from grader.watch import View, Watch

    def draw(view: View) -> None:
        size = shutil.get_terminal_size()
        sys.stdout.write(_CLEAR + screen(view, size.columns, size.lines, has_color(sys.stdout)) + "\n")
        sys.stdout.flush()

    watch = Watch(
        workspace=workspace,
        exercise=exercise,
        grade=lambda exercise, path, on_check: grade_text(
            exercise, read(path, exercise.entry_points), on_check=on_check
        ),
        draw=draw,
        shown_path=lambda exercise: shown(workspace.file(exercise)),
    )
    with Events(workspace.root / "exercises", lambda: workspace.file(watch.exercise)) as events:
        watch.run(events)
