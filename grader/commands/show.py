"""`grader show NAME`: the statement; the solution and other right answers once passed, or when asked for."""

import sys

from grader import progress
from grader import workspace as workspaces
from grader.console import PASS, Parser, confirmed, has_color, width
from grader.exercise import find


def run(arguments: list[str]) -> int:
    """Print what the learner may see."""
    parser = Parser("grader show", description="The statement; and once you have passed, the solution.")
    parser.add_argument("name", metavar="NAME", help="the exercise")
    parser.add_argument("--solution", action="store_true", help="the solution too, though you have not passed")
    parser.add_argument("--yes", action="store_true", help="do not ask whether you are sure")
    options = parser.parse_args(arguments)
    exercise = find(options.name)
    workspace = workspaces.here()
    passed = bool(progress.read(workspace.progress).of(exercise.name).passed)
    question = f"You have not passed {exercise.name} yet. Show its solution all the same?"
    solved = passed or (options.solution and (options.yes or confirmed(question, "--yes")))
    from grader.reports.statement import solution, statement

    columns, color = width(sys.stdout), has_color(sys.stdout)
    sys.stdout.write(statement(exercise.name, exercise.place.summary, exercise.statement, columns, color))
    if solved:
        own = workspace.file(exercise)
        text = own.read_text(encoding="utf-8", errors="replace") if own.is_file() else ""
        sys.stdout.write(solution(text, exercise.source("solution"), exercise.right, columns, color))
    elif not options.solution:
        print(f"\nThe solution is shown once you have passed, or with --solution. A hint: grader hint {exercise.name}")
    return PASS
