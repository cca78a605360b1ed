"""`grader hint NAME`: one rung further at each call."""

import sys

from grader import progress
from grader import workspace as workspaces
from grader.console import PASS, Parser, has_color, say, width
from grader.exercise import find


def run(arguments: list[str]) -> int:
    """Print the next hint and note that it was seen; with --all print all, and note nothing."""
    parser = Parser("grader hint", description="One hint more at each call, mildest first.")
    parser.add_argument("name", metavar="NAME", help="the exercise")
    parser.add_argument("--all", action="store_true", help="all hints")
    options = parser.parse_args(arguments)
    exercise = find(options.name)
    from grader.reports.statement import hints

    rungs = exercise.hints
    if options.all:
        first, last = 0, len(rungs)
    else:
        workspace = workspaces.here()
        seen = progress.read(workspace.progress).of(exercise.name).hints
        first, last = min(seen, len(rungs)), min(seen + 1, len(rungs))
        if last > first and (amiss := progress.note(workspace.progress, exercise.name, hints=last)):
            say(amiss)
    sys.stdout.write(hints(exercise.name, rungs, first, last, width(sys.stdout), has_color(sys.stdout)))
    return PASS
