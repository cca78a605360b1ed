"""`grader init [DIR]`: copy the exercises into a learner's folder; nothing of the learner's is overwritten."""

from pathlib import Path

from grader import progress, stubs
from grader import workspace as workspaces
from grader.console import PASS, Parser, WrongCall, shown
from grader.workspace import Workspace


def run(arguments: list[str]) -> int:
    """Fill the folder with the stubs that are not there yet, and say what to do next."""
    parser = Parser("grader init", description="Copy the exercises into a folder; what is there already stays.")
    parser.add_argument("dir", metavar="DIR", nargs="?", help="the folder; this one, or the workspace it is in")
    given = parser.parse_args(arguments).dir
    workspace = Workspace(Path(given).resolve()) if given else workspaces.around(Path.cwd()) or Workspace(Path.cwd())
    try:
        workspace.root.mkdir(parents=True, exist_ok=True)
        written, there = stubs.fill(workspace)
        progress.start(workspace.progress)
    except OSError as error:
        raise WrongCall(f"{shown(workspace.root)} cannot be filled: {error.filename}: {error.strerror}") from None
    print(
        f"exercises written into {shown(workspace.root / 'exercises')}: {len(written)}; left as they were: {len(there)}"
    )
    step = "" if workspace.root == Path.cwd() else f"cd {shown(workspace.root)} && "
    print(f"Go on with: {step}python -m grader watch")
    return PASS
