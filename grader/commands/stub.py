"""`grader stub [NAME …]`: write the stubs that are derived from the solutions."""

from grader.console import PASS, Parser, shown
from grader.exercise import exercises, find


def run(arguments: list[str]) -> int:
    """Write each stub and print its path."""
    parser = Parser("grader stub", description="Write the stubs that are derived from the solutions.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="exercises; all, if none is named")
    names = parser.parse_args(arguments).names
    for exercise in [find(name) for name in names] or exercises().values():
        exercise.stub_path.parent.mkdir(parents=True, exist_ok=True)
        exercise.stub_path.write_text(exercise.derived_stub(), encoding="utf-8")
        print(shown(exercise.stub_path))
    return PASS
