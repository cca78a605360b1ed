"""`grader reset NAME`: the stub again; what was there is kept."""

from grader import stubs
from grader import workspace as workspaces
from grader.console import PASS, Parser, WrongCall, confirmed, shown
from grader.exercise import find


def run(arguments: list[str]) -> int:
    """Put the stub back after asking, and say where the learner's file is kept."""
    parser = Parser("grader reset", description="Begin anew: the stub again. Your file is kept as a numbered backup.")
    parser.add_argument("name", metavar="NAME", help="the exercise")
    parser.add_argument("--yes", action="store_true", help="do not ask whether you are sure")
    options = parser.parse_args(arguments)
    exercise = find(options.name)
    path = workspaces.here().file(exercise)
    if stubs.is_untouched(path, exercise):
        print(f"{shown(path)} is the stub already")
        return PASS
    if path.exists() and not options.yes and not confirmed(f"Replace {shown(path)} by the stub?", "--yes"):
        print("nothing was changed")
        return PASS
    try:
        kept = stubs.reset(path, exercise)
    except OSError as error:
        raise WrongCall(f"{shown(path)} was not reset: {error.strerror or error}") from None
    if kept:
        print(f"your file is kept as {shown(kept)}")
    print(f"{shown(path)} is the stub again")
    return PASS
